#!/bin/sh
# issue-certificate.sh NAME SUBJECT USAGE [ALTERNATIVE-NAMES]: NAME.key and NAME.crt, signed by ca.key, in the working
# directory.
set -eu
umask 077
name=$1
trap 'rm -f "$name.request" "$name.extensions"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$name.key"
openssl req -new -key "$name.key" -subj "$2" -out "$name.request"
{
  echo keyUsage=digitalSignature,keyEncipherment
  echo "extendedKeyUsage=$3"
  [ -z "${4:-}" ] || echo "subjectAltName=$4"
} >"$name.extensions"
openssl x509 -req -in "$name.request" -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" \
  -days 3650 -extfile "$name.extensions" -out "$name.crt.new"
mv "$name.crt.new" "$name.crt"
