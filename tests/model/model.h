/* What both models share: a story to tell, and a line for each check. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

/* What happened in the execution that a check is about: told piece by piece. */
extern char story[4000];
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Counts a check, prints a line about it and the story below. */
void check(bool passed, const char *format, ...) __attribute__((format(printf, 2, 3)));

void memory_model(void);
void protocol_model(void);

#endif
