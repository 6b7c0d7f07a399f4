#!/bin/sh
# make valgrind puts this in the place of each program, at the same path below build/valgrind.
exec valgrind -q --leak-check=full --log-file="$0.%p.log" \
    "${0%/build/valgrind/*}/${0#*/build/valgrind/}" "$@"
