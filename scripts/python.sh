#!/bin/sh
# Prints the path of a Python that has the module sysv_ipc, and sets one up where there is none: in
# build/venv from PyPI or, as root on Debian and Ubuntu, with their package. Says on stderr what it
# does. PYTHON, if set, is taken or refused, nothing else.
set -u
unset CDPATH # or cd would print

say() { printf 'python.sh: %s\n' "$@" >&2; }

# Prints the interpreter's own path if it has the module.
usable() { "$1" -c 'import sys, sysv_ipc; print(sys.executable)'; }

# Prints the first usable one of these and ends.
take() {
    for candidate; do
        path=$(usable "$candidate" 2>/dev/null) || continue
        printf '%s\n' "$path"
        exit
    done
}

take_any() { take python3 /usr/bin/python3 build/venv/bin/python; }

# (What venv itself advises where it fails would install less than the advice at this file's end.)
from_pypi() {
    "$python" -m venv --clear build/venv >/dev/null 2>&1 || {
        echo "$python cannot make a virtual environment"
        return 1
    }
    build/venv/bin/python -m pip install --quiet --retries 1 --timeout 5 sysv_ipc
}

with_apt() {
    export DEBIAN_FRONTEND=noninteractive
    set -- -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=5 -o DPkg::Lock::Timeout=60 \
        -o Dpkg::Use-Pty=0
    apt-get "$@" update && apt-get "$@" -y --no-install-recommends install python3-sysv-ipc
}

# One run at a time; the others wait for what comes of it. The story matters only if nothing helps.
set_up() {
    "$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' 2>/dev/null
    take_any
    : >build/python.log
    if [ "$python" ]; then
        say 'no Python here has sysv_ipc: installing it from PyPI in build/venv'
        from_pypi >build/python.log 2>&1 && take_any
        rm -rf build/venv
    fi
    if [ "$apt" ] && [ "$(id -u)" = 0 ]; then
        say 'installing the package python3-sysv-ipc'
        with_apt >>build/python.log 2>&1 && take_any
    fi
    grep . build/python.log | tail -n 12 | sed 's/^/    /' >&2
} 9>build/python.lock

if [ -n "${PYTHON-}" ]; then
    take "$PYTHON"
    say "\$PYTHON ($PYTHON) has no module sysv_ipc: $(usable "$PYTHON" 2>&1 | tail -n 1)"
    exit 1
fi

self=$(readlink -f "$0" 2>/dev/null) || self=$0
cd "$(dirname "$self")/.." || exit
take_any
python=$(command -v python3 || command -v /usr/bin/python3)
apt=$(command -v apt-get)
mkdir -p build && set_up

problem='there is no python3 here'
[ -z "$python" ] || problem='no Python here has sysv_ipc'
say "$problem; do one of these, and try again:"
[ -z "$apt" ] || say '    sudo apt install python3-sysv-ipc'
"$python" -c 'import os, pip, sys, sysconfig
managed = os.path.exists(sysconfig.get_path("stdlib") + "/EXTERNALLY-MANAGED")
sys.exit(managed and sys.prefix == sys.base_prefix) # it refuses what pip installs' 2>/dev/null &&
    say '    python3 -m pip install sysv_ipc'
say '    set PYTHON to a Python that has sysv_ipc'
exit 1
