/* What do the functions of segment.h hold or leave behind when they fail? Does one of them, says
 * how it went, and then stays for tests/test_headers.py to look at from outside. Before the last
 * call it waits for a line of input: time to make it fail.
 *
 * Usage: held join|lock|leave|attach KEY */
#define _GNU_SOURCE
#include "segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char *argv[]) {
    struct segment segment;
    if (argc != 3)
        return 2;
    key_t key = (key_t)strtoul(argv[2], NULL, 10);
    bool member = strcmp(argv[1], "lock") == 0 || strcmp(argv[1], "leave") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (member && segment_join(&segment, key, 0666) < 0)
        return 1;
    puts("ready");
    getchar();
    int result = strcmp(argv[1], "join") == 0     ? segment_join(&segment, key, 0666)
                 : strcmp(argv[1], "attach") == 0 ? segment_attach(&segment, key)
                 : strcmp(argv[1], "lock") == 0   ? segment_lock(&segment)
                                                  : segment_leave(&segment);
    static const char *const objects[] = {"segment", "queue", "semaphores"};
    printf("%s: %d\n", objects[segment.failed], result < 0 ? errno : 0);
    return getchar() == EOF ? 0 : 1;
}
