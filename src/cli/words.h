/* What the objects are called in what the programs print. */
#ifndef WORDS_H
#define WORDS_H

#include "semaphores.h"

struct words {
    const char *object; /* in a sentence that names the key */
    const char *full;   /* in errors */
    const char *list;   /* the command that shows them */
    const char *limits; /* of the system */
    /* of what carries messages: */
    const char *medium, *title, *first; /* within a sentence, in a title, at the begin of a line */
    const char *through, *reading;      /* in the help */
};

extern const struct words words[]; /* by enum object */

#endif
