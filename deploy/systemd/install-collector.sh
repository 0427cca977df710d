#!/usr/bin/env bash
# Installs the collector from this checkout as a systemd service:
#   sudo deploy/systemd/install-collector.sh [--worker | --uninstall]
# It goes to /opt/audiosense-collector with pinned libraries of its own. --worker: a computer that only does jobs.
# DESTDIR=DIR tries it below DIR and starts nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
destination=${DESTDIR:-}
prefix=/opt/audiosense-collector
units=/etc/systemd/system
command=/usr/local/bin/audiosense-collector
documents=/usr/share/doc/audiosense-collector
service=audiosense-collector.service

say() { printf 'install: %s\n' "$*" >&2; }
running_systemd() { [ -z "$destination" ] && [ -d /run/systemd/system ]; }

if [ "$(id -u)" -ne 0 ]; then
  say "this must be run as root: sudo $0"
  exit 1
fi

if [ "${1:-}" = --uninstall ]; then
  if running_systemd; then systemctl disable --now audiosense-collector.service audiosense-worker.service || true; fi
  rm -rf "$destination$prefix" "$destination$units/audiosense-collector.service" \
    "$destination$units/audiosense-worker.service" "$destination$command" \
    "$destination/etc/sysusers.d/audiosense-collector.conf" "$destination$documents"
  if running_systemd; then systemctl daemon-reload; fi
  say "removed; data stays in /var/lib/audiosense and /var/backups/audiosense, settings in /etc/audiosense"
  exit 0
fi
if [ "${1:-}" = --worker ]; then service=audiosense-worker.service; fi

python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "$python is no Python 3.11 or newer with venv; apt-get install python3-venv, or name one with PYTHON=..."
  exit 1
}
[ -f dashboard/dist/index.html ] || {
  say "the dashboard is not built; run make setup (as any user), then this again"
  exit 1
}

say "installing to $destination$prefix"
install -d "$destination$prefix"
"$python" -m venv --clear "$destination$prefix"
pip=("$destination$prefix/bin/python" -m pip install -qq --disable-pip-version-check)
"${pip[@]}" --require-hashes -r collector/requirements.lock
"${pip[@]}" --no-deps ./common ./collector
install -d "$destination$prefix/share"
cp -r dashboard/dist "$destination$prefix/share/dashboard"

install -D -m 755 deploy/systemd/audiosense-collector.sh "$destination$command"
install -D -m 644 deploy/systemd/audiosense-collector.sysusers "$destination/etc/sysusers.d/audiosense-collector.conf"
for unit in audiosense-collector.service audiosense-worker.service; do
  install -D -m 644 "deploy/systemd/$unit" "$destination$units/$unit"
  sed -i "s|/usr/bin/audiosense-collector|$prefix/bin/audiosense-collector|" "$destination$units/$unit"
  sed -i "s|^Environment=|&AUDIOSENSE_DASHBOARD_DIR=$prefix/share/dashboard |" "$destination$units/$unit"
done
[ -e "$destination/etc/audiosense/collector.env" ] ||
  install -D -m 640 deploy/systemd/audiosense-collector.env "$destination/etc/audiosense/collector.env"
install -d "$destination$documents"
install -m 644 -t "$destination$documents" docs/operations.md docs/collector.md

if running_systemd; then
  systemd-sysusers audiosense-collector.conf
  install -d -m 700 -o audiosense -g audiosense /var/backups/audiosense
  systemctl daemon-reload
  systemctl enable "$service"
  # Not enable --now: that leaves the release before running.
  systemctl restart "$service"
  say "started; next: audiosense-collector enrolment-key create, and a proxy for the dashboard ($documents/operations.md)"
fi
