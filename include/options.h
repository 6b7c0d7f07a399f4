/* The options that all writers, and those that all readers have in common. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "report.h"
#include "shared_data.h"

struct writer_options {
    key_t key;
    int mode;
    bool stream;
    char message[MESSAGE_SIZE]; /* what to share if not `stream` */
    size_t length;
};

struct reader_options {
    key_t key;
    double wait; /* seconds, 0: not at all, INFINITY: as long as it takes */
    bool follow, raw;
};

/* Fill in what the command line says, and the defaults. --help, --version and wrong usage end the
 * program. */
void writer_options(struct writer_options *options, enum medium medium, int argc, char *argv[]);
void reader_options(struct reader_options *options, enum medium medium, int argc, char *argv[]);

/* Prints a message as a reader's options want it; false, with a message, if it can't be written. */
bool options_show(const struct reader_options *options, enum medium medium, int pid,
                  const char *text);

#endif
