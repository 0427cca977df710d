#!/usr/bin/env bash
# Makes what compose.yaml expects beside it: secrets/ with fresh passwords, once. Nothing that is there is changed.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

secret() { [ -e "secrets/$1" ] || printf '%s\n' "$2" >"secrets/$1"; }
fresh() { head -c 24 /dev/urandom | base64 | tr -dc 'A-Za-z0-9'; }

secret database-password "$(fresh)"
secret audiosense.database-url "postgresql://audiosense:$(cat secrets/database-password)@postgres/audiosense"
secret grafana-password "$(fresh)"
# The containers' users read them through a bind mount; the folder keeps everybody else on this computer out.
chmod 644 secrets/*
echo "secrets/ is ready; Grafana's user is admin, its password is in secrets/grafana-password"
