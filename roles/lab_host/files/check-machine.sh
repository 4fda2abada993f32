#!/bin/sh
# check-machine.sh LAB_DIR CACHE: one line for each thing that keeps the lab from running here; nothing if all is well.
lab=$1 cache=$2
gib=1048576

# free FOLDER: the KiB left on the file system where FOLDER is or will be.
free() {
  folder=$1
  until [ -d "$folder" ]; do folder=$(dirname "$folder"); done
  df --output=avail -k "$folder" | tail -n 1
}

[ "$(id -u)" = 0 ] || echo "root: the lab makes namespaces and mounts; run this as root, not as $(id -un)."
[ "$(uname -m)" = x86_64 ] || echo "machine: the nodes' kernel is built for x86_64 only; this is $(uname -m)."
grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release ||
  echo "system: the lab's packages are those of Debian 12 (bookworm); /etc/os-release names another system."

total=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
case $limit in *[!0-9]*|'') ;; *) [ $((limit / 1024)) -ge "$total" ] || total=$((limit / 1024)) ;; esac
[ "$total" -ge $((7 * gib)) ] ||
  echo "memory: the lab needs 7 GiB; this machine has $((total / 1024)) MiB (or its control group allows no more)."

if [ "$(id -u)" = 0 ]; then
  why=$(unshare --mount --net --pid --ipc --uts --fork --mount-proc true 2>&1) ||
    echo "kernel: namespaces (mount, net, pid, ipc, uts) cannot be made: $why"
  why=$( (exec 3<>/dev/net/tun) 2>&1) ||
    echo "kernel: /dev/net/tun cannot be opened; load the module tun, or let this container have the device: $why"
fi

if [ -e "$lab" ] && [ ! -e "$lab/.mooring-lab" ] && [ -n "$(ls -A "$lab" 2>/dev/null || echo file)" ]; then
  echo "lab_dir: $lab is there and is not a lab's (no .mooring-lab in it); move it away or set lab_dir to another folder."
fi
if [ ! -e "$lab/.mooring-lab" ] && [ "$(free "$lab")" -lt $((6 * gib)) ]; then
  echo "disk: lab_dir $lab needs 6 GiB free; there are $(($(free "$lab") / 1024)) MiB."
fi
if [ ! -e "$cache" ] && [ "$(free "$cache")" -lt $((12 * gib)) ]; then
  echo "disk: lab_cache $cache needs 12 GiB free; there are $(($(free "$cache") / 1024)) MiB."
fi
exit 0
