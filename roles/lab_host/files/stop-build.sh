#!/bin/sh
# stop-build.sh CACHE: stop the builds that build-all.sh runs for CACHE, and say which.
for record in "$1"/lab-bin-*/.background; do
  [ -s "$record" ] || continue
  leader=$(cat "$record")
  if tr '\0' ' ' <"/proc/$leader/cmdline" 2>/dev/null | grep -qF build-all.sh; then
    kill -s TERM -- "-$leader"
    while pgrep -g "$leader" >/dev/null; do sleep 0.1; done
    echo "stopped the build in ${record%/.background}"
  fi
  rm -f "$record"
done
