/* Prints what test_layout.py compares: numbers on a line, then a segment's bytes. */
#include "message.h"

#include <stdio.h>
#include <string.h>

int main(void) {
    static union {
        struct SharedData data;
        struct SharedSegment segment;
    } bytes;
    bytes.data.processId = 0x01020304;
    memset(bytes.data.message, 'm', MESSAGE_SIZE - 1);
    bytes.data.dataReady = true;
    bytes.segment.version = 0x05060708;
    bytes.segment.magic = SHARED_MAGIC;
    bytes.segment.length = MESSAGE_SIZE - 1;
    printf("%d %d %d %zu %zu %zu %zu %zu\n", SHARED_KEY, SHARED_SIZE, MESSAGE_SIZE,
           sizeof(struct SharedData), offsetof(struct SharedData, dataReady),
           offsetof(struct SharedSegment, version), offsetof(struct SharedSegment, magic),
           offsetof(struct SharedSegment, length));
    fwrite(&bytes, sizeof bytes, 1, stdout);
    return 0;
}
