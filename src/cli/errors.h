/* How the programs say what went wrong, and how they end. Every message is one write(2) on stderr:
 * those of many processes don't mix. What is on its way to stdout is to be flushed before. */
#ifndef ERRORS_H
#define ERRORS_H

#include "semaphores.h"

enum status { DONE, FAILED, USAGE, NOTHING_YET }; /* of exit */

/* To be called first. Messages begin with the program's name; a closed pipe and a file that may not
 * grow become errors that can be reported (SIGPIPE and SIGXFSZ are ignored); stdout is written in
 * whole blocks, on a terminal, too. */
void errors_start(char *argv[]);

/* Prints "NAME: text". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with what errno says behind it, and exits with FAILED. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and where to find help; exits with USAGE. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where to find help, after a message that is on stderr already, such as getopt_long()'s. */
_Noreturn void usage_hint(void);

/* Says that `tried` ("join", "attach" …) failed for the object with `key`, what the system answered
 * (errno) and what can be done. */
void explain(const char *tried, enum object object, key_t key);

/* Says that the key's segment isn't one of ours, whose it is and how to remove it. */
void explain_stranger(key_t key);

#endif
