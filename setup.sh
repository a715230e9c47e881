#!/bin/sh
# Installs mnist_jax into .venv on a fresh Debian or Ubuntu machine.
#   ./setup.sh       to run it
#   ./setup.sh dev   to test it as well
# It uses a virtual environment because Debian's Python refuses pip install.
set -eu
cd "$(dirname "$0")"

if [ ! -x .venv/bin/pip ]; then
  if ! python3 -m venv .venv; then # Debian has venv in a package of its own.
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update
    $as_root apt-get install -y python3-venv
    python3 -m venv --clear .venv
  fi
fi
.venv/bin/pip install --quiet --disable-pip-version-check -e ".${1:+[$1]}"
