#!/bin/sh
# Builds, and runs the writer, the C reader and the Python reader together: over shared memory, or
# with --queue over a message queue. With --both the Python writer and the C reader follow. Takes
# another key where 5678 is in use, and leaves nothing behind. Exit status 0: all of it worked.
set -u
unset CDPATH # or cd would print

say() { printf 'run_both.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
usage() { echo 'Usage: run_both.sh [--queue] [--both] [--key KEY]'; exit "$1"; }
show() { printf '%s\n' "$@" 2>/dev/null || fail 'cannot write to standard output'; }
heading() { show '' "##### $*" ''; }

running='' # while a writer is, it is process $!
stop_writer() {
    [ -z "$running" ] || { kill "$!" && wait "$!"; } 2>/dev/null
    running=
}

scratch=
clean_up() {
    trap '' HUP INT QUIT PIPE TERM
    set +u # there may be no $! yet
    stop_writer
    [ -z "$scratch" ] || rm -rf "$scratch"
}

# Somebody else uses the key.
in_use() {
    stop_writer
    why=$*
    return 1
}

# Starts a writer. It reads what we write to 3 (a background job's own input would be /dev/null, and
# so would end at once), we read from 4 what it writes. Opened by <>, a pipe doesn't wait for its
# other end, which a signal may have ended.
launch() {
    exec 3>&- 4<&-
    exec 3<>"$scratch/keys" 6<>"$scratch/output"
    exec 4<"$scratch/output" 5<"$scratch/keys"
    running=yes
    { trap '' INT QUIT && exec "$@"; } <&5 >&6 3>&- 4<&- 5<&- 6>&- &
    exec 5<&- 6>&-
}

# A writer that joins, says nothing and leaves tells whether we have the key for ourselves, and
# removes what a killed writer of ours left. A signal ends it: it won't wait for a queue's readers.
try_key() {
    launch "${c}writer" --stream --mode=0600 ${key:+"--key=$key"}
    IFS= read -r line <&4 && kill "$!"
    line=$(cat <&4)
    wait "$!" 2>/dev/null
    [ $? != 2 ] || exit 2
    running=
    case $line in
    *' removed (ID: '*) ;;
    *' stays (ID: '*) in_use 'another writer is alive' ;;
    *) in_use 'the writer was refused' ;;
    esac
}

# Starts a writer and shows its output until it is ready. What it makes is ours alone (0600): could
# another user's writer join and be the last one to leave, it wouldn't be allowed to remove it.
start_writer() {
    set -- "$@" --mode=0600 ${key:+"--key=$key"}
    heading "$*"
    launch "$@"
    created=
    while IFS= read -r line <&4; do
        show "$line"
        case $line in
        *' created successfully '*) created=yes ;;
        'Press Enter'*) break ;;
        esac
    done
    [ "$created" ] || in_use 'another writer came at the same moment'
}

# Runs a reader and looks for the writer's process ID in what it shows.
run_reader() {
    set -- "$@" ${key:+"--key=$key"}
    heading "$*"
    shown=$("$@")
    status=$?
    [ $status = 0 ] || [ $status = 3 ] || fail "$* failed (status $status)"
    show "$shown"
    case $shown in
    *"C Process ID: $!
"*) ;;
    *) in_use "the reader didn't get the writer's message" ;;
    esac
}

press_enter() {
    heading Enter
    (trap '' PIPE && echo >&3) 2>/dev/null
    exec 3>&-
    cat <&4
    wait "$!" || fail "the writer failed (status $?)"
    running=
}

demonstrate() {
    try_key && start_writer "${c}writer" && run_reader "${c}reader" || return
    [ "$python" ] || python=$(scripts/python.sh) || exit
    # Of a queue each message goes to one reader.
    [ -z "$queue" ] || { press_enter && start_writer "${c}writer"; } || return
    run_reader "$python" "${p}reader.py" && press_enter || return
    [ -z "$both" ] ||
        { start_writer "$python" "${p}writer.py" && run_reader "${c}reader" && press_enter; }
}

c=./ p=scripts/ queue='' both='' key='' python=''
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

cd "$(dirname "$0")/.." || exit 1
make --silent all || fail 'make failed'

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 131' QUIT
trap 'exit 141' PIPE
trap 'exit 143' TERM
scratch=$(mktemp -d) && mkfifo "$scratch/keys" "$scratch/output" || exit 1

demonstrate || {
    [ -z "$key" ] || fail "key $key cannot be used: $why"
    key=0x5$(od -A n -N 3 -t x1 /dev/urandom | tr -d ' \n')
    say "key 5678 cannot be used: $why; taking key $key"
    demonstrate || fail "key $key cannot be used: $why"
}
heading 'Writers and readers agree.'
