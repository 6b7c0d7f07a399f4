#define _GNU_SOURCE
#include "report.h"

#include <stdio.h>

static const char *const names[] = {"shared memory", "message queue"}, *const titles[] = {
                                                                           "Shared Memory",
                                                                           "Message Queue"};

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

/* With `one_line` a newline is shown as \x0a. */
static void show_text(const char *text, size_t length, bool one_line) {
    const unsigned char *next = (const unsigned char *)text, *end = next + length;
    while (next < end) {
        size_t bytes = utf8_length(next, (size_t)(end - next));
        bool control =
            next[0] < 0x20 || next[0] == 0x7F || (bytes == 2 && next[0] == 0xC2 && next[1] < 0xA0);
        bool layout = next[0] == '\t' || (next[0] == '\n' && !one_line);
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
static size_t characters(const char *text, size_t length) {
    size_t count = 0;
    for (size_t at = 0; at < length; count++) {
        size_t bytes = utf8_length((const unsigned char *)text + at, length - at);
        at += bytes ? bytes : 1;
    }
    return count;
}

void report_written(enum medium medium, int pid, const char *text, size_t length) {
    printf("=== C Program Output ===\n"
           "Process ID: %d\n"
           "Message written to %s:\n",
           pid, names[medium]);
    show_text(text, length, false);
    printf("\n"
           "=========================\n"
           "\n"
           "Data written to %s successfully!\n"
           "Python program can now read this data.\n"
           "Press Enter to cleanup and exit...\n",
           names[medium]);
}

void report_attempt(enum medium medium, key_t key) {
    printf("=== C Program - %s Reader ===\n"
           "\n"
           "Attempting to connect to %s with key: %u\n",
           titles[medium], names[medium], (unsigned)key);
}

void report_connected(enum medium medium, int id) {
    printf("Successfully connected to %s (ID: %d)\n"
           "\n"
           "Reading data from %s...\n"
           "\n",
           names[medium], id, names[medium]);
}

void report_retrieved(enum medium medium, int pid, const char *text, size_t length) {
    printf("=== Data Retrieved from %s ===\n"
           "Data Ready Flag: True\n"
           "C Process ID: %d\n"
           "\n"
           "Message from C Program:\n"
           "--------------------------------------------------\n",
           titles[medium], pid);
    show_text(text, length, false);
    printf("\n"
           "--------------------------------------------------\n"
           "\n"
           "=== C Program Output ===\n"
           "Successfully read %zu characters from %s\n"
           "==================================================\n",
           characters(text, length), names[medium]);
}

void report_line(int pid, const char *text, size_t length) {
    printf("%d: ", pid);
    show_text(text, length, true);
    putchar('\n');
}

void report_raw(const char *text, size_t length) {
    fwrite(text, 1, length, stdout);
    putchar('\n');
}
