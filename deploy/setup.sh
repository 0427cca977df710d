#!/usr/bin/env bash
# Sets up a checkout for development, demo and tests; each step is skipped where it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=.venv

say() { printf 'setup: %s\n' "$*" >&2; }

debian_packages() {
  missing=()
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  ldconfig -p 2>/dev/null | grep libportaudio.so.2 >/dev/null ||  # -q would end ldconfig by SIGPIPE
    missing+=(libportaudio2)
  ls /usr/lib/*/alsa-lib/libasound_module_pcm_*.so >/dev/null 2>&1 || missing+=(libasound2-plugins)
  command -v chromium >/dev/null 2>&1 || missing+=(chromium)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "installing Debian packages: ${missing[*]}"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    # The tests run in the shell, which has no windows, where it is there: that halves their processor time in a browser.
    [[ " ${missing[*]} " != *" chromium "* ]] ||
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null 2>&1 || true
  else
    say "Debian packages are missing; install them with: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
}

python_environment() {
  local stamp wanted
  stamp=$venv/.ready
  wanted=$(cat requirements.lock ./*/pyproject.toml | sha256sum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    say "$("$python" --version) found, Python 3.11 or newer is needed; name one with: make PYTHON=python3.11"
    exit 1
  }
  say "installing Python dependencies (about a minute the first time)"
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation \
    -e common -e agent -e collector
  printf '%s\n' "$wanted" >"$stamp"
}

dashboard() {
  local stamp wanted
  stamp=dashboard/dist/.ready
  wanted=$(find dashboard -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/tests/*' -print0 |
    sort -z | xargs -0 sha256sum | sha256sum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return
  say "building the dashboard"
  export PATH="$PWD/$venv/bin:$PATH"
  (cd dashboard && npm ci --loglevel=error --no-audit --no-fund >/dev/null && npm run --silent build -- --logLevel error)
  printf '%s\n' "$wanted" >"$stamp"
}

debian_packages
python_environment
dashboard
