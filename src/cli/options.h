/* The options that all writers, and those that all readers have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "cli/display.h"

struct writer_options {
    unsigned key;
    int mode;
    bool stream, stay;
    char message[MESSAGE_SIZE]; /* what to share if not `stream` */
};

struct reader_options {
    unsigned key;
    bool waits;     /* for a first message, */
    double seconds; /* so long: INFINITY: as long as it takes; 0 if not `waits` */
    bool follow;
    enum format format;
};

/* Fill in what the command line says, and the defaults. --help, --version and wrong usage end the
 * program. */
void writer_options(struct writer_options *options, enum channel_object carrier, int argc,
                    char *argv[]);
void reader_options(struct reader_options *options, enum channel_object carrier, int argc,
                    char *argv[]);

/* For programs with options of their own: the end of --help, --version and of the options. */
_Noreturn void options_exit(void); /* with STATUS_DONE; STATUS_FAILED if what was printed is lost */
_Noreturn void options_version(const char *program);
void options_end(int argc, char *argv[], const char *hint);

#endif
