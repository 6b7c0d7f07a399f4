/* Every execution that C11's memory model allows message_publish() and copy_out().
 *
 * The code is that of src/message.c, which is included below, but a message is two machine words
 * long. The atomic accesses go to a machine that keeps all stores to each place of the segment in
 * their order. Each store carries a view, and so does each thread: for every place, the oldest
 * store that may still be loaded. A load returns any store that the thread's view allows, and an
 * acquire load adds the store's view to that of the thread. This is the promise-free part of Kang,
 * Hur, Lahav, Vafeiadis, Dreyer, "A promising semantics for relaxed-memory concurrency", POPL 2017.
 *
 * In the beginning the segment is all zeros, or a writer has claimed it, or a writer has claimed it
 * and a simple program, one that knows struct SharedData alone, has written a message to it. Then
 * writers take up to three turns with the lock. Each turn is that of the last publisher or of
 * another one, and its message is long or short. A publisher may die before any of its stores, and
 * another one may get its process ID. Then readers read, and this holds:
 *   - A snapshot that is taken for whole is one message under its own version, or the beginning. It
 *     isn't older than what the same reader had before.
 *   - A simple reader looks at dataReady alone, and loads it with acquire. Behind a 1 it finds no
 *     word that is older than its message. Words may be newer: what it reads is whole only as long
 *     as nobody publishes meanwhile.
 *   - A late reader comes when a publisher has ended or died. It finds dataReady 0 or a whole
 *     message, and an even version only with its own message and zeros behind that. This holds also
 *     if the compiler has moved relaxed stores, so that a dead publisher has done a later one and
 *     not an earlier one.
 * Then each access is weakened, one at a time, and a reader must notice: each order is needed.
 *
 * Within these turns this is all that C11 allows. Readers store nothing and the lock orders the
 * publishers, so the stores to a place have one order, nothing is loaded before it is stored, and
 * each reader can be tried alone after all publishers. Release sequences are left out, which allows
 * more. Who gets the lock has seen all that its last holder did, even if the kernel took it back
 * from a dead one: semop(2) and the end of a process synchronize memory.
 *
 * Not in here: more turns and more words; a version that comes round to the same number, after 2^31
 * messages, while a reader copies; simple programs that write between our turns; languages without
 * these atomics. */
#define _GNU_SOURCE
#include "model.h"

#include <assert.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The segment, in place of shared_data.h and message.h. A place holds nothing, so that an access
 * that isn't led to the functions below doesn't compile. */
#define SHARED_DATA_H
#define MESSAGE_H
#define SHARED_MAGIC 1
#define MESSAGE_SIZE 12
struct SharedData {
    int processId;
    char message[MESSAGE_SIZE];
    bool dataReady;
};
#define SHARED_WORDS (offsetof(struct SharedData, dataReady) / sizeof(long))
struct place {
    char nothing;
};
static struct SharedSegment {
    struct place words[SHARED_WORDS], dataReady, version, magic, length;
} segment;

struct access;
static unsigned long load(const struct place *place, memory_order order, struct access *access);
static void store(struct place *place, unsigned long value, memory_order order,
                  struct access *access);
