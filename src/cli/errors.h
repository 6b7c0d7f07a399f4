/* How the programs say what went wrong, and their exit statuses. Every message is one write(2) on
 * standard error, so those of several processes don't mix. */
#ifndef ERRORS_H
#define ERRORS_H

#include "channel.h"

enum status { STATUS_DONE, STATUS_FAILED, STATUS_USAGE, STATUS_NOTHING_YET };

/* To be called before anything can go wrong: messages begin with the program's name. Standard
 * output is written in whole blocks, on a terminal, too; it has to be flushed before a message. */
void errors_start(char *argv[]);

/* Prints "NAME: text". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with what errno says behind it, and exits with STATUS_FAILED. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same and where to find help; exits with STATUS_USAGE. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where to find help, after a message that is printed already, such as getopt_long()'s. */
_Noreturn void usage_hint(void);

/* Says that `tried` ("join", "attach" and so on) failed for what carries messages under `key`: the
 * `failed` object, what the system answered (errno) and what the user can do. Returns the status to
 * exit with. */
enum status explain(const char *tried, enum channel_object carrier, enum channel_object failed,
                    unsigned key);

/* Says that the key's segment isn't one of ours, whose it is and how to remove it. */
void explain_stranger(unsigned key);

/* Warns of a message of process `pid` that was shown, if `error` says that it was left behind:
 * ESRCH: no writer is alive; ENOENT: nobody knows, because there is no semaphore set. */
void warn_left_behind(enum channel_object carrier, unsigned key, int error, int pid);

#endif
