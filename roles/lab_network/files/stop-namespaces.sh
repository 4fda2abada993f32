#!/bin/sh
# stop-namespaces.sh LAB_DIR: end the lab's first process, and with it all others; returns when none is left, and says
# what it ended. A pid is trusted only as far as its command line names this lab.
set -eu
lab=$1
ours() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF "$lab/bin/namespace-init"; }

[ -s "$lab/run/holder.pid" ] || exit 0
holder=$(cat "$lab/run/holder.pid")
ours "$holder" || exit 0
first=$(pgrep --parent "$holder" || true)
kill -KILL "${first:-$holder}"
tries=0
while [ -e "/proc/$holder" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    echo "process $holder, which holds the lab's namespaces, does not end" >&2
    exit 1
  fi
  sleep 0.1
done
echo "ended the lab's namespaces"
