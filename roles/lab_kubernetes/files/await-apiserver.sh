#!/bin/sh
# await-apiserver.sh SECONDS LOGS: wait until the API server is ready.
deadline=$(($(date +%s) + $1))
until kubectl get --raw /readyz >/dev/null 2>&1; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    echo "The API server was not ready after $1 s. It says:" >&2
    kubectl get --raw '/readyz?verbose' >&2
    echo "Logs: $2/kube-apiserver.log, $2/etcd.log" >&2
    exit 1
  fi
  sleep 0.2
done
