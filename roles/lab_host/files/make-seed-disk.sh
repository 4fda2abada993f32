#!/bin/sh
# make-seed-disk.sh OUT SIZE ARCHIVE...: an ext4 disk image with the image archives already in a node's containerd.
# A containerd of this machine fills a folder and mkfs copies it: no loop device, and no node has to run. It all happens
# in mount and pid namespaces of its own, so that nothing stays mounted or running, however it ends.
set -eu
if [ "${1:-}" != inside ]; then
  exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private "$0" inside "$@"
fi
out=$2 size=$3
shift 3
rm -rf "$out".work-* "$out.new"
work=$(mktemp -d "$out.work-XXXXXX")
trap 'rm -rf "$work" "$out.new"' EXIT
mkdir -p "$work/disk/kubelet"
cat >"$work/containerd.toml" <<TOML
version = 2
root = "$work/disk/containerd"
state = "$work/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "$work/containerd.sock"
TOML
containerd --config "$work/containerd.toml" >"$work/log" 2>&1 &
containerd=$!
images() { ctr --address "$work/containerd.sock" --namespace k8s.io "$@"; }

tries=0
until images version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 200 ] || ! kill -0 "$containerd" 2>/dev/null; then
    tail -n 20 "$work/log" >&2
    exit 1
  fi
  sleep 0.1
done
for archive in "$@"; do
  images images import "$archive"
done
kill "$containerd"
wait "$containerd" || true

truncate --size "$size" "$out.new"
mkfs.ext4 -q -F -E lazy_itable_init=1,lazy_journal_init=1 -d "$work/disk" "$out.new"
mv "$out.new" "$out"
