#!/usr/bin/env bash
# Installs the agent from this checkout as a systemd service, where there is no Debian package for the computer:
#   sudo deploy/systemd/install.sh [--uninstall]
# It goes to /opt/audiosense-agent with pinned libraries of its own. DESTDIR=DIR tries it below DIR and starts nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
destination=${DESTDIR:-}
prefix=/opt/audiosense-agent
unit=/etc/systemd/system/audiosense-agent.service
configuration=/etc/audiosense/audiosense-agent.toml
documents=/usr/share/doc/audiosense-agent

say() { printf 'install: %s\n' "$*" >&2; }
running_systemd() { [ -z "$destination" ] && [ -d /run/systemd/system ]; }

if [ "$(id -u)" -ne 0 ]; then
  say "this must be run as root: sudo $0"
  exit 1
fi

if [ "${1:-}" = --uninstall ]; then
  if running_systemd; then systemctl disable --now audiosense-agent.service || true; fi
  rm -rf "$destination$prefix" "$destination$unit" "$destination/usr/local/bin/audiosense-agent" \
    "$destination/etc/sysusers.d/audiosense-agent.conf" "$destination$documents"
  if running_systemd; then systemctl daemon-reload; fi
  say "removed; what it knows stays in /var/lib/audiosense-agent, its configuration in /etc/audiosense"
  exit 0
fi

python=${PYTHON:-/usr/bin/python3}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "$python is no Python 3.11 or newer with venv; apt-get install python3-venv, or name one with PYTHON=..."
  exit 1
}
ldconfig -p | grep libportaudio.so.2 >/dev/null || say "for microphones: apt-get install libportaudio2"

say "installing to $destination$prefix"
install -d "$destination$prefix"
"$python" -m venv --clear "$destination$prefix"
pip=("$destination$prefix/bin/python" -m pip install -qq --disable-pip-version-check)
"${pip[@]}" --require-hashes -r agent/requirements.lock
"${pip[@]}" --no-deps ./common ./agent

install -d "$destination/usr/local/bin"
ln -sf $prefix/bin/audiosense-agent "$destination/usr/local/bin/audiosense-agent"
install -D -m 644 deploy/systemd/audiosense-agent.sysusers "$destination/etc/sysusers.d/audiosense-agent.conf"
install -D -m 644 deploy/systemd/audiosense-agent.service "$destination$unit"
sed -i "s|/usr/bin/audiosense-agent|$prefix/bin/audiosense-agent|" "$destination$unit"
[ -e "$destination$configuration" ] || install -D -m 644 deploy/debian/audiosense-agent.toml "$destination$configuration"
[ -e "$destination/etc/default/audiosense-agent" ] ||
  install -D -m 644 deploy/systemd/audiosense-agent.default "$destination/etc/default/audiosense-agent"
install -d "$destination$documents"
install -m 644 -t "$destination$documents" docs/agent.md agent/audiosense-agent.example.toml deploy/systemd/no-microphone.conf

if running_systemd; then
  systemd-sysusers audiosense-agent.conf
  systemctl daemon-reload
  systemctl enable audiosense-agent.service
  # Not enable --now: that leaves the release before running.
  systemctl restart audiosense-agent.service
  say "started; next: edit $configuration, then audiosense-agent check, and audiosense-agent enroll KEY"
fi
