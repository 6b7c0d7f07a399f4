#!/bin/sh
# Builds, and runs the writer, the C reader and the Python reader together: over shared memory, or
# with --queue over a message queue. With --both the Python writer and the C reader follow. Takes
# another key where 5678 is in use, and leaves nothing behind. Exit status 0: all of it worked, and
# each reader showed the very message that the writer had shown.
set -u
unset CDPATH # or cd would print

say() { printf 'run_both.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
usage() { echo 'Usage: run_both.sh [--queue] [--both] [--key KEY]'; exit "$1"; }
show() { printf '%s\n' "$@" 2>/dev/null || fail 'cannot write to standard output'; }

# Somebody else uses the key.
in_use() { why=$* && return 1; }

writer='' scratch='' # the process that writes; a directory for what it prints
clean_up() {
    trap '' HUP INT QUIT PIPE TERM
    [ -z "$writer" ] || { kill "$writer" && wait "$writer"; } 2>/dev/null
    [ -z "$scratch" ] || rm -rf "$scratch"
}

# LANGUAGE NAME: the command for it, as a title and to be run with these options.
title() { [ "$1" = C ] && echo "$c$2" || echo "$python $p$2.py"; }
program() {
    language=$1 name=$2
    shift 2
    if [ "$language" = C ]; then
        set -- "$c$name" "$@"
    else
        set -- "$python" "$p$name.py" "$@"
    fi
    exec "$@" ${key:+"--key=$key"}
}

# LANGUAGE OPTION...: starts a writer that stays, and waits until it says so.
start_writer() {
    language=$1
    shift
    : >"$scratch/writer"
    program "$language" writer --stay "$@" </dev/null >"$scratch/writer" &
    writer=$!
    until grep -q '^Staying' "$scratch/writer" || ! kill -0 "$writer" 2>/dev/null; do
        sleep 0.05
    done
}

# Ends the writer as a person would, so that it leaves and removes what it made.
stop_writer() {
    kill "$writer" 2>/dev/null
    wait "$writer" 2>/dev/null
    status=$? writer=''
    [ $status != 2 ] || exit 2 # wrong usage: KEY is none
    [ $status -gt 128 ] || in_use 'the writer was refused' # or else it died of our signal
}

# A writer that joins, says nothing and leaves tells whether we have the key for ourselves. It also
# removes what a killed writer left.
try_key() {
    start_writer C --stream
    stop_writer || return
    ! grep -q ' stays (ID: ' "$scratch/writer" || in_use 'another writer is alive'
}

# LANGUAGE LANGUAGE...: runs a writer, and readers until each has shown its message. What this
# writer makes is ours alone (0600): another user's writer could join and be the last one to leave,
# and wouldn't be allowed to remove it.
run() {
    show '' "##### $(title "$1" writer)" ''
    start_writer "$1" --mode=0600
    show "$(cat "$scratch/writer")"
    grep -q ' created successfully ' "$scratch/writer" || {
        stop_writer && in_use 'another writer came at the same moment'
        return
    }
    message=$(sed -n '/^Message written/,/^=====/p' "$scratch/writer" | sed '1d;$d')
    shift
    for language; do
        reader=$(title "$language" reader)
        show '' "##### $reader" ''
        shown=$(program "$language" reader)
        status=$?
        [ $status = 0 ] || [ $status = 3 ] || fail "$reader failed (status $status)"
        show "$shown"
        shown=$(show "$shown" | sed -n '/^-----/,/^-----/p' | sed '1d;$d')
        [ "$shown" = "$message" ] || {
            stop_writer
            in_use "the reader didn't show the writer's message"
            return
        }
    done
    stop_writer && show '' "##### $(tail -n 1 "$scratch/writer")"
}

demonstrate() {
    try_key || return
    if [ -z "$python" ]; then
        run C C
    elif [ "$queue" ]; then # of which each message goes to one reader
        run C C && run C Python
    else
        run C C Python
    fi || return
    [ -z "$both" ] || [ -z "$python" ] || run Python C
}

c=./ p=scripts/ queue='' both='' key='' why=''
while [ $# -gt 0 ]; do
    case $1 in
    --queue) queue=yes c=build/queue_ p=scripts/queue_ ;;
    --both) both=yes ;;
    --key=?*) key=${1#*=} ;;
    --key)
        [ "${2-}" ] || usage 2 >&2
        key=$2 && shift
        ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
    esac
    shift
done

self=$(readlink -f "$0" 2>/dev/null) || self=$0
cd "$(dirname "$self")/.." || exit 1
make --silent all || fail 'make failed'
python=$(scripts/python.sh) || python=''

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM
scratch=$(mktemp -d) || exit 1

demonstrate || {
    [ -z "$key" ] || fail "key $key cannot be used: $why"
    key=0x5$(od -A n -N 3 -t x1 /dev/urandom | tr -d ' \n')
    say "key 5678 cannot be used: $why; taking key $key"
    demonstrate || fail "key $key cannot be used: $why"
}
[ "$python" ] || exit 1 # python.sh has said why
show '' '##### Writers and readers agree.' '' "The Python programs ran in $python"
python3 -c 'import sysv_ipc' 2>/dev/null ||
    show "Your python3 has no sysv_ipc. After this command, python3 is one that has it:" \
        "    alias python3='$python'"
