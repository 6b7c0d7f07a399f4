/* Gives bytes from outside, whatever they are, to the very functions that the programs use, and
 * checks what must hold all the same. The first argument says what the bytes are:
 *
 *     segment   a segment; what is behind its 1024 bytes happens while a reader waits
 *     queue     a byte for the type, and a message in the queue
 *     input     a byte, how many messages are sent before a signal comes; standard input
 *     options   a byte, which program; the words of a command line, a NUL behind each
 *
 * Runs under clang's libFuzzer or under fuzz_driver.c. What is tested gets our clock, which runs
 * only while somebody waits, our exit(3) and our msgrcv(2): see checks.mk. */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/input.c" /* so that its variables can be reset */
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/terms.h"
#include "message.h"
#include "queue/queue.h"
#include "wait.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : broken(#condition, __LINE__))

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
void __sanitizer_set_report_fd(void *descriptor) __attribute__((weak));

typedef unsigned char byte;

static int report, summary; /* our stderr and stdout: numbers 0 to 2 are what is tested's */
static unsigned long tried;

static _Noreturn void broken(const char *what, int line) {
    dprintf(report, "FAILED  tests/checks/fuzz.c:%d: %s\n", line, what);
    abort();
}

/* What is tested writes into files, which are emptied here. */
static char printed[1 << 16];
static size_t take_printed(int descriptor) {
    fflush(descriptor == STDOUT_FILENO ? stdout : stderr);
    ssize_t size = pread(descriptor, printed, sizeof printed - 1, 0);
    CHECK(size >= 0 && ftruncate(descriptor, 0) == 0 && lseek(descriptor, 0, SEEK_SET) == 0);
    printed[size] = '\0';
    return (size_t)size;
}

/* The code point at `text` and its length; -1 and 1 for a byte that isn't valid UTF-8. It is found
 * in another way than display.c's, so that the two can be compared. */
static long decode(const byte *text, size_t available, size_t *length) {
    static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t ones = 0, i = 1;
    while (ones < 8 && text[0] << ones & 0x80)
        ones++;
    long code = text[0] & (0x7f >> ones);
    *length = 1;
    if (ones == 0)
        return code;
    for (; i < ones && i < available && (text[i] & 0xc0) == 0x80; i++)
        code = code << 6 | (text[i] & 0x3f);
    if (ones == 1 || ones > 4 || i < ones || code < least[ones] || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000))
        return -1;
    *length = ones;
    return code;
}

