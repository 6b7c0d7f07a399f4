/* make model: runs both models. Exit status: 0 all passed, 1 something failed. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char story[4000];
static int passed_checks, failed_checks;

void tell(const char *format, ...) {
    size_t length = strlen(story);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(story + length, sizeof story - length, format, arguments);
    va_end(arguments);
}

void check(bool passed, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs(passed ? "ok      " : "FAILED  ", stdout);
    vprintf(format, arguments);
    va_end(arguments);
    printf(*story ? "\n          %s\n" : "\n", story);
    fflush(stdout);
    *story = '\0';
    *(passed ? &passed_checks : &failed_checks) += 1;
}

int main(void) {
    memory_model();
    protocol_model();
    printf("%d passed, %d failed\n", passed_checks, failed_checks);
    return failed_checks == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
