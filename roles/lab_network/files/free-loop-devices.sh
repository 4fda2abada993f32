#!/bin/sh
# free-loop-devices.sh LAB_DIR: detach the loop devices whose file is below LAB_DIR, and say which.
losetup --noheadings --list --output NAME,BACK-FILE | while read -r device file; do
  case $file in
  "$1"/*) losetup --detach "$device" && echo "$device" ;;
  esac
done
