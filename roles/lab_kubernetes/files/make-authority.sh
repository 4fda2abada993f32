#!/bin/sh
# make-authority.sh: the cluster's certificate authority, ca.key and ca.crt, in the working directory.
set -eu
umask 077
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 3650 -subj /CN=mooring-lab \
  -addext keyUsage=critical,keyCertSign,digitalSignature -out ca.crt.new
mv ca.crt.new ca.crt
