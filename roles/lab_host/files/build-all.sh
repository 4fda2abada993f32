#!/bin/sh
# build-all.sh GO TOOLS OUT MODULE/NAME...: build the programs one after the other, in a process group whose leader's
# pid is in OUT/.background, so that it can be stopped.
set -eu
here=$(dirname "$0") go=$1 tools=$2 out=$3
shift 3
mkdir -p "$out"
echo $$ >"$out/.background"
for program in "$@"; do
  "$here/build-program.sh" "$go" "$tools/${program%/*}" "$out" "${program##*/}"
done
rm "$out/.background"