static bool is_control(long code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* What was printed is valid UTF-8 without control characters but newline and tab. */
static void check_harmless(const char *text, size_t size) {
    size_t length;
    for (size_t i = 0; i < size; i += length) {
        long code = decode((const byte *)text + i, size - i, &length);
        CHECK(code == '\n' || code == '\t' || (code >= 0 && !is_control(code)));
    }
}

/* `shown` begins with the message: what may be shown as it is, and of the rest each byte as \xNN.
 * Nothing is lost. Returns what is behind it. */
static const char *check_shown(const char *shown, const char *message, bool line,
                               size_t *characters) {
    const byte *text = (const byte *)message, *end = text + strlen(message);
    char hex[5];
    for (size_t length; text < end; text += length, ++*characters) {
        long code = decode(text, (size_t)(end - text), &length);
        bool plain = code == '\t' || (code == '\n' && !line) || (code >= 0 && !is_control(code));
        for (size_t i = 0; i < length; i++, shown += strlen(hex)) {
            snprintf(hex, sizeof hex, plain ? "%c" : "\\x%02x", text[i]);
            CHECK(strncmp(shown, hex, strlen(hex)) == 0);
        }
    }
    return shown;
}

static void check_display(enum channel_object carrier, const struct message *copy) {
    size_t count = 0, shown_count, length = strlen(copy->message);
    static const char rule[] = "--------------------------------------------------\n";
    int begin;

    display_message(carrier, FORMAT_RAW, copy);
    CHECK(display_flush() && take_printed(STDOUT_FILENO) == length + 1);
    CHECK(memcmp(printed, copy->message, length) == 0 && printed[length] == '\n');

    display_message(carrier, FORMAT_LINE, copy);
    size_t size = take_printed(STDOUT_FILENO);
    check_harmless(printed, size);
    CHECK(sscanf(printed, "%*d:%n", &begin) == 0 && atoi(printed) == copy->processId);
    CHECK(printed[begin] == ' ' && strchr(printed, '\n') == printed + size - 1);
    CHECK(check_shown(printed + begin + 1, copy->message, true, &count) == printed + size - 1);

    display_message(carrier, FORMAT_STORY, copy);
    size = take_printed(STDOUT_FILENO);
    check_harmless(printed, size);
    const char *shown = strstr(printed, rule);
    CHECK(shown);
    count = 0;
    shown = check_shown(shown + strlen(rule), copy->message, false, &count);
    CHECK(*shown == '\n' && strncmp(shown + 1, rule, strlen(rule)) == 0);
    CHECK((shown = strstr(shown, "Successfully read ")) &&
          sscanf(shown, "Successfully read %zu", &shown_count) == 1 && shown_count == count);
}

/* The bytes of a SharedData, judged without the core. */
static enum message_state judge(const byte *bytes) {
    static const long largest_pid[] = {1 << 22, INT_MAX}; /* by dataReady */
    byte ready = bytes[904];
    int pid;
    memcpy(&pid, bytes, sizeof pid);
    if (ready > 1 || pid < ready || pid > largest_pid[ready] || !memchr(bytes + 4, '\0', 900))
        return MESSAGE_DAMAGED;
    return ready ? MESSAGE_WHOLE : MESSAGE_NONE;
}

static void check_copy(enum channel_object carrier, const struct message *copy, const byte *bytes) {
    CHECK(memcmp(&copy->processId, bytes, sizeof(int)) == 0);
    CHECK(strcmp(copy->message, (const char *)bytes + sizeof(int)) == 0);
    check_display(carrier, copy);
}

/* Sleepers: time passes, and what the input says happens. */
static double now;
static struct SharedSegment *segment;
static const byte *events, *events_end;
static unsigned seen_first;

int fuzz_clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    *time = (struct timespec){(time_t)now, (long)((now - (double)(time_t)now) * 1e9)};
    return 0;
}

static void publish_something(int pid, const char *text, size_t length) {
    struct SharedData next = {.processId = pid};
    memcpy(next.message, text, length);
    message_publish(segment, &next, length);
}

void wait_for_change(const atomic_uint *word, unsigned seen, int milliseconds) {
    CHECK(word == &segment->version && milliseconds > 0 && milliseconds <= 500);
    if (now == 0)
        seen_first = seen;
    now += milliseconds / 1e3;
    CHECK(now < 2.1); /* the end of all patience */
    byte event = events < events_end ? *events++ : 0;
    if (event % 4 == 1)
        segment->version += 1 + event / 4 % 2;
    else if (event % 4 == 2)
        publish_something(event, "later", event % 6);
    else if (event % 4 == 3)
        segment->magic = 0;
}

void wait_wake(atomic_uint *word) {
    (void)word;
}

int wait_semop(int set, struct sembuf *operations, size_t count, int milliseconds) {
    (void)set, (void)operations, (void)count, (void)milliseconds;
    broken("what is tested takes no lock", __LINE__);
}

