#!/usr/bin/env bash
# Builds artefacts/audiosense-agent_VERSION_ARCHITECTURE.deb: the agent with its pinned libraries, for this computer's
# Debian release and processor.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
here=deploy/debian
out=artefacts

say() { printf 'deb: %s\n' "$*" >&2; }

command -v dpkg-deb >/dev/null 2>&1 || { say "dpkg-deb is missing; build on Debian or one of its descendants"; exit 1; }
minor=$("$python" -c 'import sys; print(f"{sys.version_info.major}.{sys.version_info.minor}")')
next=$("$python" -c 'import sys; print(f"{sys.version_info.major}.{sys.version_info.minor + 1}")')
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' agent/pyproject.toml)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

libraries() {
  local target=$root/usr/lib/audiosense-agent
  say "installing the pinned libraries"
  "$python" -m pip install -qq --disable-pip-version-check --no-compile --require-hashes --only-binary :all: \
    --target "$target" -r agent/requirements.lock
  "$python" -m pip install -qq --disable-pip-version-check --no-compile --no-deps --no-build-isolation --upgrade \
    --target "$target" ./common ./agent
  rm -rf "${target:?}/bin"
  find "$target" -type d -name tests -prune -exec rm -rf {} +
  # By content: dpkg's times may differ from those of the build.
  "$python" -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / "$target"
}

files() {
  install -D -m 755 $here/launcher "$root/usr/bin/audiosense-agent"
  install -D -m 644 deploy/systemd/audiosense-agent.service "$root/lib/systemd/system/audiosense-agent.service"
  install -D -m 644 deploy/systemd/audiosense-agent.sysusers "$root/usr/lib/sysusers.d/audiosense-agent.conf"
  install -D -m 644 deploy/systemd/audiosense-agent.default "$root/etc/default/audiosense-agent"
  install -D -m 644 $here/audiosense-agent.toml "$root/etc/audiosense/audiosense-agent.toml"
  install -D -m 644 -t "$root/usr/share/doc/audiosense-agent" docs/agent.md agent/audiosense-agent.example.toml \
    deploy/systemd/no-microphone.conf
  install -D -m 644 LICENSE "$root/usr/share/doc/audiosense-agent/copyright"
}

control() {
  install -d "$root/DEBIAN"
  install -m 755 -t "$root/DEBIAN" $here/control/postinst $here/control/prerm $here/control/postrm
  install -m 644 -t "$root/DEBIAN" $here/control/conffiles
  sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@PYTHON@/$minor/" -e "s/@NEXT@/$next/" \
    -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f1)/" $here/control/control >"$root/DEBIAN/control"
  (cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

libraries
files
control
mkdir -p $out
package=$out/audiosense-agent_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$package" >/dev/null
say "built $package ($(du -h "$package" | cut -f1))"