static void fence(memory_order order, struct access *access);
static void signal_fence(struct access *access);
static struct access *access_of(const char *function, const char *text);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_thread_fence
#undef atomic_signal_fence
#define atomic_load_explicit(place, order)                                                         \
    load(place, order, access_of(__func__, "load " #place ", " #order))
#define atomic_store_explicit(place, value, order)                                                 \
    store(place, value, order, access_of(__func__, "store " #place ", " #value ", " #order))
#define atomic_thread_fence(order) fence(order, access_of(__func__, "fence " #order))
#define atomic_signal_fence(order) signal_fence(access_of(__func__, "signal fence " #order))
#define atomic_uint struct place

#include "channel.h"
enum message_state message_check(struct message *copy);
#include "message.c"

/* For message_snapshot(), of which only copy_out() is run. */
void wait_for_change(const struct place *word, unsigned seen, int milliseconds) {
    (void)word, (void)seen, (void)milliseconds;
    abort();
}

static bool simple_reader(struct message *copy) {
    copy->dataReady = atomic_load_explicit(&segment.dataReady, memory_order_acquire);
    copy_words(&segment, copy, 0, SHARED_WORDS);
    return copy->dataReady;
}

/* Who may notice: a reader whose snapshot is a mixture of messages, or wrong in any way; a simple
 * reader; a late reader. */
enum notices { MIXTURE, SNAPSHOT, SIMPLE, LATE };
enum change { AS_WRITTEN, RELAXED, LEFT_OUT, STRONGER };

/* What is done to an access as it stands in the code, and who has to notice. A load that is left
 * out returns what its thread has loaded there before. A relaxed load can't be weakened, so it has
 * a row only if the code could do without its value. */
static const struct row {
    enum change change;
    enum notices notices;
    const char *function, *text, *why;
} table[] = {
    {RELAXED, MIXTURE, "lock", "semop(2)", "the last holder's stores are unknown"},
    {LEFT_OUT, MIXTURE, "message_claim",
     "store &segment->magic, SHARED_MAGIC, memory_order_relaxed",
     "an odd version is a version like any other"},
    {RELAXED, MIXTURE, "message_publish", "store &segment->version, version, memory_order_release",
     "the odd version is seen without the magic that gives it its meaning"},
    {LEFT_OUT, MIXTURE, "message_publish", "store &segment->version, version, memory_order_release",
     "words change under an even version"},
    {LEFT_OUT, MIXTURE, "message_publish", "fence memory_order_release",
     "a new word is seen before the odd version"},
    {LEFT_OUT, LATE, "message_publish", "store &segment->dataReady, 0, memory_order_relaxed",
     "a publisher that dies half-way leaves a 1"},
    {LEFT_OUT, LATE, "message_publish", "signal fence memory_order_release",
     "words change while dataReady is still 1"},
    {LEFT_OUT, SNAPSHOT, "message_publish", "store &segment->words[i], word, memory_order_relaxed",
     "there is no message"},
    {LEFT_OUT, SIMPLE, "message_publish",
     "store &segment->length, (unsigned)length, memory_order_relaxed",
     "the next publisher clears too little"},
    {RELAXED, SIMPLE, "message_publish", "store &segment->dataReady, 1, memory_order_release",
     "the 1 is seen before the words"},
    {LEFT_OUT, SNAPSHOT, "message_publish", "store &segment->dataReady, 1, memory_order_release",
     "there is no 1"},
    {RELAXED, MIXTURE, "message_publish",
     "store &segment->version, version + 1, memory_order_release",
     "the even version is seen before the words"},
    {LEFT_OUT, LATE, "message_publish",
     "store &segment->version, version + 1, memory_order_release", "the version stays odd"},
    {RELAXED, MIXTURE, "copy_out", "load &segment->version, memory_order_acquire",
     "words are older than the version"},
    {LEFT_OUT, MIXTURE, "copy_out", "fence memory_order_acquire",
     "words are newer than the second look at the version"},
    {LEFT_OUT, MIXTURE, "copy_out", "load &segment->version, memory_order_relaxed",
     "nothing tells that the version has changed"},
    {RELAXED, SIMPLE, "simple_reader", "load &segment.dataReady, memory_order_acquire",
     "words are older than the 1"},
};

/* The accesses that the code makes, in the order in which they were met. */
static struct access {
    const char *function, *text;
    enum change change;
} accesses[64];

static struct access *access_of(const char *function, const char *text) {
    struct access *access = accesses;
    while (access->function && (access->function != function || access->text != text))
        access++;
    access->function = function;
    access->text = text;
    return access;
}

/* All ways through a run with choices, one after the other: each run chooses as the run before it
 * did, but for the last choice that had an alternative left. */
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
    struct view seen;
    struct view loaded; /* becomes seen with the next acquire fence */
    struct view fenced; /* was seen at the last release fence */
    unsigned long last[PLACES];
} thread;

static struct {
    struct SharedData data;
    bool whole; /* its publisher has survived */
    unsigned version;
} turns[TURNS + 1];
static int turn;
static bool mortal;   /* the publisher may die */
static bool dying;    /* it does */
static bool shuffled; /* the compiler has moved relaxed stores */
static jmp_buf death;

/* What a reader has loaded, to be told. */
static struct {
    int place;
    struct stored stored;
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

static bool is_ordered(memory_order order, struct access *access) {
    return access->change == STRONGER ||
           (order != memory_order_relaxed && access->change != RELAXED);
}

static unsigned long load(const struct place *place, memory_order order, struct access *access) {
    int i = index_of(place), newest = memory[i].count - 1;
    if (access->change == LEFT_OUT)
        return thread.last[i];
    int which = newest - choose(newest - thread.seen.oldest[i] + 1);
    const struct stored *stored = &memory[i].stored[which];
    thread.seen.oldest[i] = (unsigned char)which;
    merge(is_ordered(order, access) ? &thread.seen : &thread.loaded, &stored->view);
    loads[load_count].place = i;
    loads[load_count++].stored = *stored;
    return thread.last[i] = stored->value;
}

static void append(int place, unsigned long value, const struct view *view) {
    struct stored *stored = &memory[place].stored[memory[place].count];
    thread.seen.oldest[place] = (unsigned char)memory[place].count++;
    *stored = (struct stored){value, *view, turn};
    stored->view.oldest[place] = thread.seen.oldest[place];
}

/* A dying publisher still does those stores that the compiler may have moved to an earlier place.
 */
static void store(struct place *place, unsigned long value, memory_order order,
                  struct access *access) {
    if (dying && (!shuffled || is_ordered(order, access)))
        longjmp(death, 1);
    if (mortal && choose(2))
        dying = true;
    else if (access->change != LEFT_OUT)
        append(index_of(place), value, is_ordered(order, access) ? &thread.seen : &thread.fenced);
}

static void signal_fence(struct access *access) {
    if (dying && access->change != LEFT_OUT)
        longjmp(death, 1);
}

static void fence(memory_order order, struct access *access) {
    signal_fence(access);
    if (access->change == LEFT_OUT)
        return;
    if (order != memory_order_release)
        merge(&thread.seen, &thread.loaded);
    if (order != memory_order_acquire)
        thread.fenced = thread.seen;
}

static bool noticed;
static unsigned long executions;

static void tell_place(int place) {
    static const char *const names[] = {"dataReady", "version", "magic", "length"};
    if (place < (int)SHARED_WORDS)
        tell("words[%d]", place);
    else
        tell("%s", names[place - (int)SHARED_WORDS]);
}

static void tell_turn(int number) {
    tell("%d publishes '%s'", turns[number].data.processId, turns[number].data.message);
    if (!turns[number].whole)
        tell(" and dies, having stored");
    for (int i = 0; i < PLACES && !turns[number].whole; i++)
        for (int j = 1; j < memory[i].count; j++)
            if (memory[i].stored[j].turn == number) {
                tell(" ");
                tell_place(i);
            }
    tell("; ");
}

static void notice(const char *what) {
    if (noticed)
        return;
    noticed = true;
    for (int i = 0; i <= turn; i++)
        if (turns[i].data.dataReady)
            tell_turn(i);
    for (int i = 0; i < load_count; i++) {
        const struct stored *stored = &loads[i].stored;
        tell_place(loads[i].place);
        if (loads[i].place >= (int)SHARED_WORDS)
            tell(" %lu, ", stored->value);
        else
            tell(stored->turn ? " of '%s', " : " of the beginning, ",
                 turns[stored->turn].data.message);
    }
    tell("%s", what);
}

static void start_reader(void) {
    memset(&thread, 0, sizeof thread);
    load_count = 0;
    executions++;
}

static bool is_message(const struct message *copy, int i) {
    return turns[i].data.processId == copy->processId &&
           strncmp(turns[i].data.message, copy->message, MESSAGE_SIZE) == 0;
}

static bool is_mixture(struct message *copy) {
    bool mixture = message_check(copy) == MESSAGE_WHOLE;
    for (int i = 0; i <= turn; i++)
        mixture = mixture && !is_message(copy, i);
    return mixture;
}

/* The turn whose message a copy holds under that message's version, or -1. */
static int turn_of(const struct message *copy) {
    int i = turn;
    while (i >= 0 && !(turns[i].whole && turns[i].version == copy->version &&
                       copy->dataReady == turns[i].data.dataReady && is_message(copy, i)))
        i--;
    return i;
}

/* A reader takes two snapshots. One that fails between them, or before, only rules out more. */
static void take_snapshots(enum notices who) {
    struct message copy;
    start(&reading);
    do {
        start_reader();
        for (int i = 0, last = 0; i < 2 && copy_out(&segment, &copy); i++) {
            int found = turn_of(&copy);
            if (found < last && (who == SNAPSHOT || is_mixture(&copy)))
                notice(found < 0 ? "taken for whole" : "taken for whole after a newer one");
            last = found;
            load_count = 0;
        }
    } while (another(&reading) && !noticed);
}

static unsigned long word_of(const void *message, size_t i) {
    unsigned long word;
    memcpy(&word, (const char *)message + i * sizeof word, sizeof word);
    return word;
}

static void read_simply(void) {
    struct message copy;
    start(&reading);
    do {
        start_reader();
        if (!simple_reader(&copy))
            continue;
        int ready = loads[0].stored.turn;
        for (size_t i = 0; i < SHARED_WORDS; i++)
            if (loads[1 + i].stored.turn <= ready &&
                word_of(&copy, i) != word_of(&turns[ready].data, i))
                notice("a word older than the 1");
    } while (another(&reading) && !noticed);
}

static unsigned long newest(const struct place *place) {
    return memory[index_of(place)].stored[memory[index_of(place)].count - 1].value;
}

static void read_late(void) {
    bool whole = false, right = false;
    for (int i = 0; i <= turn; i++) {
        bool there = true;
        for (size_t j = 0; j < SHARED_WORDS; j++)
            there = there && newest(&segment.words[j]) == word_of(&turns[i].data, j);
        whole |= there;
        right |= there && turns[i].whole && turns[i].version == newest(&segment.version) &&
                 newest(&segment.dataReady) == turns[i].data.dataReady;
    }
    start_reader();
    if (newest(&segment.version) % 2 ? turns[turn].whole : !right)
        notice("in the end the version isn't the message's");
    if (newest(&segment.dataReady) && !whole)
        notice("in the end dataReady is 1 and no message whole");
}

static void lock(const struct view *left) {
    if (access_of(__func__, "semop(2)")->change != RELAXED)
        merge(&thread.seen, left);
}

static bool survive(const struct SharedData *data) {
    dying = false;
    if (setjmp(death))
        return false;
    message_publish(&segment, data, strlen(data->message));
    return !dying;
}

static void take_turns(enum notices who, int count) {
    int beginning = choose(3), pid = 0;
    memset(&thread, 0, sizeof thread);
    memset(turns, 0, sizeof turns);
    turn = 0;
    turns[0].whole = true;
    mortal = dying = false;
    shuffled = who == LATE;
    if (beginning == 2)
        turns[0].data = (struct SharedData){++pid, "simple text", true};
    for (int i = 0; i < PLACES; i++) {
        bool word = i < (int)SHARED_WORDS, ready = i == index_of(&segment.dataReady);
        memory[i].count = 1;
        memory[i].stored[0].value =
            word ? word_of(&turns[0].data, (size_t)i) : ready && turns[0].data.dataReady;
    }
    if (beginning > 0)
        message_claim(&segment);
    struct view left = thread.seen;
    while (turn < count && !noticed) {
        bool same = turn > 0 && choose(2); /* or another one with the process ID of a dead one */
        if (!same || !turns[turn].whole)
            memset(&thread, 0, sizeof thread);
        pid += !same;
        turn++;
        load_count = 0;
        lock(&left);
        turns[turn].data = (struct SharedData){.processId = pid, .dataReady = true};
        memset(turns[turn].data.message, 'a' + turn - 1, choose(2) ? 3 : MESSAGE_SIZE - 1);
        /* What a last publisher that dies shows to readers, one that lives shows, too. */
        mortal = turn < count || who == LATE;
        turns[turn].whole = survive(&turns[turn].data);
        turns[turn].version = (unsigned)newest(&segment.version);
        left = thread.seen;
        if (who == LATE)
            read_late();
    }
}

/* Whether anybody of this kind notices something: first after few turns. */
static bool notices(enum notices who) {
    noticed = false;
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

/* Changes all accesses of this text. There must be one. */
static void change(const char *function, const char *text, enum change change) {
    bool found = false;
    for (struct access *access = accesses; access->function; access++)
        if (strcmp(access->function, function) == 0 && strcmp(access->text, text) == 0) {
            access->change = change;
            found = true;
        }
    if (!found)
        check(false, "%s(): %s: it isn't there any more", function, text);
}

static void weaken(const struct row *row) {
    static const char *const names[] = {"a mixture", "a snapshot is wrong",
                                        "a simple reader notices", "a late reader notices"};
    change(row->function, row->text, row->change);
    check(notices(row->notices), "%s(): %s: %s: %s: %s", row->function, row->text,
          row->change == RELAXED ? "relaxed" : "left out", names[row->notices], row->why);
    change(row->function, row->text, AS_WRITTEN);
}

/* A stronger access is no substitute for a fence. */
static void replace(const char *function, const char *fence, const char *access) {
    change(function, fence, LEFT_OUT);
    change(function, access, STRONGER);
    check(notices(MIXTURE), "%s(): a stronger %s in place of %s: a mixture", function, access,
          fence);
    change(function, fence, AS_WRITTEN);
    change(function, access, AS_WRITTEN);
}

static bool has_row(const struct access *access) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].function, access->function) == 0 &&
            strcmp(table[i].text, access->text) == 0)
            return true;
    return false;
}

void memory_model(void) {
    bool wrong = notices(SNAPSHOT) || notices(SIMPLE) || notices(LATE);
    check(!wrong, "message_publish() and copy_out() as written: %lu executions", executions);
    for (const struct access *access = accesses; access->function; access++)
        if (!has_row(access) && !(*access->text == 'l' && strstr(access->text, "relaxed")))
            check(false, "%s(): %s: the table doesn't know it", access->function, access->text);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        weaken(&table[i]);
    replace("copy_out", "fence memory_order_acquire",
            "load &segment->version, memory_order_relaxed");
    replace("message_publish", "fence memory_order_release",
            "store &segment->dataReady, 0, memory_order_relaxed");
}
