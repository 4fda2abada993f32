#!/bin/sh
# cluster-state.sh LAB_DIR REVISION NAME...: a line for each thing that is not as it should be: the cluster's revision, the
# daemons and nodes named, the nodes' readiness. Nothing where all is well.
lab=$1 revision=$2
shift 2
if [ "$(cat "$lab/run/cluster.revision" 2>/dev/null)" != "$revision" ]; then
  echo "no cluster of this revision"
  exit 0
fi
for name in "$@"; do
  if flock --nonblock "$lab/run/$name.lock" true; then echo "$name does not run"; fi
done
"$lab/bin/nodes-ready" 0 2>/dev/null || true
