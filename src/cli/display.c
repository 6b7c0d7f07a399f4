#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/terms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The length in bytes of the character at `text`, 0 if it isn't valid UTF-8. The bounds on the
 * second byte keep out overlong forms, surrogates and what is above U+10FFFF. */
static size_t utf8_length(const unsigned char *text, size_t available) {
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || first > 0xF4 || length > available)
        return 0;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (size_t i = 1; i < length; i++) {
        if (text[i] < low || text[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

static void show_text(const char *text, enum format format) {
    const unsigned char *next = (const unsigned char *)text, *end = next + strlen(text);
    while (next < end) {
        size_t bytes = utf8_length(next, (size_t)(end - next));
        bool control =
            next[0] < 0x20 || next[0] == 0x7F || (bytes == 2 && next[0] == 0xC2 && next[1] < 0xA0);
        bool layout = next[0] == '\t' || (next[0] == '\n' && format == FORMAT_STORY);
        if (bytes > 0 && (!control || layout)) {
            fwrite(next, 1, bytes, stdout);
            next += bytes;
            continue;
        }
        for (size_t i = 0; i < (bytes ? bytes : 1); i++)
            printf("\\x%02x", *next++);
    }
}

/* A byte that isn't valid UTF-8 counts as one. */
static size_t characters(const char *text) {
    size_t count = 0, length = strlen(text);
    for (size_t at = 0; at < length; count++) {
        size_t bytes = utf8_length((const unsigned char *)text + at, length - at);
        at += bytes ? bytes : 1;
    }
    return count;
}

void display_joined(enum channel_object carrier, int found, int id, unsigned key) {
    static const char *const how[] = {
        [CHANNEL_CREATED] = "created",
        [CHANNEL_TAKEN_OVER] = "taken over",
        [CHANNEL_JOINED] = "joined",
    };
    printf("%s %s successfully with ID: %d\n", terms[carrier].first, how[found], id);
    if (key != SHARED_KEY)
        printf("Key: %u (0x%x)\n", key, key);
    if (carrier == CHANNEL_SEGMENT)
        puts("Attached to shared memory");
    putchar('\n');
}

void display_written(enum channel_object carrier, const char *text) {
    printf("=== C Program Output ===\n"
           "Process ID: %d\n"
           "Message written to %s:\n",
           (int)getpid(), terms[carrier].carrier);
    show_text(text, FORMAT_STORY);
    printf("\n"
           "=========================\n"
           "\n"
           "Data written to %s successfully!\n"
           "Python program can now read this data.\n",
           terms[carrier].carrier);
}

void display_left(enum channel_object carrier, int id, int others) {
    if (others == 0)
        printf("%s removed (ID: %d)\n", terms[carrier].first, id);
    else
        printf("%s stays (ID: %d): other writers are alive: %d\n", terms[carrier].first, id,
               others);
}

void display_attempt(enum channel_object carrier, unsigned key) {
    printf("=== C Program - %s Reader ===\n"
           "\n"
           "Attempting to connect to %s with key: %u\n",
           terms[carrier].title, terms[carrier].carrier, key);
}

void display_connected(enum channel_object carrier, int id) {
    printf("Successfully connected to %s (ID: %d)\n"
           "\n"
           "Reading data from %s...\n"
           "\n",
           terms[carrier].carrier, id, terms[carrier].carrier);
}

static void retrieved(enum channel_object carrier, int pid, const char *text) {
    printf("=== Data Retrieved from %s ===\n"
           "Data Ready Flag: True\n"
           "C Process ID: %d\n"
           "\n"
           "Message from C Program:\n"
           "--------------------------------------------------\n",
           terms[carrier].title, pid);
    show_text(text, FORMAT_STORY);
    printf("\n"
           "--------------------------------------------------\n"
           "\n"
           "=== C Program Output ===\n"
           "Successfully read %zu characters from %s\n"
           "==================================================\n",
           characters(text), terms[carrier].carrier);
}

void display_message(enum channel_object carrier, enum format format,
                     const struct message *message) {
    if (format == FORMAT_STORY) {
        retrieved(carrier, message->processId, message->message);
    } else if (format == FORMAT_LINE) {
        printf("%d: ", message->processId);
        show_text(message->message, format);
        putchar('\n');
    } else {
        puts(message->message);
    }
}

bool display_line(const char *line) {
    puts(line);
    return display_flush();
}

bool display_flush(void) {
    static bool told;
    if (!told && fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (!told)
        complain("cannot write to standard output: %s", strerror(errno));
    told = true;
    return false;
}
