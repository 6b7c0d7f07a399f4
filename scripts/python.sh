#!/bin/sh
# Prints the path of a Python that has the module sysv_ipc, and sets one up where there is none.
# Says on stderr what it does. PYTHON, if set, is taken or refused, nothing else.
set -u
unset CDPATH # or cd would print

say() {
    printf 'python.sh: %s\n' "$*" >&2
}

# Prints the interpreter's own path if it has the module.
usable() {
    "$1" -c 'import sys, sysv_ipc; print(sys.executable)' 2>/dev/null
}

if [ -n "${PYTHON-}" ]; then
    usable "$PYTHON" && exit
    say "\$PYTHON ($PYTHON) has no module sysv_ipc"
    exit 1
fi

cd "$(dirname "$0")/.." || exit 1
for python in python3 /usr/bin/python3 build/venv/bin/python; do
    usable "$python" && exit
done

say 'no Python here has sysv_ipc: making build/venv and installing it from PyPI'
if python3 -m venv build/venv >/dev/null &&
    timeout 120 build/venv/bin/python -m pip install --quiet --retries 0 --timeout 10 sysv_ipc >&2
then
    usable build/venv/bin/python && exit
fi
rm -rf build/venv

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say 'that failed: installing the package python3-sysv-ipc'
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends python3-sysv-ipc >&2 &&
        usable /usr/bin/python3 && exit
fi

say 'no way to get sysv_ipc worked. Do one of these, and try again:'
say '    python3 -m pip install sysv_ipc'
say '    sudo apt-get install python3-sysv-ipc'
exit 1
