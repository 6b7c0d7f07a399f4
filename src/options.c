#define _GNU_SOURCE
#include "options.h"
#include "cli.h"

#include <ctype.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char writer_help[] =
    "Usage: %s [OPTION]...\n"
    "Share a message through %s until Enter, end of input or a signal.\n"
    "\n"
    "  -k, --key=KEY       key of the %s, decimal or 0x..., default 5678\n"
    "  -m, --message=TEXT  share TEXT, at most 899 bytes, instead of the demonstration\n"
    "  -p, --mode=MODE     octal permissions of a new %s and its set, default 0666\n"
    "  -s, --stream        share every line of standard input in turn, leave at its end\n"
    "  -h, --help          show this help\n"
    "  -V, --version       show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char reader_help[] =
    "Usage: %s [OPTION]...\n"
    "Print the message that a writer shares through %s.\n"
    "\n"
    "  -k, --key=KEY         key of the %s, decimal or 0x..., default 5678\n"
    "  -w, --wait[=SECONDS]  wait for a first message, without SECONDS as long as it takes\n"
    "  -f, --follow          print each new message as it appears, until the writers have gone\n"
    "  -r, --raw             print the message alone, byte for byte, and a newline\n"
    "  -h, --help            show this help\n"
    "  -V, --version         show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.\n";

static const char *const media[] = {"System V shared memory", "a System V message queue"},
                         *const objects[] = {"segment", "queue"};

/* A message is refused if it doesn't fit, never cut. */
static void set_message(struct writer_options *options, const char *text) {
    options->length = strlen(text);
    if (options->length >= sizeof options->message)
        cli_usage_error("the message has %zu bytes; at most %zu fit", options->length,
                        sizeof options->message - 1);
    memcpy(options->message, text, options->length + 1);
}

void writer_options(struct writer_options *options, enum medium medium, int argc, char *argv[]) {
    static const struct option known[] = {
        {"key", required_argument, NULL, 'k'},
        {"message", required_argument, NULL, 'm'},
        {"mode", required_argument, NULL, 'p'},
        {"stream", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    bool message = false;
    *options = (struct writer_options){.key = SHARED_KEY, .mode = 0666};
    int length = snprintf(options->message, sizeof options->message,
                          "Hello from C Process!\n"
                          "This is inter-process communication demonstration.\n"
                          "Data is being shared through %s.\n"
                          "Process ID: %ld",
                          medium == SHARED_MEMORY ? "shared memory segment" : "message queue",
                          (long)getpid());
    options->length = (size_t)length;

    for (int option; (option = getopt_long(argc, argv, "k:m:p:shV", known, NULL)) != -1;) {
        switch (option) {
        case 'k':
            options->key = cli_key(optarg);
            break;
        case 'm':
            set_message(options, optarg);
            message = true;
            break;
        case 'p':
            options->mode = cli_mode(optarg);
            break;
        case 's':
            options->stream = true;
            break;
        case 'h':
            printf(writer_help, argv[0], media[medium], objects[medium], objects[medium]);
            cli_exit();
        case 'V':
            cli_version();
        default:
            cli_usage_hint();
        }
    }
    cli_no_arguments(argc, argv);
    if (message && options->stream)
        cli_usage_error("--message and --stream exclude each other");
}

void reader_options(struct reader_options *options, enum medium medium, int argc, char *argv[]) {
    static const struct option known[] = {
        {"key", required_argument, NULL, 'k'},
        {"wait", optional_argument, NULL, 'w'},
        {"follow", no_argument, NULL, 'f'},
        {"raw", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct reader_options){.key = SHARED_KEY};
    for (int option; (option = getopt_long(argc, argv, "k:w::frhV", known, NULL)) != -1;) {
        switch (option) {
        case 'k':
            options->key = cli_key(optarg);
            break;
        case 'w':
            /* "-w 5" means what "-w5" does, as it does to the Python readers. */
            if (!optarg && optind < argc && isdigit((unsigned char)argv[optind][0]))
                optarg = argv[optind++];
            options->wait = optarg ? cli_seconds(optarg) : (double)INFINITY;
            break;
        case 'f':
            options->follow = true;
            break;
        case 'r':
            options->raw = true;
            break;
        case 'h':
            printf(reader_help, argv[0], media[medium], objects[medium]);
            cli_exit();
        case 'V':
            cli_version();
        default:
            cli_usage_hint();
        }
    }
    cli_no_arguments(argc, argv);
}

bool options_show(const struct reader_options *options, enum medium medium, int pid,
                  const char *text) {
    size_t length = strlen(text);
    if (options->raw)
        report_raw(text, length);
    else if (options->follow)
        report_line(pid, text, length);
    else
        report_retrieved(medium, pid, text, length);
    return cli_flush();
}
