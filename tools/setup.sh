#!/bin/sh
# Make the course's environment, or say in a moment that it is there. Called by the Makefile, in the checkout's folder.
#
# VENV: where it goes (.venv). PYTHON: which Python makes it; else the first suitable one is found.
# TORCH: auto (the CPU build where there is no NVIDIA card), cpu, cuda or default; see tools/torch_build.py.
# The stamp holds what the environment was made from, the folder's own path included: a folder that was moved or
# renamed would otherwise go on importing course_lib from where it used to be.
set -eu
VENV=${VENV:-.venv}
unset PYTHONPATH PYTHONHOME
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

stamp=$VENV/.installed
TORCH=${TORCH:-auto}
wanted="$(cat pyproject.toml constraints/tested.txt tools/setup.sh | cksum) $(pwd) ${PYTHON:-} $TORCH"

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && "$VENV/bin/python" -c "" 2>/dev/null; then
    exit 0
fi

suitable() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2])' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if ! suitable "$PYTHON"; then
        echo "PYTHON=$PYTHON is no Python 3.10 or newer with the modules venv and ensurepip. Give another one." >&2
        exit 1
    fi
else
    for name in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if suitable "$name"; then
            PYTHON=$name
            break
        fi
    done
    if [ -z "${PYTHON:-}" ]; then
        echo "No suitable Python was found: the course needs Python 3.10 to 3.13 with the modules venv and ensurepip." >&2
        echo "Install one (python.org; on Debian and Ubuntu: apt install python3 python3-venv)," >&2
        echo "or name one: make lab PYTHON=/path/to/python3" >&2
        exit 1
    fi
fi

rm -f "$stamp"
if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making the environment in $VENV with $("$PYTHON" --version)."
    "$PYTHON" -m venv --clear "$VENV"
fi
echo "Installing the course and what it needs: a few minutes, the first time only."
index=$("$PYTHON" tools/torch_build.py "$TORCH")
set --
if [ -n "$index" ]; then # a version such as 2.15.0+cpu is preferred to the same without a label, and meets the same pin
    set -- --extra-index-url "$index"
fi
installed=$("$VENV/bin/python" -m pip list --format=freeze 2>/dev/null | grep '^torch==' || true)
case "$TORCH:$installed" in # pip would be content with the build that is there
cpu:*+cpu | cpu: | auto:* | *:) ;;
cpu:* | *+cpu) "$VENV/bin/python" -m pip uninstall -q -y torch torchvision ;;
esac
if ! "$VENV/bin/python" -m pip install "$@" -c constraints/tested.txt -e ".[lab,test]"; then
    echo "The versions that were tested cannot be installed here (the reason stands above)." >&2
    echo "Taking whatever this Python and this machine can have within the ranges of pyproject.toml instead." >&2
    "$VENV/bin/python" -m pip install "$@" -e ".[lab,test]"
fi
printf '%s' "$wanted" >"$stamp"
