#!/usr/bin/env bash
# Makes the virtual environment: setup.sh VENV REQUIREMENTS...; names what is missing and how to get it.
set -euo pipefail

python=${PYTHON:-python3}
venv=$1
shift

missing=()
command -v "$python" >/dev/null || missing+=("Python 3.11 or newer:  apt-get install python3 python3-venv")
if command -v "$python" >/dev/null; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        missing+=("Python 3.11 or newer ($("$python" --version) is too old):  make PYTHON=python3.12 ...")
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        missing+=("Python's venv module:  apt-get install python3-venv")
fi
command -v gpg >/dev/null || missing+=("GnuPG:  apt-get install gnupg")
if ((${#missing[@]})); then
    echo "Missing on this machine:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
fi

[[ -x $venv/bin/python ]] || { echo "Setting up $venv ..."; "$python" -m venv "$venv"; }
[[ -x $venv/bin/uv ]] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv==0.13.9
echo "Installing pinned packages ..."
"$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" "${@/#/-r}"
