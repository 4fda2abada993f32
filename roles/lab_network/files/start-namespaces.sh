#!/bin/sh
# start-namespaces.sh LAB_DIR: make the lab's namespaces and wait until their network is there.
# The holder's pid is on disk before there is anything to hold, so that a start cut short can be taken back.
set -eu
lab=$1
# The inner shell is the one that knows its pid.
# shellcheck disable=SC2016
setsid sh -c 'echo $$ >"$1"
  exec unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc --propagation private bash "$2"' \
  sh "$lab/run/holder.pid" "$lab/bin/namespace-init" >"$lab/log/namespaces.log" 2>&1 </dev/null &
holder=$!
tries=0
until [ -s "$lab/run/nodes" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 200 ] || ! kill -0 "$holder" 2>/dev/null; then
    echo "The lab's namespaces did not come up; $lab/log/namespaces.log says:" >&2
    tail -n 5 "$lab/log/namespaces.log" >&2
    exit 1
  fi
  sleep 0.05
done
pgrep --parent "$holder" >"$lab/run/init.pid"
