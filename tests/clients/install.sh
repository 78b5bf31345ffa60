#!/usr/bin/env bash
# Sets up .venv-clients: the official clients, pinned, apart from the gateway whose versions they would
# change. Does nothing where all is in place.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=tests/clients
venv=.venv-clients
stamp=$venv/.installed-$(cat $here/requirements.txt $here/constraints.txt | sha256sum | cut -c1-16)
[ -e "$stamp" ] && exit 0
[ -x $venv/bin/python ] || "${PYTHON:-python3}" -m venv $venv
$venv/bin/python -m pip --quiet --disable-pip-version-check install \
    --constraint $here/constraints.txt --requirement $here/requirements.txt
rm -f $venv/.installed-*
touch "$stamp"
