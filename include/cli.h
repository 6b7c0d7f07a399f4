/* What all programs share on the command line: numbers, usage, errors, exit statuses. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <sys/shm.h>
#include <sys/types.h>

#define CLI_VERSION "1.0.0"

enum { CLI_DONE, CLI_FAILED, CLI_USAGE, CLI_NOTHING_YET };

/* The kinds of System V objects an error can be about. */
enum cli_object { CLI_SEGMENT, CLI_SEMAPHORES, CLI_QUEUE };

/* To be called first: messages begin with the program's name, and a closed pipe becomes an error
 * that can be reported (SIGPIPE is ignored). */
void cli_start(char *argv[]);

/* Prints the message and where to find help on stderr, exits with CLI_USAGE. */
_Noreturn void cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same after a message that is on stderr already, such as getopt_long()'s. */
_Noreturn void cli_usage_hint(void);

/* Exits when all there was to do was to print: with CLI_DONE, or CLI_FAILED if that failed. */
_Noreturn void cli_exit(void);

/* Prints the version, exits. */
_Noreturn void cli_version(void);

/* Option arguments. What isn't valid is a usage error. */
key_t cli_key(const char *text);      /* decimal or 0x…, 1 to 0xffffffff */
int cli_mode(const char *text);       /* octal permissions, 0600 to 0777 */
double cli_seconds(const char *text); /* 0 or more, with or without a fraction */

/* Nothing may stand behind the options. */
void cli_no_arguments(int argc, char *argv[]);

/* Flushes stdout; false, with a message, if anything written to it since the start was lost. */
bool cli_flush(void);

/* Seconds on a clock that never goes back: clock_gettime(2). */
double cli_clock(void);

/* Sleeps: nanosleep(2). */
void cli_sleep(int milliseconds);

/* Says on stderr that `tried` ("join", "attach" …) failed for the object with `key`, what the
 * system answered (`error`, an errno) and what can be done. `holder`: of the writers' lock, for
 * EAGAIN. */
void cli_explain(const char *tried, enum cli_object object, key_t key, int error, pid_t holder);

/* Says on stderr that segment `id` with `key` isn't one of ours, whose it is and how to remove it.
 */
void cli_stranger(key_t key, int id, const struct shmid_ds *status);

#endif