static void try_segment(const byte *data, size_t size) {
    struct message copy;
    size_t used = size < SHARED_SIZE ? size : SHARED_SIZE;
    segment = aligned_alloc(64, SHARED_SIZE);
    const byte *bytes = (const byte *)segment;
    CHECK(segment);
    memset(segment, 0, SHARED_SIZE);
    memcpy(segment, data, used);
    events = data + used;
    events_end = data + size;
    now = 0;

    enum message_state state = message_snapshot(segment, &copy);
    bool ours = segment->magic == SHARED_MAGIC;
    bool another = memcmp(bytes + 912, "Par", 3) == 0 && bytes[915] != '1';
    CHECK(copy.version == segment->version && copy.versioned == ours);
    CHECK(message_is_of_another_layout(segment) == another);
    if (ours && segment->version % 2)
        CHECK(state == (seen_first == segment->version ? MESSAGE_TORN : MESSAGE_BUSY));
    else
        CHECK(state == judge(bytes));
    if (state == MESSAGE_WHOLE)
        check_copy(CHANNEL_SEGMENT, &copy, bytes);

    /* Whatever it was: the input is published there, by another process, or by one with the number
     * of one that died half-way. */
    static const char zeros[MESSAGE_SIZE];
    size_t length = strnlen((const char *)data, size < MESSAGE_SIZE ? size : MESSAGE_SIZE - 1);
    int pid;
    memcpy(&pid, bytes, sizeof pid);
    if (pid <= 0 || segment->version % 2 == 0)
        pid = pid == 1 ? 2 : 1;
    publish_something(pid, (const char *)data, length);
    CHECK(segment->version % 2 == 0 && segment->version != copy.version);
    CHECK(memcmp(bytes + 4, data, length) == 0);
    CHECK(memcmp(bytes + 4 + length, zeros, MESSAGE_SIZE - length) == 0);
    CHECK(message_snapshot(segment, &copy) == MESSAGE_WHOLE && copy.processId == pid);
    CHECK(copy.length == length);
    free(segment);
}

/* The kernel's queue: one message of any type and size is in it. */
static const byte *queued;
static size_t queued_size;

ssize_t fuzz_msgrcv(int id, void *message, size_t most, long type, int flags) {
    (void)id;
    CHECK(queued && type == 0 && flags & MSG_NOERROR);
    *(long *)message = queued[0];
    size_t size = queued_size - 1 < most ? queued_size - 1 : most;
    memcpy((long *)message + 1, queued + 1, size);
    return (ssize_t)size;
}

static void try_queue(const byte *data, size_t size) {
    struct queue queue = {.id = 1};
    struct message copy;
    queued = data;
    queued_size = size;
    bool taken = queue_receive(&queue, &copy, tried % 2) == 0;
    bool ours =
        data[0] == 1 && size - 1 == sizeof(struct SharedData) && judge(data + 1) == MESSAGE_WHOLE;
    CHECK(taken == ours && (taken || errno == EBADMSG));
    if (taken)
        check_copy(CHANNEL_QUEUE, &copy, data + 1);
}

static size_t sent, signal_after;
static size_t lines; /* of all inputs, as input_line() counts them */

bool signals_received(void) {
    return sent >= signal_after;
}

