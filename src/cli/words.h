/* What the objects are called in what the programs print. */
#ifndef WORDS_H
#define WORDS_H

#include "semaphores.h"

struct words {
    const char *object; /* in a sentence about keys */
    const char *full;   /* in errors */
    const char *medium; /* what carries the message: of segment and queue only */
    const char *title;
    const char *first; /* at the begin of a line */
    const char *list;  /* the command that shows them */
    const char *limits;
};

extern const struct words words[]; /* by enum object */

#endif
