/* The bytes of a segment, on which every program that shares it must agree, in any language.
 *
 * A segment of zeros is valid: nothing was published in it yet. The kernel hands out zeros, so a
 * segment can be used as soon as it exists, and no crash leaves one half-initialised. */
#ifndef SHARED_DATA_H
#define SHARED_DATA_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#define SHARED_KEY 5678
#define SHARED_SIZE 1024        /* bytes of a segment */
#define SHARED_MAGIC 0x31726150 /* "Par1" in memory; another layout takes "Par2", and so on */
#define MESSAGE_SIZE 900        /* bytes of a message, its NUL included */

/* The assignment's struct. A program that knows only this can read what our writers publish, and
 * our readers read what it writes. Behind it stands our tail, three unsigned integers of 4 bytes:
 *
 *     908  version   odd while a message is being written; 0 before the first one
 *     912  magic     SHARED_MAGIC; without it the rest of the tail means nothing
 *     916  length    of the message: how much a reader should copy */
struct SharedData {
    int processId;              /* of the process that published */
    char message[MESSAGE_SIZE]; /* text, with a NUL at its end */
    bool dataReady;             /* false until a message is complete */
};

static_assert(sizeof(int) == 4 && sizeof(bool) == 1,
              "other languages read an int of 4 bytes and a bool of 1: take types of these sizes");
static_assert(offsetof(struct SharedData, processId) == 0, "processId belongs at byte 0");
static_assert(offsetof(struct SharedData, message) == 4,
              "message is expected at byte 4: if you put fields before it, write its new offset "
              "here, and the same fields into scripts/pair/message.py");
static_assert(offsetof(struct SharedData, dataReady) == 904,
              "dataReady is expected at byte 904: take as much off MESSAGE_SIZE as you put before "
              "message, padding included");
static_assert(sizeof(struct SharedData) == 908,
              "the tail is expected at byte 908, right behind the struct: if a field makes it "
              "longer, pack the struct as include/README.md does");

#endif
