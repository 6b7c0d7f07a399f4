/* What the files of the benchmark offer each other. */
#ifndef BENCH_H
#define BENCH_H

#include "message.h"
#include "segment.h"

#include <stdint.h>

enum { SMALLEST = 8, LARGEST = MESSAGE_SIZE, MOST_SIZES = 8, MOST_READERS = 8, ROUNDS = 20 };
enum { THERE, BACK };                            /* the two directions */
enum { ASKING, ANSWERING };                      /* the two ends of a channel */
enum { LINE_METHOD, COPY_METHOD, METHODS = 14 }; /* all are compared with the first two */

/* --- bench.c: what is wanted --- */

struct settings {
    size_t sizes[MOST_SIZES], sizes_count;
    size_t messages, rounds;
    bool methods[METHODS];
    bool trips, alone, readers; /* which parts */
    bool csv;
};

/* --- keeper.c: nothing outlives the benchmark, no process and no object of the kernel's --- */

/* Memory to hand messages over in. What a receiver looks at has a page of its own. */
struct place {
    _Alignas(4096) struct SharedSegment segment;
    _Alignas(4096) char plain[LARGEST]; /* bytes without a protocol */
    _Alignas(4096) atomic_uint flag;    /* alone in its cache line */
};

/* What the benchmark's processes share: one System V segment. */
struct arena {
    struct place places[ROUNDS][2];        /* [round][THERE], [round][BACK] */
    _Alignas(4096) atomic_int phase;       /* of the readers */
    unsigned long snapshots[MOST_READERS]; /* of each reader, when it stops */
};

extern struct kept {
    pid_t owner;
    struct segment segment; /* as segment_join() leaves it; it lies in the arena */
    struct arena *arena;
    int queue;                                     /* ID of a message queue */
    char directory[60], fifo[70], posix_queue[60]; /* names; the last two for a moment only */
} kept;

/* Fills in `kept`, or exits. From now on this process ends when a child ends with anything but
 * success. */
void keeper_start(void);

/* Starts a process that dies with this one; 0 in the new one, which ends with _exit(2). */
pid_t process_start(void);
void process_wait(pid_t process);

/* --- machine.c: processors and clock --- */

/* Chooses a processor for each side, pins this process to the first one, and finds out what reading
 * the clock costs, or exits. */
void machine_start(void);
void machine_show(const struct settings *settings); /* what the figures depend on */
void pin(int side);
void unpin(void);          /* to any that may be used */
extern bool one_processor; /* for both sides: who spins has to give it up */

int64_t now(void);            /* nanoseconds since some fixed point */
int64_t since(int64_t start); /* until now, without what reading the clock takes */

/* --- methods.c: the ways in which one process can hand bytes to another --- */

/* What one of the two processes has in its hands. */
struct end {
    const struct method *method;
    int in, out;         /* directions */
    struct place *place; /* [in], [out] */
    int from, to;        /* descriptors, where the method has any */
    unsigned sent, seen; /* how many messages */
    unsigned version;    /* of the last one from a segment */
    union {
        struct message copy;
        struct {
            long type;
            char text[LARGEST + 1]; /* one more: too long a message is noticed */
        } received;
    };
};

struct method {
    const char *name, *title;
    /* Gives both ends their descriptors; the end of the process closes them. -1 with errno: this
     * system can't. NULL: nothing to open. */
    int (*open)(struct end ends[2]);
    /* Neither returns unless it succeeded. What is sent lies in a struct message, or is what the
     * same end has received. */
    void (*send)(struct end *end, const char *bytes, size_t size);
    const char *(*receive)(struct end *end, size_t size); /* valid until the next receive */
};

extern const struct method methods[METHODS];

/* Makes a channel; -1 with errno: this system can't. */
int channel_open(struct end ends[2], const struct method *method);

/* Before each use: where in memory. Nothing of an earlier use is left in it. */
void channel_place(struct end ends[2], struct place place[2]);

/* Exits: what was received isn't what was sent. */
_Noreturn void wrong(const char *name, const char *what);

/* --- figures.c: from times to a table --- */

struct row {
    const char *name, *title; /* without a name, the row isn't shown */
    double median; /* nanoseconds: the mean of the middle half, finer than the clock ticks */
    double p99, max;
    double copies, lines; /* how many times a bare copy's, a bare line's median; 0: no such */
};

/* Fills in the figures of `times`, nanoseconds of `each` operations, which are sorted. */
void summarize(struct row *row, int64_t *times, size_t count, double each);

/* Prints a table, or lines of comma-separated values. */
void show_rows(bool csv, const char *part, size_t size, const struct row *rows, size_t count);

/* --- trips.c, alone.c, readers.c: the three parts; each measures, and prints its figures --- */

void measure_trips(const struct settings *settings);
void measure_alone(const struct settings *settings);
void measure_readers(const struct settings *settings);

/* Message number `number` of `size` bytes, its NUL included. Eight characters are repeated; no two
 * numbers have the same. */
void message_numbered(struct message *message, size_t size, unsigned number);

/* Publishes as a writer does. */
void publish_locked(const struct message *message);

#endif