static void try_input(const byte *data, size_t size) {
    const byte *next = data + 1, *data_end = data + size, *newline;
    const char *text;
    char expected[100];
    size_t length;
    int ends[2], got;
    CHECK(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    CHECK(write(ends[1], next, size - 1) == (ssize_t)size - 1); /* a pipe has room for that */
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    begin = end = 0; /* of the input before this one */
    at_end = false;
    signal_after = data[0] ? data[0] : SIZE_MAX;

    for (sent = 0; (got = input_line(&text, &length)) > 0; sent++, lines++) {
        CHECK(!signals_received() && length < MESSAGE_SIZE && !memchr(text, '\0', length));
        CHECK(length <= (size_t)(data_end - next) && memcmp(text, next, length) == 0);
        next += length;
        CHECK(next == data_end ? length > 0 : *next++ == '\n');
    }
    size_t left = (size_t)(data_end - next), said = take_printed(STDERR_FILENO);
    if (got == 0) {
        CHECK(said == 0 && (left == 0 || signals_received()));
        return;
    }
    newline = memchr(next, '\n', left);
    length = newline ? (size_t)(newline - next) : left;
    CHECK(!signals_received() && (length >= MESSAGE_SIZE || memchr(next, '\0', length)));
    snprintf(expected, sizeof expected, "fuzz: line %zu of ", ++lines);
    CHECK(strncmp(printed, expected, strlen(expected)) == 0 && printed[said - 1] == '\n');
}

static jmp_buf exited;

_Noreturn void fuzz_exit(int status) {
    longjmp(exited, status + 1);
}

static void check_writer(enum channel_object carrier, int argc, char *argv[]) {
    struct writer_options options;
    writer_options(&options, carrier, argc, argv);
    CHECK(options.key != 0 && options.key != terms[carrier].flip);
    CHECK(options.mode >= 0600 && options.mode <= 0777);
    CHECK(memchr(options.message, '\0', MESSAGE_SIZE));
    display_written(carrier, options.message);
    size_t size = take_printed(STDOUT_FILENO), count = 0;
    check_harmless(printed, size);
    CHECK(*check_shown(strstr(printed, ":\n") + 2, options.message, false, &count) == '\n');
}

static void check_reader(enum channel_object carrier, int argc, char *argv[]) {
    struct reader_options options;
    reader_options(&options, carrier, argc, argv);
    CHECK(options.key != 0 && options.key != terms[carrier].flip);
    CHECK(options.waits ? options.seconds >= 0 : options.seconds == 0);
    CHECK(options.format != FORMAT_LINE || options.follow);
}

/* 0, or 1 more than the status of exit. */
static int end_of(void (*check)(enum channel_object carrier, int argc, char *argv[]),
                  enum channel_object carrier, int argc, char *argv[]) {
    int end = setjmp(exited);
    if (end == 0)
        check(carrier, argc, argv);
    return end;
}

static void try_options(const byte *data, size_t size) {
    enum { MOST = 50 };
    static char hint[] = "Try 'fuzz --help'.\n";
    char *words[MOST] = {NULL}, *argv[MOST + 1] = {"fuzz"}; /* getopt_long() changes the order */
    int argc = 1;
    for (size_t at = 1; at < size && argc < MOST; at += strlen(words[argc++]) + 1)
        argv[argc] = words[argc] = strndup((const char *)data + at, size - at);
    optind = 0; /* it begins anew */
    int end = end_of(data[0] & 2 ? check_reader : check_writer,
                     data[0] % 2 ? CHANNEL_QUEUE : CHANNEL_SEGMENT, argc, argv);
    CHECK(end == 0 || end == STATUS_DONE + 1 || end == STATUS_USAGE + 1);
    size_t shown = take_printed(STDOUT_FILENO);
    check_harmless(printed, shown);
    CHECK((shown > 0) == (end == STATUS_DONE + 1));
    size_t said = take_printed(STDERR_FILENO);
    CHECK((said > strlen(hint)) == (end == STATUS_USAGE + 1));
    CHECK(said == 0 || strcmp(printed + said - strlen(hint), hint) == 0);
    for (int i = 0; i < argc; i++)
        free(words[i]);
}

static const struct {
    const char *name;
    void (*try)(const byte *data, size_t size);
} targets[] = {
    {"segment", try_segment}, {"queue", try_queue}, {"input", try_input}, {"options", try_options}};
static size_t chosen;

static void summarize(void) {
    if (tried > 0)
        dprintf(summary, "fuzz: %s: %lu inputs, and all that was promised\n", targets[chosen].name,
                tried);
}

/* Gives descriptor `number` an empty file. */
static void replace(int number) {
    static FILE *files[3];
    files[number] = tmpfile();
    CHECK(files[number] && dup2(fileno(files[number]), number) == number);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static char name[] = "fuzz", *arguments[] = {name, NULL};
    report = dup(STDERR_FILENO);
    summary = dup(STDOUT_FILENO);
    if (__sanitizer_set_report_fd)
        __sanitizer_set_report_fd((void *)(intptr_t)report);
    while (chosen < 4 && (*argc < 2 || strcmp((*argv)[1], targets[chosen].name) != 0))
        chosen++;
    CHECK(chosen < 4);
    for (int i = 1; i < *argc; i++)
        (*argv)[i] = (*argv)[i + 1];
    --*argc;
    errors_start(arguments);
    replace(STDOUT_FILENO);
    atexit(summarize);
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (tried++ == 0) /* libFuzzer wants its own until now */
        replace(STDERR_FILENO);
    if (size > 0)
        targets[chosen].try(data, size);
    return 0;
}
