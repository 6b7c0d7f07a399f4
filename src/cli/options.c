#define _GNU_SOURCE
#include "cli/options.h"
#include "cli/errors.h"
#include "cli/terms.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "2.0.0"

static const char writer_help[] =
    "Usage: %s [OPTION]...\n"
    "Share a message through %s until Enter, end of input or a signal.\n"
    "\n"
    "  -k, --key=KEY       key of the %s, decimal or 0x..., default 5678\n"
    "  -m, --message=TEXT  share TEXT, at most 899 bytes, instead of the demonstration\n"
    "  -p, --mode=MODE     octal permissions of a new %s and its set, default 0666\n"
    "  -s, --stream        share every line of standard input in turn, leave at its end\n"
    "      --stay          stay until a signal; leave standard input alone, or, with --stream,\n"
    "                      stay after its end\n"
    "  -h, --help          show this help\n"
    "  -V, --version       show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char reader_help[] =
    "Usage: %s [OPTION]...\n"
    "%s\n"
    "\n"
    "  -k, --key=KEY          key of the %s, decimal or 0x..., default 5678\n"
    "  -w, --wait             wait for a first message, as long as it takes\n"
    "  -t, --timeout=SECONDS  wait for a first message, but no longer than this\n"
    "  -f, --follow           print each new message as it appears, until no writer is alive\n"
    "  -r, --raw              print the message alone, byte for byte, and a newline\n"
    "  -h, --help             show this help\n"
    "  -V, --version          show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 nothing to read yet.\n";

_Noreturn void options_exit(void) {
    exit(display_flush() ? STATUS_DONE : STATUS_FAILED);
}

_Noreturn void options_version(const char *program) {
    printf("%s " VERSION "\n", program);
    options_exit();
}

void options_end(int argc, char *argv[], const char *hint) {
    if (optind < argc)
        usage_error("unexpected argument '%s'%s", argv[optind], hint);
}

/* Decimal or 0x…, 1 to 0xffffffff, but not the one whose semaphore set would have key 0. */
static unsigned parse_key(const char *text, enum channel_object carrier) {
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
        usage_error("key '%s' is not a number: decimal or 0x... is expected", text);
    errno = 0;
    unsigned long long key = strtoull(digits, NULL, hex ? 16 : 10);
    if (key == 0)
        usage_error("key 0 is IPC_PRIVATE: no other process could find it");
    if (errno || key > 0xFFFFFFFF)
        usage_error("key '%s' is too large: 0xffffffff is the largest", text);
    if (key == terms[carrier].flip)
        usage_error("key 0x%llx can't have a %s: its semaphore set would have key 0", key,
                    terms[carrier].object);
    return (unsigned)key;
}

/* Octal, 0600 to 0777. */
static int parse_mode(const char *text) {
    size_t length = strlen(text);
    if (length == 0 || length > 4 || text[strspn(text, "01234567")])
        usage_error("mode '%s' is not a number of up to 4 octal digits", text);
    long mode = strtol(text, NULL, 8);
    if (mode > 0777 || (mode & 0600) != 0600)
        usage_error("mode '%s' is not between 0600 and 0777: the owner reads and writes", text);
    return (int)mode;
}

/* 0 or more, with or without a fraction. */
static double parse_seconds(const char *text) {
    const char *fraction = text + strspn(text, "0123456789");
    if (!isdigit((unsigned char)text[0]) || strlen(text) > 15 ||
        (*fraction && (*fraction != '.' || fraction[1 + strspn(fraction + 1, "0123456789")])))
        usage_error("'%s' is not a number of seconds", text);
    return strtod(text, NULL);
}

/* A message that doesn't fit is refused, never cut. */
static void set_message(struct writer_options *options, const char *text) {
    size_t length = strlen(text);
    if (length >= sizeof options->message)
        usage_error("the message has %zu bytes; at most %zu fit", length,
                    sizeof options->message - 1);
    memcpy(options->message, text, length + 1);
}

static void set_demonstration(struct writer_options *options, enum channel_object carrier) {
    snprintf(options->message, sizeof options->message,
             "Hello from C Process!\n"
             "This is inter-process communication demonstration.\n"
             "Data is being shared through %s.\n"
             "Process ID: %ld",
             terms[carrier].full, (long)getpid());
}

void writer_options(struct writer_options *options, enum channel_object carrier, int argc,
                    char *argv[]) {
    enum { STAY = 256 };
    static const struct option known[] = {
        {"key", required_argument, NULL, 'k'},  {"message", required_argument, NULL, 'm'},
        {"mode", required_argument, NULL, 'p'}, {"stream", no_argument, NULL, 's'},
        {"stay", no_argument, NULL, STAY},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},    {NULL, 0, NULL, 0},
    };
    const char *object = terms[carrier].object;
    bool message = false;
    *options = (struct writer_options){.key = SHARED_KEY, .mode = 0666};
    set_demonstration(options, carrier);
    for (int option; (option = getopt_long(argc, argv, "k:m:p:shV", known, NULL)) != -1;) {
        switch (option) {
        case 'k':
            options->key = parse_key(optarg, carrier);
            break;
        case 'm':
            set_message(options, optarg);
            message = true;
            break;
        case 'p':
            options->mode = parse_mode(optarg);
            break;
        case 's':
            options->stream = true;
            break;
        case STAY:
            options->stay = true;
            break;
        case 'h':
            printf(writer_help, argv[0], terms[carrier].through, object, object);
            options_exit();
        case 'V':
            options_version(argv[0]);
        default:
            usage_hint();
        }
    }
    options_end(argc, argv, "; share a text with --message=TEXT");
    if (message && options->stream)
        usage_error("--message and --stream exclude each other");
}

void reader_options(struct reader_options *options, enum channel_object carrier, int argc,
                    char *argv[]) {
    static const struct option known[] = {
        {"key", required_argument, NULL, 'k'},     {"wait", no_argument, NULL, 'w'},
        {"timeout", required_argument, NULL, 't'}, {"follow", no_argument, NULL, 'f'},
        {"raw", no_argument, NULL, 'r'},           {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    double most = (double)INFINITY;
    *options = (struct reader_options){.key = SHARED_KEY};
    bool raw = false;
    for (int option; (option = getopt_long(argc, argv, "k:wt:frhV", known, NULL)) != -1;) {
        switch (option) {
        case 'k':
            options->key = parse_key(optarg, carrier);
            break;
        case 't':
            most = parse_seconds(optarg);
            /* fall through */
        case 'w':
            options->waits = true;
            break;
        case 'f':
            options->follow = true;
            break;
        case 'r':
            raw = true;
            break;
        case 'h':
            printf(reader_help, argv[0], terms[carrier].reading, terms[carrier].object);
            options_exit();
        case 'V':
            options_version(argv[0]);
        default:
            usage_hint();
        }
    }
    options_end(argc, argv, "");
    options->seconds = options->waits ? most : 0;
    options->format = raw ? FORMAT_RAW : options->follow ? FORMAT_LINE : FORMAT_STORY;
}
