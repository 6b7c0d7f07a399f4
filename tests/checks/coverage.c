/* Linked into the programs by make coverage. What a process has counted it adds at its end to a
 * file in the directory COVERAGE, which all processes of its program share. A process that is
 * killed adds nothing: LLVM computes the count of some branches from other counts, and would see a
 * branch where the process was killed. Adding takes no system call, because the tests make system
 * calls fail.
 *
 * With COVERAGE_WRITE=FILE in its environment a program only writes there what all have counted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef COVERAGE /* some tests build without */
/* compiler-rt's */
char *__llvm_profile_begin_counters(void), *__llvm_profile_end_counters(void);
const char *__llvm_profile_begin_names(void), *__llvm_profile_end_names(void);
void __llvm_profile_set_filename(const char *name);
int __llvm_profile_write_file(void);
int __llvm_profile_runtime; /* compiler-rt's own one would write a file at the end of a process */

static unsigned long long *own;
static atomic_ullong *sums;
static size_t size;

__attribute__((constructor)) static void begin(void) {
    const char *output = getenv("COVERAGE_WRITE");
    char path[500];
    own = (void *)__llvm_profile_begin_counters();
    size = (size_t)(__llvm_profile_end_counters() - (char *)own);
    unsigned long long hash = size; /* FNV-1a of the names: another one for each program */
    for (const char *c = __llvm_profile_begin_names(); c < __llvm_profile_end_names(); c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    snprintf(path, sizeof path, COVERAGE "/%llx", hash);
    int file = open(path, O_RDWR | O_CREAT, 0666);
    if (file >= 0 && ftruncate(file, (off_t)size) == 0)
        sums = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (sums == MAP_FAILED)
        sums = NULL;
    close(file);
    if (!output || !sums)
        return;
    memcpy(own, sums, size);
    __llvm_profile_set_filename(output);
    _exit(__llvm_profile_write_file() != 0);
}

__attribute__((destructor)) static void end(void) {
    for (size_t i = 0; sums && i < size / sizeof *own; i++)
        atomic_fetch_add_explicit(&sums[i], own[i], memory_order_relaxed);
    sums = NULL;
}

/* In place of the C library's: signals_exit() ends with it. */
int raise(int number) {
    end();
    return kill(getpid(), number);
}
#endif
