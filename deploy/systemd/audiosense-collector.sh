#!/bin/sh
# Runs the collector's commands as its own user and with the service's settings; as another user, just runs them.
set -eu
program=/opt/audiosense-collector/bin/audiosense-collector
if [ "$(id -u)" -ne 0 ]; then exec "$program" "$@"; fi
export AUDIOSENSE_DATA_DIR=/var/lib/audiosense
if [ -r /etc/audiosense/collector.env ]; then
  set -a
  . /etc/audiosense/collector.env
  set +a
fi
if [ -z "${DATABASE_URL:-}" ] && [ -r /etc/credstore/audiosense.database-url ]; then
  DATABASE_URL=$(cat /etc/credstore/audiosense.database-url)
  export DATABASE_URL
fi
cd /
umask 077
exec setpriv --reuid=audiosense --regid=audiosense --init-groups -- "$program" "$@"
