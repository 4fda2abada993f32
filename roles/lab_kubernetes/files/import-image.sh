#!/bin/sh
# import-image.sh LAB_DIR NODES REFERENCE ARCHIVE: see to it that each node's containerd has the image REFERENCE as it is
# in the OCI archive. Names the nodes that it was imported into.
set -eu
lab=$1 nodes=$2 reference=$3 archive=$(readlink -f "$4")
digest=$(tar -xOf "$archive" index.json | grep -o 'sha256:[0-9a-f]*' | head -n 1)

import() {
  "$lab/bin/node-shell" "$1" <<SCRIPT
ctr -n k8s.io images list "name==$reference" | grep -q "$digest" && exit 0
ctr -n k8s.io images import "/oldroot$archive" >/run/import.log 2>&1 || { cat /run/import.log; exit 1; }
ctr -n k8s.io images list "name==$reference" | grep -q "$digest" || {
  echo "$archive holds no $reference:"; cat /run/import.log; exit 1; }
echo "node$1"
SCRIPT
}

pids=
for n in $(seq "$nodes"); do
  import "$n" &
  pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
