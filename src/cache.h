/* Asks for cache lines before they are needed. This changes nothing but the time that it takes: the
 * lines arrive together, where loads and stores would wait for one after the other. */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>

enum { CACHE_LINE = 64 /* bytes, on most machines */ };

/* Other processors have these bytes, and this one is about to write them. As a builtin, gcc asks
 * for a line to be read on x86, and then it has to be asked for a second time. */
static inline void cache_expect_writes(const volatile void *memory, size_t size) {
    for (size_t i = 0; i < size; i += CACHE_LINE) {
        const volatile char *line = (const volatile char *)memory + i;
#ifdef __x86_64__
        __asm__ volatile("prefetchw %0" : : "m"(*line));
#else
        __builtin_prefetch((const void *)line, 1);
#endif
    }
}

static inline void cache_expect_reads(const volatile void *memory, size_t size) {
    for (size_t i = 0; i < size; i += CACHE_LINE)
        __builtin_prefetch((const char *)memory + i);
}

#endif
