#!/usr/bin/env bash
# Sets up .venv with the versions of deploy/constraints.txt. Does nothing where all is in place.
#   deploy/install.sh          what the gateway needs to run
#   deploy/install.sh dev      and what its checks and tests need
# QWEN_VL_EXTRA=cpu|gpu|none overrides the choice of the engine; PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

with_dev=${1:-}
python=${PYTHON:-python3}
venv=.venv
torch_cpu_index=https://download.pytorch.org/whl/cpu

say() { printf '%s\n' "$*" >&2; }
die() { say "install: $*"; exit 1; }

choose_extra() {
    if [ -n "${QWEN_VL_EXTRA:-}" ]; then echo "$QWEN_VL_EXTRA"
    elif command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L 2>/dev/null | grep -q GPU; then echo gpu
    else echo cpu; fi
}

# Runs a command, its output in a log; shows that it goes on, and the log's end if it fails.
run() {
    local what=$1 log=$venv/install.log began=$SECONDS shown=0 job
    shift
    "$@" >"$log" 2>&1 &
    job=$!
    trap 'kill "$job" 2>/dev/null || true; exit 130' INT TERM
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.5
        if [ -t 2 ]; then
            printf '\r\033[K%s … %ds  %.60s' "$what" $((SECONDS - began)) "$(grep -aoE '^(Collecting|Downloading|Installing) [^ ]+' "$log" | tail -n 1)" >&2
        elif [ $((SECONDS - shown)) -ge 15 ]; then
            shown=$SECONDS
            say "$what … $((SECONDS - began)) s"
        fi
    done
    trap - INT TERM
    [ -t 2 ] && printf '\r\033[K' >&2
    if wait "$job"; then say "$what: done in $((SECONDS - began)) s"; return 0; fi
    return 1
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11 (found: $("$python" --version 2>&1 || echo none))."

extra=$(choose_extra)
extras=$extra
[ "$extra" = none ] && extras=
[ -n "$with_dev" ] && extras=${extras:+$extras,}dev
stamp=$venv/.installed-$(cat pyproject.toml deploy/constraints.txt deploy/install.sh | sha256sum | cut -c1-16)-${extras//,/-}
[ -e "$stamp" ] && [ -x $venv/bin/qwen-vl ] && exit 0

[ -x $venv/bin/python ] || "$python" -m venv $venv ||
    die "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv."

pip() { "$venv/bin/python" -m pip --disable-pip-version-check install --constraint deploy/constraints.txt "$@"; }
say "Installing into $venv with the engine for: $extra (the first time takes a few minutes and about 4 GB)"
if ! run "Installing packages" pip --editable ".[$extras]"; then
    # PyPI's torch is a CUDA build; the CPU build lies on PyTorch's own index.
    if [ "$extra" = cpu ] && grep -q 'torch' $venv/install.log &&
        run "Installing packages (torch from PyTorch's CPU index)" pip --extra-index-url $torch_cpu_index --editable ".[$extras]"; then :
    else
        tail -n 15 $venv/install.log >&2
        die "pip failed; the whole output is in $venv/install.log."
    fi
fi
# CUDA builds that break imports on a CPU; nothing here needs them.
[ "$extra" = cpu ] && "$venv/bin/python" -m pip --quiet --disable-pip-version-check uninstall --yes torchaudio torchcodec 2>/dev/null
rm -f $venv/.installed-*-"${extras//,/-}"
touch "$stamp"
