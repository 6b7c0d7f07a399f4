#!/bin/sh
# Builds, and runs the writer, the C reader and the Python reader together: over shared memory, or
# with --queue over a message queue. Leaves nothing behind. Exit status 0: all of it worked.
set -u
unset CDPATH # or cd would print

fail() {
    printf 'run_both.sh: %s\n' "$*" >&2
    exit 1
}

heading() {
    printf '\n##### %s\n\n' "$*"
}

writer=
scratch=
clean_up() {
    trap '' HUP INT QUIT PIPE TERM
    [ -z "$writer" ] || { kill "$writer" && wait "$writer"; } 2>/dev/null
    [ -z "$scratch" ] || rm -rf "$scratch"
}

# Starts the writer with its input held open (a background job's own would be /dev/null, and so
# would end at once) and shows its output until it is ready.
start_writer() {
    heading "$*"
    "$@" <"$scratch/keys" >"$scratch/output" &
    writer=$!
    exec 3>"$scratch/keys" 4<"$scratch/output"
    ready=
    while [ -z "$ready" ] && IFS= read -r line <&4; do
        printf '%s\n' "$line"
        case $line in 'Press Enter'*) ready=yes ;; esac
    done
    [ "$ready" ] || fail "$* did not start"
}

press_enter() {
    heading 'Enter'
    echo >&3
    exec 3>&-
    wait "$writer" || fail "the writer failed (status $?)"
    writer=
    exec 4<&-
}

# Runs a reader and looks for the writer's process ID in what it shows.
run_reader() {
    heading "$*"
    shown=$("$@") || fail "$* failed (status $?)"
    printf '%s\n' "$shown"
    case $shown in
    *"C Process ID: $writer
"*) ;;
    *) fail "$* shows another message than the writer's" ;;
    esac
}

case "$#${1-}" in
0 | 1--queue) ;;
*)
    echo 'Usage: run_both.sh [--queue]' >&2
    exit 2
    ;;
esac

cd "$(dirname "$0")/.." || exit 1
make --silent all || fail 'make failed'
python=$(scripts/python.sh) || exit 1

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM
scratch=$(mktemp -d) && mkfifo "$scratch/keys" "$scratch/output" || exit 1

if [ "$#" = 0 ]; then
    start_writer ./writer
    run_reader ./reader
    run_reader "$python" scripts/reader.py
    press_enter
else
    # Each message goes to one reader: two messages for two readers.
    start_writer build/queue_writer
    run_reader build/queue_reader
    press_enter
    start_writer build/queue_writer
    run_reader "$python" scripts/queue_reader.py
    press_enter
fi
heading 'The writer and both readers agree.'
