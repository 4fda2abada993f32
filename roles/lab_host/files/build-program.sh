#!/bin/sh
# build-program.sh GO MODULE OUT NAME: build the program NAME, a tool of the Go module in folder MODULE, as OUT/NAME.
# Does nothing when it is there. Waits while another of these scripts builds into OUT: run in the background for all
# programs, and in the foreground for one after the other, it shows how far the background has come.
set -eu
go=$1 module=$2 out=$3 name=$4
mkdir -p "$out"
exec 9>"$out/.lock"
flock 9
[ ! -e "$out/$name" ] || exit 0

cd "$module"
package=$("$go" list tool | grep "/$name\$")
flags='-s -w'
case $package in
k8s.io/kubernetes/*)
  # Without these a kubelet and an apiserver call themselves v0.0.0-master.
  version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
  minor=${version#v1.}
  in=k8s.io/component-base/version
  flags="$flags -X $in.gitVersion=$version -X $in.gitMajor=1 -X $in.gitMinor=${minor%%.*}"
  ;;
esac
CGO_ENABLED=0 GOTOOLCHAIN=local "$go" build -trimpath -buildvcs=false -ldflags "$flags" -o "$out/.$name" "$package"
mv "$out/.$name" "$out/$name"
echo "built $name"
