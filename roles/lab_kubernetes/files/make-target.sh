#!/bin/sh
# make-target.sh N: node N's iSCSI target in the lab's tgtd, for that node only. Its disks are added as LUNs later.
set -eu
tries=0
until tgtadm --lld iscsi --op show --mode sys >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -le 100 ] || { echo "tgtd does not answer" >&2; exit 1; }
  sleep 0.1
done
if ! tgtadm --lld iscsi --op show --mode target --tid "$1" >/dev/null 2>&1; then
  tgtadm --lld iscsi --op new --mode target --tid "$1" --targetname "iqn.2026-01.lab:disks-node$1"
  tgtadm --lld iscsi --op bind --mode target --tid "$1" --initiator-address "10.98.0.1$1"
  echo "made iqn.2026-01.lab:disks-node$1"
fi
