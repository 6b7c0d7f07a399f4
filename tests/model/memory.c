/* Every execution that C11's memory model allows publish() and snapshot().
 *
 * The code is that of src/message.c: it is included below, its atomic accesses led to a machine of
 * views, its message two words long. In the machine each place of the segment keeps all stores
 * that it got, in their order, and each store carries a view: how far, in every place, whoever
 * reads it with acquire has come. A load returns any store that its thread's view doesn't rule
 * out. (The promise-free part of Kang, Hur, Lahav, Vafeiadis, Dreyer, "A promising semantics for
 * relaxed-memory concurrency", POPL 2017.)
 *
 * A writer joins, that is, it stores the magic. Then there are up to three turns with the lock,
 * each of the publisher before or another one, with a long message or a short one; a publisher may
 * die before any of its stores, and its process ID be used again. Then readers read. In all of
 * this:
 *   - what a snapshot takes for whole is exactly one message that was published, under its
 *     version, or the empty beginning; and not an older one than the same reader had before;
 *   - a simple reader, who knows dataReady alone and loads it with acquire, finds behind a 1
 *     nothing that is older than its message. It may find words of newer ones: what it reads is
 *     whole as long as nobody publishes meanwhile;
 *   - a late reader, who comes when a publisher has ended or died, finds dataReady 0 or a whole
 *     message, and an even version only with its message, zeros behind it. This holds also if the
 *     compiler has moved relaxed stores, so that a dead one has done a later one and no earlier.
 * Then each access is weakened, one at a time, and one of the three has to notice: none is there
 * for nothing.
 *
 * This is all that C11 allows in these turns. Readers store nothing, and the lock orders the
 * publishers: so the stores to a place have one order, nothing is loaded before it is stored (load
 * buffering, values out of thin air: for that, a reader would have to store), and readers can be
 * tried one by one when all publishers are through. Release sequences are left out: without them,
 * more is allowed. Whoever gets the lock has seen all that its last holder did, also when the
 * kernel took it back from a dead one: semop(2) and the end of a process synchronize memory.
 *
 * Not in here: more turns, more words; a version that comes round to the same number, after 2^31
 * messages, while a reader copies; programs that know SharedData alone and write; readers in
 * languages without these atomics. */
#define _GNU_SOURCE
#include "model.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The segment, in place of shared_data.h. A place holds nothing: whatever accesses it otherwise
 * than through the functions below doesn't compile. */
struct place {
    char nothing;
};
#define SHARED_DATA_H
#define SHARED_MAGIC 1
#define MESSAGE_SIZE 12
struct SharedData {
    int processId;
    char message[MESSAGE_SIZE];
    bool dataReady;
};
#define SHARED_WORDS (offsetof(struct SharedData, dataReady) / sizeof(long))
static struct SharedSegment {
    struct place words[SHARED_WORDS], dataReady, version, magic, length;
} segment;

