#!/usr/bin/env bash
# Sets up .venv-peers: the systems the gateway is measured against. Does nothing where all is in place.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=benchmarks/peers
venv=.venv-peers
stamp=$venv/.installed-$(sha256sum <$here/requirements.txt | cut -c1-16)
[ -e "$stamp" ] && exit 0
[ -x $venv/bin/python ] || "${PYTHON:-python3}" -m venv $venv
$venv/bin/python -m pip --quiet --disable-pip-version-check install --requirement $here/requirements.txt
rm -f $venv/.installed-*
touch "$stamp"
