/* The ways in which one process can hand bytes to another. */
#ifndef METHODS_H
#define METHODS_H

#include "keeper.h"
#include "snapshot.h"

enum { LARGEST = MESSAGE_SIZE };

/* What one of the two processes has in its hands. */
struct end {
    const struct method *method;
    const struct keeper *keeper;
    int in, out;   /* directions (THERE, BACK) */
    int from, to;  /* descriptors, where the method has any */
    unsigned seen; /* version of the last message received from a segment */
    union {
        struct snapshot copy;
        struct {
            long type;
            char text[LARGEST + 1]; /* one more: too long a message is noticed */
        } message;
    };
};

struct channel {
    struct end asking, answering;
    int descriptors[4], count;
};

struct method {
    const char *name, *title;
    bool alone; /* there is no other process */
    /* Makes both ends' descriptors. -1 with errno: this system has none. NULL: nothing to make. */
    int (*open)(struct channel *channel);
    /* Neither returns unless it succeeded. */
    void (*send)(struct end *end, const char *bytes, size_t size);
    const char *(*receive)(struct end *end, size_t size); /* valid until the next receive */
};

extern const struct method methods[];
extern const size_t methods_count;
enum { FLOOR }; /* index of the cache line in `methods`; everything is compared with it */

/* Whether to give up the processor while spinning: both processes run on the same one. */
extern bool one_processor;

/* Makes a new channel, or returns -1 with errno. Nothing of an earlier one is left in it. */
int channel_open(struct channel *channel, const struct method *method, const struct keeper *keeper);
void channel_close(struct channel *channel);

#endif
