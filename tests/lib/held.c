/* What do the calls of channel.h hold or leave behind when they fail? Does one of them, says how it
 * went, and then stays for tests/test_headers.py to look at from outside. Before the last call it
 * waits for a line of input: time to make it fail.
 *
 * Usage: held join|publish|leave|attach KEY */
#include "channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char *argv[]) {
    static const char *const objects[] = {"segment", "semaphores", "queue"};
    struct channel channel;
    if (argc != 3)
        return 2;
    const char *call = argv[1];
    unsigned key = (unsigned)strtoul(argv[2], NULL, 10);
    bool joined = strcmp(call, "publish") == 0 || strcmp(call, "leave") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (joined && channel_join(&channel, key, 0666) < 0)
        return 1;
    puts("ready");
    getchar();
    int result = strcmp(call, "join") == 0      ? channel_join(&channel, key, 0666)
                 : strcmp(call, "attach") == 0  ? channel_attach(&channel, key)
                 : strcmp(call, "publish") == 0 ? channel_publish(&channel, "Hello", 5)
                                                : channel_leave(&channel);
    printf("%s: %d\n", objects[channel.failed], result < 0 ? errno : 0);
    return getchar() == EOF ? 0 : 1;
}
