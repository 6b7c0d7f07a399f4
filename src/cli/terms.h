/* What the kernel's objects are called in what the programs print. */
#ifndef TERMS_H
#define TERMS_H

#include "channel.h"

struct terms {
    const char *object; /* in a sentence that names the key */
    const char *full;   /* in errors */
    const char *list;   /* the command that shows them */
    const char *limits; /* of the system */
    unsigned flip;      /* what makes the key of its semaphore set out of its own */
    /* of what carries messages: */
    const char *carrier, *title, *first; /* within a sentence, in a title, at a line's beginning */
    const char *through, *reading;       /* in the help */
};

extern const struct terms terms[]; /* by enum channel_object */

#endif
