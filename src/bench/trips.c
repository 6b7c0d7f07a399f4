/* The first part: a message to another process and back, by every method in turn.
 *
 * Each method gets a batch of messages in each round, so that whatever else the machine does hits
 * all alike, and another place in memory: how far that is from a processor is chance. Both ends
 * compare every byte. */
#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void message_numbered(struct message *message, size_t size, unsigned number) {
    char text[LARGEST], word[8];
    for (int i = 0; i < 8; i++)
        word[i] = (char)('@' + (number >> 4 * i) % 16);
    for (size_t i = 0; i < size; i += sizeof word)
        memcpy(text + i, word, size - i < sizeof word ? size - i : sizeof word);
    message_prepare(message, getpid(), text, size ? size - 1 : 0);
}

static void check(const struct end *end, const char *received, const char *expected, size_t size) {
    if (received && memcmp(received, expected, size) != 0) /* a bare line brings no bytes */
        wrong(end->method->name, "a message came with wrong bytes");
}

/* Sends back what comes in. What doesn't have to happen before the answer happens after it. */
static void answer(struct end *end, size_t size, size_t count) {
    struct message expected;
    for (unsigned number = 0; number < count; number++) {
        message_numbered(&expected, size, number);
        const char *received = end->method->receive(end, size);
        end->method->send(end, received, size);
        check(end, received, expected.message, size);
    }
}

static void ask(struct end *end, size_t size, size_t warm_up, size_t count, int64_t *times) {
    struct message next;
    for (unsigned number = 0; number < warm_up + count; number++) {
        message_numbered(&next, size, number);
        int64_t start = now();
        end->method->send(end, next.message, size);
        const char *received = end->method->receive(end, size);
        int64_t time = since(start);
        check(end, received, next.message, size);
        if (number >= warm_up)
            times[number - warm_up] = time;
    }
}

/* Sends `count` messages, each when the answer to the one before has come back, and puts each one's
 * round trip into `times`. */
static void batch(struct end ends[2], size_t size, size_t count, int64_t *times) {
    size_t warm_up = count / 10 + 1;
    pid_t child = process_start();
    if (child == 0) {
        pin(1);
        answer(&ends[ANSWERING], size, warm_up + count);
        _exit(DONE);
    }
    ask(&ends[ASKING], size, warm_up, count, times);
    process_wait(child);
}

static struct end channels[METHODS][2];
static struct row rows[METHODS]; /* without a name: not measured */

static void open_channels(const struct settings *settings) {
    for (size_t i = 0; i < METHODS; i++)
        if (settings->methods[i] && channel_open(channels[i], &methods[i]) < 0)
            complain("%s is left out: %s", methods[i].name, strerror(errno));
        else if (settings->methods[i])
            rows[i] = (struct row){.name = methods[i].name, .title = methods[i].title};
}

static void measure_size(const struct settings *settings, size_t size, int64_t *times) {
    size_t messages = settings->messages, rounds = settings->rounds;
    for (size_t round = 0; round < rounds; round++) {
        size_t done = messages * round / rounds, next = messages * (round + 1) / rounds;
        for (size_t i = 0; i < METHODS; i++) {
            if (!rows[i].name)
                continue;
            channel_place(channels[i], kept.arena->places[round]);
            batch(channels[i], size, next - done, times + i * messages + done);
        }
    }
    for (size_t i = 0; i < METHODS; i++)
        summarize(&rows[i], times + i * messages, messages, 1);
    for (size_t i = 0; i < METHODS; i++) {
        rows[i].copies = rows[i].median / rows[COPY_METHOD].median;
        rows[i].lines = rows[i].median / rows[LINE_METHOD].median;
    }
    show_rows(settings->csv, "there and back", size, rows, METHODS);
}

void measure_trips(const struct settings *settings) {
    int64_t *times = calloc(METHODS * settings->messages, sizeof *times);
    if (!times)
        fail("cannot measure");
    open_channels(settings);
    for (size_t i = 0; i < settings->sizes_count; i++)
        measure_size(settings, settings->sizes[i], times);
    free(times);
}
