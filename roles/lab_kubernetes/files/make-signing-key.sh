#!/bin/sh
# make-signing-key.sh: service-account.key and service-account.pub, in the working directory.
set -eu
umask 077
openssl genrsa -out service-account.key 2048
openssl rsa -in service-account.key -pubout -out service-account.pub.new
mv service-account.pub.new service-account.pub