static unsigned long load(const struct place *place, memory_order order, int row);
static void store(struct place *place, unsigned long value, memory_order order, int row);
static void fence(memory_order order, int row);
static void signal_fence(int row);
static int row_of(const char *function, const char *access);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_thread_fence
#undef atomic_signal_fence
#define atomic_load_explicit(place, order)                                                         \
    load(place, order, row_of(__func__, "load " #place ", " #order))
#define atomic_store_explicit(place, value, order)                                                 \
    store(place, value, order, row_of(__func__, "store " #place ", " #value ", " #order))
#define atomic_thread_fence(order) fence(order, row_of(__func__, "fence " #order))
#define atomic_signal_fence(order) signal_fence(row_of(__func__, "signal fence " #order))
#define atomic_uint struct place

#include "message.c"

/* For snapshot(), of which only copy_out() is run. */
void wait_for_change(const struct place *word, unsigned seen, int milliseconds) {
    (void)word, (void)seen, (void)milliseconds;
    abort();
}

/* As open_locked() in segment.c does it. */
static void join(void) {
    atomic_store_explicit(&segment.magic, SHARED_MAGIC, memory_order_relaxed);
}

static bool simple_reader(struct message *copy) {
    copy->dataReady = atomic_load_explicit(&segment.dataReady, memory_order_acquire);
    copy_words(&segment, copy, 0, SHARED_WORDS);
    return copy->dataReady;
}

/* Who notices that something is wrong: nobody; who takes a snapshot, because it is a mixture or in
 * another way not what was published; a simple reader; a late one. */
enum notices { NOBODY, MIXTURE, SNAPSHOT, SIMPLE, LATE };

/* The accesses as they stand in the code: who notices first if the order is relaxed, and if the
 * access is left out. Left out, a load returns what its thread has loaded there before. Loads that
 * are relaxed and needed anyway don't stand here. */
static const struct row {
    const char *function, *access;
    struct {
        enum notices expected;
        const char *why;
    } relaxed, left_out;
} table[] = {
    {"join",
     "store &segment.magic, SHARED_MAGIC, memory_order_relaxed",
     {0},
     {MIXTURE, "an odd version is a version like any other"}},
    {"lock", "semop(2)", {MIXTURE, "the last holder's stores are unknown"}, {0}},
    {"publish",
     "store &segment->version, version, memory_order_release",
     {MIXTURE, "the odd version is seen without the magic that gives it its meaning"},
     {MIXTURE, "words change under an even version"}},
    {"publish",
     "fence memory_order_release",
     {0},
     {MIXTURE, "a new word is seen before the odd version"}},
    {"publish",
     "store &segment->dataReady, 0, memory_order_relaxed",
     {0},
     {LATE, "whoever dies half-way leaves a 1"}},
    {"publish",
     "signal fence memory_order_release",
     {0},
     {LATE, "words change before the 1 has gone"}},
    {"publish",
     "store &segment->words[i], next->words[i], memory_order_relaxed",
     {0},
     {SNAPSHOT, "there is no message"}},
    {"publish",
     "store &segment->words[i], 0, memory_order_relaxed",
     {0},
     {SIMPLE, "the end of a longer message stays"}},
    {"publish",
     "store &segment->length, (unsigned)next->length, memory_order_relaxed",
     {0},
     {SIMPLE, "for snapshots a hint; but the next publish() clears by it"}},
    {"publish",
     "store &segment->dataReady, 1, memory_order_release",
     {SIMPLE, "the 1 is seen before the words"},
     {SNAPSHOT, "there is no 1"}},
    {"publish",
     "store &segment->version, version + 1, memory_order_release",
     {MIXTURE, "the even version is seen before the words"},
     {LATE, "the version stays odd"}},
    {"copy_out",
     "load &segment->version, memory_order_acquire",
     {MIXTURE, "words are older than the version"},
     {0}},
    {"copy_out",
     "fence memory_order_acquire",
     {0},
     {MIXTURE, "words are newer than the second look at the version"}},
    {"copy_out",
     "load &segment->version, memory_order_relaxed",
     {0},
     {MIXTURE, "nothing tells that the version has changed"}},
    {"simple_reader",
     "load &segment.dataReady, memory_order_acquire",
     {SIMPLE, "words are older than the 1"},
     {0}},
};

enum { ROWS = sizeof table / sizeof *table };
static enum change { AS_WRITTEN, RELAXED, LEFT_OUT, STRONGER } changes[ROWS + 1];
static bool met[ROWS];

static int search(const char *function, const char *access) {
    int row = 0;
    while (row < ROWS &&
           (strcmp(table[row].function, function) != 0 || strcmp(table[row].access, access) != 0))
        row++;
    return row;
}

/* The row of an access; ROWS: it has none. */
static int row_of(const char *function, const char *access) {
    static struct {
        const char *function, *access;
        int row;
    } known[64];
    int i = 0;
    while (known[i].function && (known[i].function != function || known[i].access != access))
        i++;
    if (!known[i].function) {
        known[i].function = function;
        known[i].access = access;
        known[i].row = search(function, access);
        if (known[i].row < ROWS)
            met[known[i].row] = true;
        else if (*access != 'l' || !strstr(access, "relaxed"))
            check(false, "%s(): %s: the table doesn't know it", function, access);
    }
    return known[i].row;
}

/* All ways to go, one after the other: a run chooses as the run before it did, but for the last
 * choice that had an alternative left. */
struct ways {
    int made, known;
    struct {
        int taken, of;
    } choices[200];
};
static struct ways *ways, publishing, reading;

static int choose(int of) {
    if (of == 1)
        return 0;
    if (ways->made == ways->known)
        ways->choices[ways->known++].taken = 0;
    ways->choices[ways->made].of = of;
    return ways->choices[ways->made++].taken;
}

static void start(struct ways *these) {
    ways = these;
    ways->made = ways->known = 0;
}

static bool another(struct ways *these) {
    ways = these;
    ways->made = 0;
    for (; ways->known > 0; ways->known--)
        if (++ways->choices[ways->known - 1].taken < ways->choices[ways->known - 1].of)
            return true;
    return false;
}

enum { PLACES = sizeof segment, TURNS = 3, STORES = 1 + 2 * TURNS };

struct view {
    unsigned char oldest[PLACES]; /* store that may still be loaded */
};

static struct {
    int count;
    struct stored {
        unsigned long value;
        struct view view;
        int turn; /* 0: before the first */
    } stored[STORES];
} memory[PLACES];

static struct thread {
    struct view seen, loaded, fenced; /* loaded: seen from the next acquire fence on; fenced: seen
                                         at the last release fence */
    unsigned long last[PLACES];
} thread;

static struct {
    struct message message;
    bool whole;
    unsigned version;
} turns[TURNS + 1];
static int turn;
static bool mortal, shuffled, dying; /* whether a publisher may die; with stores moved; and does */
static jmp_buf death;

/* Of a reader, to be told. */
static struct {
    int place;
    unsigned long value;
    int turn;
} loads[2 * PLACES];
static int load_count;

static void merge(struct view *view, const struct view *more) {
    for (int i = 0; i < PLACES; i++)
        if (view->oldest[i] < more->oldest[i])
            view->oldest[i] = more->oldest[i];
}

static int index_of(const struct place *place) {
    return (int)(place - (const struct place *)&segment);
}

static bool is_ordered(memory_order order, int row) {
    return changes[row] == STRONGER || (order != memory_order_relaxed && changes[row] != RELAXED);
}

static unsigned long load(const struct place *place, memory_order order, int row) {
    int i = index_of(place), newest = memory[i].count - 1;
    if (changes[row] == LEFT_OUT)
        return thread.last[i];
    int which = newest - choose(newest - thread.seen.oldest[i] + 1);
    const struct stored *stored = &memory[i].stored[which];
    thread.seen.oldest[i] = (unsigned char)which;
    merge(&thread.loaded, &stored->view);
    if (is_ordered(order, row))
        merge(&thread.seen, &stored->view);
    loads[load_count].place = i;
    loads[load_count].value = stored->value;
    loads[load_count++].turn = stored->turn;
    return thread.last[i] = stored->value;
}

static void append(int place, unsigned long value, const struct view *view) {
    struct stored *stored = &memory[place].stored[memory[place].count];
    thread.seen.oldest[place] = (unsigned char)memory[place].count++;
    *stored = (struct stored){value, *view, turn};
    stored->view.oldest[place] = thread.seen.oldest[place];
}

/* The dying still do what the compiler may have moved before the store that they no longer do. */
static void store(struct place *place, unsigned long value, memory_order order, int row) {
    if (dying && (!shuffled || is_ordered(order, row)))
        longjmp(death, 1);
    if (mortal && choose(2))
        dying = true;
    else if (changes[row] != LEFT_OUT)
        append(index_of(place), value, is_ordered(order, row) ? &thread.seen : &thread.fenced);
}

static void signal_fence(int row) {
    if (dying && changes[row] != LEFT_OUT)
        longjmp(death, 1);
}

static void fence(memory_order order, int row) {
    signal_fence(row);
    if (changes[row] == LEFT_OUT)
        return;
    if (order != memory_order_release)
        merge(&thread.seen, &thread.loaded);
    if (order != memory_order_acquire)
        thread.fenced = thread.seen;
}

static enum notices noticed;
static unsigned long executions;

static void tell_place(int place) {
    static const char *const names[] = {"dataReady", "version", "magic", "length"};
    if (place < (int)SHARED_WORDS)
        tell("words[%d]", place);
    else
        tell("%s", names[place - (int)SHARED_WORDS]);
}

static void tell_turn(int number) {
    tell("%d publishes '%s'", turns[number].message.processId, turns[number].message.message);
    if (turns[number].whole)
        return;
    tell(" and dies, having stored");
    for (int i = 0; i < PLACES; i++)
        for (int j = 1; j < memory[i].count; j++)
            if (memory[i].stored[j].turn == number) {
                tell(" ");
                tell_place(i);
            }
}

static void notice(enum notices who, const char *what) {
    if (noticed)
        return;
    noticed = who;
    for (int i = 1; i <= turn; i++) {
        tell_turn(i);
        tell("; ");
    }
    for (int i = 0; i < load_count; i++) {
        tell_place(loads[i].place);
        if (loads[i].place >= (int)SHARED_WORDS)
            tell(" %lu, ", loads[i].value);
        else
            tell(loads[i].turn ? " of '%s', " : " of the beginning, ",
                 turns[loads[i].turn].message.message);
    }
    tell("%s", what);
}

static void start_reader(void) {
    memset(&thread, 0, sizeof thread);
    load_count = 0;
    executions++;
}

static bool is_message(const struct message *copy, int i) {
    return turns[i].message.processId == copy->processId &&
           strncmp(turns[i].message.message, copy->message, MESSAGE_SIZE) == 0;
}

static bool is_mixture(const struct message *copy) {
    bool mixture = message_check(copy) == MESSAGE_WHOLE;
    for (int i = 1; i <= turn; i++)
        mixture = mixture && !is_message(copy, i);
    return mixture;
}

/* Which message a copy holds under its own version; -1: none. */
static int held(const struct message *copy) {
    int i = turn;
    while (i >= 0 && !(turns[i].whole && turns[i].version == copy->version &&
                       copy->dataReady == (i > 0) && is_message(copy, i)))
        i--;
    return i;
}

/* A reader that takes two. One that fails in between, or before, only rules out more. */
static void take_snapshots(enum notices who) {
    struct message copy;
    start(&reading);
    do {
        start_reader();
        for (int i = 0, last = 0; i < 2 && copy_out(&segment, &copy); i++) {
            int message = held(&copy);
            if (message < last && (who == SNAPSHOT || is_mixture(&copy)))
                notice(who, message < 0 ? "taken for whole" : "taken for whole after a newer one");
            last = message;
            load_count = 0;
        }
    } while (another(&reading) && !noticed);
}

static void read_simply(void) {
    struct message copy;
    start(&reading);
    do {
        start_reader();
        if (!simple_reader(&copy))
            continue;
        for (size_t i = 0; i < SHARED_WORDS; i++)
            if (loads[1 + i].turn <= loads[0].turn &&
                copy.words[i] != turns[loads[0].turn].message.words[i])
                notice(SIMPLE, "a word older than the 1");
    } while (another(&reading) && !noticed);
}

static unsigned long newest(const struct place *place) {
    return memory[index_of(place)].stored[memory[index_of(place)].count - 1].value;
}

static void look_late(void) {
    bool whole = false, right = false;
    for (int i = 0; i <= turn; i++) {
        bool there = true;
        for (size_t j = 0; j < SHARED_WORDS; j++)
            there = there && newest(&segment.words[j]) == turns[i].message.words[j];
        whole |= there;
        right |= there && turns[i].whole && turns[i].version == newest(&segment.version) &&
                 newest(&segment.dataReady) == (i > 0);
    }
    start_reader();
    if (newest(&segment.version) % 2 ? turns[turn].whole : !right)
        notice(LATE, "in the end the version isn't the message's");
    if (newest(&segment.dataReady) && !whole)
        notice(LATE, "in the end dataReady is 1 and no message whole");
}

static void lock(const struct view *left) {
    if (changes[row_of(__func__, "semop(2)")] != RELAXED)
        merge(&thread.seen, left);
}

static bool survive(const struct message *message) {
    dying = false;
    if (setjmp(death))
        return false;
    publish(&segment, message);
    return !dying;
}

static void take_turns(enum notices who, int count) {
    static const char *const texts[] = {"", "aaaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc"};
    int pid = 0;
    for (int i = 0; i < PLACES; i++)
        memory[i].count = 1;
    memset(&thread, 0, sizeof thread);
    memset(turns, 0, sizeof turns);
    turn = 0;
    turns[0].whole = true;
    mortal = dying = false;
    shuffled = who == LATE;
    join();
    struct view left = thread.seen;
    while (turn < count && !noticed) {
        bool same = turn > 0 && choose(2); /* or, after its death, another one with its number */
        if (!same || !turns[turn].whole)
            memset(&thread, 0, sizeof thread);
        pid += !same;
        turn++;
        load_count = 0;
        lock(&left);
        message_prepare(&turns[turn].message, pid, texts[turn], choose(2) ? 3 : MESSAGE_SIZE - 1);
        /* What a last one that dies shows to readers, one that lives does, too. */
        mortal = turn < count || who == LATE;
        turns[turn].whole = survive(&turns[turn].message);
        turns[turn].version = (unsigned)newest(&segment.version);
        left = thread.seen;
        if (who == LATE)
            look_late();
    }
}

/* Who notices anything, with as few turns as possible. */
static enum notices explore(void) {
    noticed = NOBODY;
    for (enum notices who = MIXTURE; who <= LATE && !noticed; who++)
        for (int count = 1; count <= TURNS && !noticed; count++) {
            start(&publishing);
            do {
                take_turns(who, count);
                if (who == SIMPLE)
                    read_simply();
                else if (who != LATE)
                    take_snapshots(who);
            } while (another(&publishing) && !noticed);
        }
    return noticed;
}

static void weaken(const struct row *row, enum change change) {
    static const char *const names[] = {"nobody notices", "a mixture", "a snapshot is wrong",
                                        "a simple reader notices", "a late reader notices"};
    bool relaxed = change == RELAXED;
    enum notices expected = relaxed ? row->relaxed.expected : row->left_out.expected;
    if (!expected)
        return;
    changes[row - table] = change;
    enum notices who = explore();
    changes[row - table] = AS_WRITTEN;
    check(who == expected, "%s(): %s: %s: %s: %s", row->function, row->access,
          relaxed ? "relaxed" : "left out", names[who],
          relaxed ? row->relaxed.why : row->left_out.why);
}

/* A stronger access is no substitute for a fence. */
static void replace(const char *function, const char *fence, const char *access) {
    int from = search(function, fence), to = search(function, access);
    changes[from] = LEFT_OUT;
    changes[to] = STRONGER;
    check(from < ROWS && to < ROWS && explore() == MIXTURE,
          "%s(): a stronger %s in place of %s: a mixture", function, access, fence);
    changes[from] = changes[to] = AS_WRITTEN;
}

void memory_model(void) {
    explore();
    check(!noticed, "publish() and snapshot() as written: %lu executions", executions);
    for (const struct row *row = table; row < table + ROWS; row++) {
        if (!met[row - table])
            check(false, "%s(): %s: it isn't there any more", row->function, row->access);
        weaken(row, RELAXED);
        weaken(row, LEFT_OUT);
    }
    replace("copy_out", "fence memory_order_acquire",
            "load &segment->version, memory_order_relaxed");
    replace("publish", "fence memory_order_release",
            "store &segment->dataReady, 0, memory_order_relaxed");
}
