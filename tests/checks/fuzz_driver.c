/* Takes libFuzzer's place where there is none, and its options. It tries the files of the last
 * directory, and then, for -max_total_time seconds, random combinations of them; unlike libFuzzer
 * it doesn't know what they reach. The input that is being tried is in the file build/crash, and
 * stays there if it is the end of the program. */
#define _GNU_SOURCE
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 4096, MOST_FILES = 200, HANG = 10 /* seconds */ };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct input {
    size_t size;
    unsigned char bytes[LONGEST];
};

static struct input files[MOST_FILES];
static size_t file_count;
static FILE *crash;

static size_t below(size_t bound) {
    return (size_t)random() % bound;
}

static void mutate(struct input *input) {
    /* Bytes that are likely to matter: ends of texts, options, and the bounds of UTF-8. */
    static const unsigned char telling[] = "\0\1\2\t\n\r\x1b -0=\\\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0"
                                           "\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5\xff";
    const struct input *other = &files[below(file_count)];
    size_t at = below(input->size + 1), from = below(other->size + 1), rest = other->size - from;
    if (below(3) == 0) { /* the beginning of one and the end of another */
        rest = rest < LONGEST - at ? rest : LONGEST - at;
        memcpy(input->bytes + at, other->bytes + from, rest);
        input->size = at + rest;
    } else if (at < input->size) {
        input->bytes[at] = below(2) ? telling[below(sizeof telling)] : (unsigned char)below(256);
    }
}

static void try(const struct input *input) {
    unsigned char *copy = malloc(input->size + 1);
    if (!copy || !crash || fseek(crash, 0, SEEK_SET) != 0 || ftruncate(fileno(crash), 0) != 0 ||
        fwrite(input->bytes, 1, input->size, crash) != input->size || fflush(crash) != 0)
        abort();
    /* Nothing stands behind the copy, so that the sanitizer sees a read beyond its end. */
    memcpy(copy + 1, input->bytes, input->size);
    alarm(HANG);
    LLVMFuzzerTestOneInput(copy + 1, input->size);
    free(copy);
}

int main(int argc, char *argv[]) {
    glob_t found;
    char pattern[200];
    LLVMFuzzerInitialize(&argc, &argv);
    snprintf(pattern, sizeof pattern, "%s/*", argv[argc - 1]);
    crash = fopen("build/crash", "wb");
    if (glob(pattern, 0, NULL, &found) != 0 || !crash)
        return EXIT_FAILURE;
    for (; file_count < found.gl_pathc && file_count < MOST_FILES; file_count++) {
        FILE *file = fopen(found.gl_pathv[file_count], "rb");
        if (!file)
            return EXIT_FAILURE;
        files[file_count].size = fread(files[file_count].bytes, 1, LONGEST, file);
        fclose(file);
        try(&files[file_count]);
    }
    globfree(&found);
    srandom((unsigned)time(NULL));
    for (time_t end = time(NULL) + atoi(strchr(argv[1], '=') + 1); time(NULL) < end;) {
        struct input input = files[below(file_count)];
        for (size_t i = below(6); i > 0; i--)
            mutate(&input);
        try(&input);
    }
    return remove("build/crash") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
