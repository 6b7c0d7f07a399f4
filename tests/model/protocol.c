/* Every order in which writers may join, publish, leave and be killed.
 *
 * The code is that of src/semaphores.c and src/segment.c: both are included below, their system
 * calls and their accesses to shared memory led to a small kernel. A process is what the kernel
 * has answered it: to learn what it calls next, it is run again from its last milestone (joined,
 * published) and given these answers. So all states of kernel and processes are visited, each
 * once, and on a shortest way; writers that have changed places make no other state.
 *
 * One, two and three writers join, publish once and leave. Each may be killed before any of its
 * calls, and may find that a wait has taken too long. The end of a process first detaches it, then
 * takes back its operations, as in Linux. Once, somebody may remove the set or the segment with
 * ipcrm. When all have gone, another writer comes. In all of this:
 *   - two never publish in one segment, and never hold one lock; lock and count of a set are those
 *     of the processes that hold it and that live;
 *   - nobody waits for ever;
 *   - in the end nothing is left, unless a writer was killed, or gave up to leave, after the last
 *     that left had counted; in any case the next one joins, and removes all.
 * And as long as nobody uses ipcrm:
 *   - the writers of one set have one segment;
 *   - nobody is refused who hasn't waited for too long;
 *   - a segment is left behind only for somebody who is alone, and never orphaned; but who was
 *     killed between magic and set leaves an empty one that passes for that, and is replaced;
 *   - until there is trouble, whoever finds a segment finds a living writer.
 * Then the protocol is weakened, in one point at a time, and one of these has to break, or the
 * table says that none does.
 *
 * Not in here: more writers, and more than one ipcrm; signals; readers that are attached; objects
 * of strangers and other users; a segment's contents but for what joining stores there (see
 * memory.c). A call is one step, seen at once by everybody: the kernel's locks see to that. */
#define _GNU_SOURCE
#include "model.h"
#include "wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>

/* The segment, in place of shared_data.h: nothing can access it but through the kernel below. */
struct place {
    char nothing;
};
#define SHARED_DATA_H
#define SHARED_SIZE 1024
#define SHARED_MAGIC 1
struct SharedSegment {
    struct place magic, set;
};

#define CALLS(CALL)                                                                                \
    CALL(MAKE_SET, "semget new")                                                                   \
    CALL(FIND_SET, "semget")                                                                       \
    CALL(SET_STATUS, "semctl IPC_STAT")                                                            \
    CALL(COUNT, "semctl GETVAL")                                                                   \
    CALL(OPERATE, "semop")                                                                         \
    CALL(REMOVE_SET, "semctl IPC_RMID")                                                            \
    CALL(MAKE_SEGMENT, "shmget new")                                                               \
    CALL(FIND_SEGMENT, "shmget")                                                                   \
    CALL(ATTACH, "shmat")                                                                          \
    CALL(SEGMENT_STATUS, "shmctl IPC_STAT")                                                        \
    CALL(COMPARE, "memcmp")                                                                        \
    CALL(LOAD, "load")                                                                             \
    CALL(STORE, "store")                                                                           \
    CALL(DETACH, "shmdt")                                                                          \
    CALL(REMOVE_SEGMENT, "shmctl IPC_RMID")                                                        \
    CALL(PUBLISH, "publish")                                                                       \
    CALL(EXIT, "ends")
#define CONSTANT(constant, name) constant,
#define NAME(constant, name) name,
enum call { CALLS(CONSTANT) };
static const char *const call_names[] = {CALLS(NAME)};

static int ask(enum call call, int id, int detail);
static int ask_semctl(int id, int number, int command, ...);
static int ask_shmctl(int id, int command, struct shmid_ds *status);
static void *ask_shmat(int id);
static int segment_at(const void *address);
static int access_place(enum call call, const struct place *place, int value);

#undef atomic_load_explicit
#undef atomic_store_explicit
#define semget(key, count, flags)                                                                  \
    ((void)(key), ask(IPC_CREAT & (flags) ? MAKE_SET : FIND_SET, 0, 0))
#define semctl ask_semctl
#define shmget(key, size, flags)                                                                   \
    ((void)(key), ask(IPC_CREAT & (flags) ? MAKE_SEGMENT : FIND_SEGMENT, 0, 0))
#define shmat(id, address, flags) ((void)(flags), ask_shmat(id))
#define shmdt(address) ask(DETACH, segment_at(address), 0)
#define shmctl ask_shmctl
#define memcmp(memory, zeros, size) ((void)(zeros), ask(COMPARE, segment_at(memory), 0))
#define atomic_load_explicit(place, order) (unsigned)access_place(LOAD, place, 0)
#define atomic_store_explicit(place, value, order) access_place(STORE, place, (int)(value))
#define wait_wake(word) ((void)0) /* no readers here */

#include "segment.c"
#include "semaphores.c"

#undef memcmp

enum { WRITERS = 3, OBJECTS = 6, ANSWERS = 40, PLACES = sizeof(struct SharedSegment) };
enum { BLOCKED = -127 };

/* An operation on a set, a bit for each of its parts; shifted by UNDO: with SEM_UNDO. */
enum { WAIT = 1, HOLD = 2, ARRIVE = 4, RELEASE = 8, DEPART = 16, UNDO = 5 };
#define UNDONE(parts) ((parts) | (parts) << UNDO)

enum { JOIN = WAIT | UNDONE(HOLD | ARRIVE), LOCK_IT = WAIT | UNDONE(HOLD) };
enum { UNLOCK_IT = UNDONE(RELEASE), LEAVE_IT = UNDONE(DEPART | RELEASE) };

/* IDs count from 1; 0: none. */
struct state {
    struct {
        signed char exists, values[NUMBERS];
    } sets[OBJECTS];
    struct {
        signed char exists, removed, contents[PLACES];
    } segments[OBJECTS];
    signed char set, segment; /* of the key */
    signed char sets_made, segments_made;
    signed char troubled;        /* somebody was killed or has waited for too long */
    signed char troubled_lately; /* and ended so after a leaver had counted */
    signed char half_claimed;    /* somebody was killed between magic and set */
    signed char interfered;      /* somebody used ipcrm: SET_REMOVED, SEGMENT_REMOVED */
    struct process {
        signed char stage, killed;
        signed char set, segment;   /* since it has joined */
        signed char member, holder; /* of a set, of its lock */
        signed char attached[OBJECTS], undo[OBJECTS][NUMBERS];
        signed char answers[ANSWERS], answered; /* in this stage */
        signed char call, id;                   /* what it does next */
        short detail;
    } processes[WRITERS];
};
enum { JOINING, PUBLISHING, LEAVING, ENDING, GONE };
enum { SET_REMOVED = 1, SEGMENT_REMOVED = 2 };

static struct state now;
static struct process *self; /* that runs */
static int replayed;         /* how many of its answers it has been given */
static jmp_buf out;
static struct SharedSegment memories[OBJECTS]; /* addresses only */
static const char *complaint;
static bool meddling; /* somebody may use ipcrm */

/* A weaker protocol: in a stage, operation `from` becomes `to` and then `then`, if there is such;
 * or `instead` answers all calls. What breaks then; NULL: nothing. */
struct mutant {
    const char *what;
    int stage, from, to, then;
    int (*instead)(enum call call, int id, int detail);
    const char *breaks;
};
static const struct mutant *mutant;

static void need(bool enough, const char *of) {
    if (enough)
        return;
    fprintf(stderr, "protocol.c: not enough %s\n", of);
    exit(EXIT_FAILURE);
}

static void forget_answers(void) {
    self->answered = 0;
    memset(self->answers, 0, sizeof self->answers);
}

/* The answer to a call. If there is none yet, the run ends here. */
static int answer(enum call call, int id, int detail) {
    if (replayed < self->answered)
        return self->answers[replayed++];
    self->call = (signed char)call;
    self->id = (signed char)id;
    self->detail = (short)detail;
    if (call == MAKE_SET) /* joining starts, or starts over: what was before is forgotten */
        forget_answers();
    longjmp(out, 1);
}

static int ask(enum call call, int id, int detail) {
    bool here = mutant && mutant->stage == self->stage;
    bool changed = here && !mutant->instead && call == OPERATE && detail == mutant->from;
    int result = here && mutant->instead ? mutant->instead(call, id, detail)
                                         : answer(call, id, changed ? mutant->to : detail);
    if (changed && result == 0 && mutant->then)
        result = answer(call, id, mutant->then);
    if (result >= 0)
        return result;
    errno = -result;
    return -1;
}

int wait_semop(int set, struct sembuf *operations, size_t count, int milliseconds) {
    (void)milliseconds;
    int parts = 0;
    for (size_t i = 0; i < count; i++) {
        int change = operations[i].sem_op, part = change == 0 ? WAIT : change > 0 ? HOLD : RELEASE;
        if (operations[i].sem_num == LIVE)
            part = change > 0 ? ARRIVE : DEPART;
        parts |= operations[i].sem_flg & SEM_UNDO ? UNDONE(part) : part;
    }
    return ask(OPERATE, set, parts);
}

static int ask_semctl(int id, int number, int command, ...) {
    (void)number;
    if (command == GETVAL)
        return ask(COUNT, id, 0);
    if (command == IPC_RMID)
        return ask(REMOVE_SET, id, 0);
    va_list arguments;
    va_start(arguments, command);
    va_arg(arguments, union argument).status->sem_nsems = NUMBERS;
    va_end(arguments);
    return ask(SET_STATUS, id, 0);
}

static int ask_shmctl(int id, int command, struct shmid_ds *status) {
    if (command == IPC_RMID)
        return ask(REMOVE_SEGMENT, id, 0);
    int result = ask(SEGMENT_STATUS, id, 0); /* how many are attached; 64 more: it is removed */
    if (result < 0)
        return result;
    *status = (struct shmid_ds){.shm_segsz = SHARED_SIZE, .shm_nattch = (shmatt_t)result % 64};
    status->shm_perm.mode = result >= 64 ? SHM_DEST : 0;
    return 0;
}

static void *ask_shmat(int id) {
    return ask(ATTACH, id, 0) < 0 ? (void *)-1 : &memories[id];
}

static int segment_at(const void *address) {
    return (int)((const struct SharedSegment *)address - memories);
}

static int access_place(enum call call, const struct place *place, int value) {
    int i = (int)(place - (const struct place *)memories);
    return ask(call, i / PLACES, i % PLACES + PLACES * value);
}

/* The kernel. */

static int attached(int id) {
    int count = 0;
    for (int i = 0; i < WRITERS; i++)
        count += now.processes[i].attached[id];
    return count;
}

static int forget_removed(int id) {
    if (now.segments[id].removed && attached(id) == 0)
        memset(&now.segments[id], 0, sizeof now.segments[id]);
    return 0;
}

static int drop_segment(int id) {
    now.segments[id].removed = 1;
    if (now.segment == id)
        now.segment = 0;
    return forget_removed(id);
}

static int drop_set(int id) {
    memset(&now.sets[id], 0, sizeof now.sets[id]);
    for (int i = 0; i < WRITERS; i++)
        memset(now.processes[i].undo[id], 0, NUMBERS);
    if (now.set == id)
        now.set = 0;
    return 0;
}

static int operate_on(int id, int parts) {
    signed char *values = now.sets[id].values, *undo = self->undo[id];
    int lock = !!(parts & HOLD) - !!(parts & RELEASE);
    int live = !!(parts & ARRIVE) - !!(parts & DEPART);
    if ((parts & WAIT && values[LOCK]) || values[LOCK] + lock < 0 || values[LIVE] + live < 0)
        return BLOCKED;
    values[LOCK] += (signed char)lock;
    values[LIVE] += (signed char)live;
    if (parts >> UNDO & (HOLD | RELEASE))
        undo[LOCK] -= (signed char)lock;
    if (parts >> UNDO & (ARRIVE | DEPART))
        undo[LIVE] -= (signed char)live;
    if (lock)
        self->holder = (signed char)(lock > 0 ? id : 0);
    if (live)
        self->member = (signed char)(live > 0 ? id : 0);
    return 0;
}

static int perform(enum call call, int id, int detail) {
    bool of_set = call >= SET_STATUS && call <= REMOVE_SET;
    bool of_segment = call >= ATTACH && call <= REMOVE_SEGMENT;
    if ((of_set && !now.sets[id].exists) || (of_segment && !now.segments[id].exists))
        return -EIDRM;
    switch (call) {
    case MAKE_SET:
        if (now.set)
            return -EEXIST;
        now.set = ++now.sets_made;
        need(now.set < OBJECTS, "OBJECTS");
        now.sets[now.set].exists = 1;
        return now.set;
    case MAKE_SEGMENT:
        if (now.segment)
            return -EEXIST;
        now.segment = ++now.segments_made;
        need(now.segment < OBJECTS, "OBJECTS");
        now.segments[now.segment].exists = 1;
        return now.segment;
    case FIND_SET:
        return now.set ? now.set : -ENOENT;
    case FIND_SEGMENT:
        return now.segment ? now.segment : -ENOENT;
    case COUNT:
        if (self->stage == LEAVING)
            now.troubled_lately = 0;
        return now.sets[id].values[LIVE];
    case REMOVE_SET:
        self->member = self->holder = 0;
        return drop_set(id);
    case OPERATE:
        return operate_on(id, detail);
    case ATTACH:
        self->attached[id] = 1;
        return 0;
    case DETACH:
        self->attached[id] = 0;
        return forget_removed(id);
    case SEGMENT_STATUS:
        return attached(id) + 64 * now.segments[id].removed;
    case REMOVE_SEGMENT:
        return drop_segment(id);
    case COMPARE:
        return now.segments[id].contents[0] || now.segments[id].contents[1];
    case LOAD:
        return now.segments[id].contents[detail % PLACES];
    case STORE:
        now.segments[id].contents[detail % PLACES] = (signed char)(detail / PLACES);
        return 0;
    default: /* SET_STATUS; PUBLISH, which is over when it is answered */
        return 0;
    }
}

/* The end of a process: detached, then undone. */
static void end(void) {
    bool was_attached = false;
    for (int i = 1; i < OBJECTS; i++)
        if (self->attached[i]) {
            was_attached = true;
            perform(DETACH, i, 0);
        }
    if (was_attached)
        return;
    for (int i = 1; i < OBJECTS; i++)
        for (int j = 0; j < NUMBERS; j++) {
            int value = now.sets[i].values[j] + self->undo[i][j];
            now.sets[i].values[j] = (signed char)(value > 0 ? value : 0);
        }
    now.troubled_lately |= self->killed || self->member;
    memset(self, 0, sizeof *self);
    self->stage = GONE;
}

/* The processes. */

static bool another_lives(void) {
    for (const struct process *other = now.processes; other < now.processes + WRITERS; other++)
        if (other != self && other->member && other->stage > JOINING && other->stage < ENDING)
            return true;
    return false;
}

/* From one milestone to the next. */
static void live(void) {
    static struct segment segment;
    int result;
    segment = (struct segment){1, self->segment, &memories[self->segment], {1, self->set}, SEGMENT};
    if (self->stage == JOINING) {
        result = segment_join(&segment, 1, 0600);
        if (result == FOUND_ORPHANED && !now.interfered && !now.half_claimed)
            complaint = "a segment is orphaned, and nobody used ipcrm";
        if (result == FOUND_LEFT_BEHIND && !now.interfered && (another_lives() || !now.troubled))
            complaint = "a segment is left behind, and its writers live";
        self->set = (signed char)segment.semaphores.id;
        self->segment = (signed char)segment.id;
    } else if (self->stage == PUBLISHING) {
        result = segment_lock(&segment);
        if (result >= 0) {
            ask(PUBLISH, segment.id, 0);
            result = segment_unlock(&segment);
        }
    } else {
        result = segment_leave(&segment);
    }
    if (result < 0 && !now.interfered && errno != EAGAIN)
        complaint = "somebody is refused";
    self->stage = (signed char)(self->stage == JOINING && result < 0 ? ENDING : self->stage + 1);
    forget_answers();
}

/* Runs until it calls something new. */
static void run(struct process *process) {
    self = process;
    if (setjmp(out))
        return;
    for (replayed = 0; self->stage < ENDING; replayed = 0)
        live();
    self->set = self->segment = self->id = 0;
    self->detail = 0;
    self->call = EXIT;
    forget_answers();
}

static void start(struct process *process) {
    memset(process, 0, sizeof *process);
    run(process);
}

/* The kernel answers, or, to the impatient, that they have waited for too long; false: not now. */
static bool step(struct process *process, bool impatient) {
    self = process;
    if (process->stage == GONE || (process->stage == ENDING && impatient))
        return false;
    if (process->stage == ENDING) {
        end();
        return true;
    }
    int result = perform((enum call)process->call, process->id, process->detail);
    if ((result == BLOCKED) != impatient)
        return false;
    if (impatient) {
        now.troubled = 1;
        result = -EAGAIN;
    }
    need(process->answered < ANSWERS, "ANSWERS");
    process->answers[process->answered++] = (signed char)result;
    run(process);
    return true;
}

static bool kill_it(struct process *process) {
    if (process->stage >= ENDING || process->stage + process->answered == 0)
        return false;
    now.half_claimed |= process->call == STORE && process->detail % PLACES == 1;
    now.troubled = process->killed = 1;
    process->stage = ENDING;
    run(process);
    return true;
}

static bool ipcrm(int what) {
    if (!meddling || now.interfered || !(what == SET_REMOVED ? now.set : now.segment))
        return false;
    now.interfered = (signed char)what;
    return (what == SET_REMOVED ? drop_set(now.set) : drop_segment(now.segment)) == 0;
}

/* What is wrong with this state. */
static const char *look(void) {
    bool all_gone = true;
    for (int i = 0; i < WRITERS; i++) {
        const struct process *a = &now.processes[i];
        all_gone &= a->stage == GONE;
        for (int j = 0; j < i; j++) {
            const struct process *b = &now.processes[j];
            if (a->call == PUBLISH && b->call == PUBLISH && a->id == b->id)
                return "two publish in one segment";
            if (a->holder && a->holder == b->holder)
                return "two hold the lock";
            if (!now.interfered && a->segment && b->segment && a->segment != b->segment &&
                a->member && a->member == b->member)
                return "writers of one set have different segments";
        }
    }
    for (int i = 1; i <= now.sets_made; i++) {
        int live = 0, lock = 0;
        for (int j = 0; j < WRITERS; j++) {
            live += now.processes[j].member == i;
            lock += now.processes[j].holder == i;
        }
        if (now.sets[i].exists && now.sets[i].values[LOCK] != lock)
            return "the lock isn't its holder's";
        if (now.sets[i].exists && now.sets[i].values[LIVE] != live)
            return "the count isn't that of the living";
    }
    if (!now.troubled && !now.interfered && now.segment && now.segments[now.segment].contents[0] &&
        now.sets[now.set].values[LIVE] == 0)
        return "there is a segment, and nobody seems to live";
    if (all_gone && (now.set || now.segment) &&
        !(now.interfered ? now.interfered == SET_REMOVED || now.troubled : now.troubled_lately))
        return "something is left";
    return NULL;
}

/* Another writer comes when all have gone. */
static const char *succeed(void) {
    now.troubled = 1;
    start(now.processes);
    while (!complaint && step(now.processes, false))
        ;
    if (complaint)
        return complaint;
    if (now.processes->stage != GONE)
        return "the next one waits for ever";
    return now.set || now.segment ? "something is left by the next one" : NULL;
}

/* All states. */

enum { MOST = 2000000, TABLE = 1 << 22 };
enum { STEP, GIVE_UP, KILL, IPCRM };
struct node {
    struct state state;
    char names[WRITERS];
    signed char move, moved; /* how it came here; the process before, or what ipcrm removed */
    int parent;
};
static struct node *nodes;
static int *table, count;

/* Keeps `now`, unless it is known: to that, it makes no difference which writer is which. */
static void keep(int parent, int move, int moved) {
    struct node node = {now, "ABC", (signed char)move, (signed char)moved, parent};
    struct process *processes = node.state.processes;
    if (parent)
        memcpy(node.names, nodes[parent].names, WRITERS);
    for (int i = 0; i < WRITERS; i++)
        for (int j = i + 1; j < WRITERS; j++)
            if (memcmp(&processes[i], &processes[j], sizeof *processes) > 0) {
                struct process process = processes[i];
                processes[i] = processes[j];
                processes[j] = process;
                char name = node.names[i];
                node.names[i] = node.names[j];
                node.names[j] = name;
            }
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < sizeof node.state; i++)
        hash = (hash ^ ((const unsigned char *)&node.state)[i]) * 1099511628211u;
    size_t at = (hash ^ hash >> 32) % TABLE;
    while (table[at] && memcmp(&nodes[table[at]].state, &node.state, sizeof node.state) != 0)
        at = (at + 1) % TABLE;
    if (table[at])
        return;
    need(count < MOST, "states: MOST");
    table[at] = count;
    nodes[count++] = node;
}

static void tell_move(const struct node *from, int move, int moved) {
    static const char *const parts[] = {"wait", "lock", "count", "unlock", "uncount"};
    static char last;
    const struct process *process = &from->state.processes[moved];
    char name = move == IPCRM ? 0 : from->names[moved];
    if (move == IPCRM)
        tell("; ipcrm removes the %s", moved == SET_REMOVED ? "set" : "segment");
    else if (!*story || name != last)
        tell(*story ? "; %c: " : "%c: ", name);
    else
        tell(", ");
    last = name;
    if (move != IPCRM)
        tell("%s", move == KILL ? "is killed" : call_names[process->call]);
    for (int i = 0; i < UNDO; i++)
        if (move <= GIVE_UP && process->call == OPERATE && process->detail & 1 << i)
            tell(" %s", parts[i]);
    if (move == GIVE_UP)
        tell(" in vain");
}

static void tell_way_to(int to) {
    if (to == 1)
        return;
    tell_way_to(nodes[to].parent);
    tell_move(&nodes[nodes[to].parent], nodes[to].move, nodes[to].moved);
}

/* What is wrong with state `i` or what can come next. */
static const char *look_on_from(int i) {
    bool moved = false, all_gone = true;
    now = nodes[i].state;
    const char *wrong = look();
    for (int j = 0; j < WRITERS && !wrong; j++) {
        all_gone &= nodes[i].state.processes[j].stage == GONE;
        for (int move = STEP; move <= KILL && !wrong; move++) {
            now = nodes[i].state;
            struct process *process = &now.processes[j];
            if (!(move == KILL ? kill_it(process) : step(process, move == GIVE_UP)))
                continue;
            moved |= move == STEP;
            keep(i, move, j);
            wrong = complaint;
        }
    }
    for (int what = SET_REMOVED; what <= SEGMENT_REMOVED; what++) {
        now = nodes[i].state;
        if (ipcrm(what))
            keep(i, IPCRM, what);
    }
    now = nodes[i].state;
    if (!wrong && !moved)
        wrong = all_gone ? succeed() : "they wait for ever";
    return wrong;
}

static const char *explore(int writers) {
    memset(table, 0, TABLE * sizeof *table);
    memset(&now, 0, sizeof now);
    count = 1;
    complaint = NULL;
    for (int i = 0; i < WRITERS; i++) {
        now.processes[i].stage = GONE;
        if (i < writers)
            start(&now.processes[i]);
    }
    keep(0, STEP, 0);
    for (int i = 1; i < count; i++) {
        const char *wrong = look_on_from(i);
        if (wrong) {
            tell_way_to(i);
            return wrong;
        }
    }
    return NULL;
}

/* The weaker protocols: what answers in place of the kernel. */

static int look_unlocked(enum call call, int id, int detail) {
    if (call == OPERATE && detail == LOCK_IT)
        return 0;
    return answer(call, id, detail == LEAVE_IT ? UNDONE(DEPART) : detail);
}

static int count_down_first(enum call call, int id, int detail) {
    if (call == REMOVE_SEGMENT)
        answer(OPERATE, self->set, UNDONE(DEPART));
    return answer(call, id, detail);
}

static int set_first(enum call call, int id, int detail) {
    if (call == REMOVE_SEGMENT)
        answer(REMOVE_SET, self->set, 0);
    return call == REMOVE_SET ? 0 : answer(call, id, detail);
}

static int always_last(enum call call, int id, int detail) {
    int result = answer(call, id, detail);
    return call == COUNT && result > 1 ? 1 : result;
}

static int start_over_never(enum call call, int id, int detail) {
    int result = answer(call, id, detail);
    return result == -EIDRM || result == -ENOENT ? -EPERM : result;
}

static int any_set(enum call call, int id, int detail) {
    int result = answer(call, id, detail);
    return call == LOAD && detail % PLACES == 1 ? self->member + 1 : result;
}

static int own_segment_only(enum call call, int id, int detail) {
    return call == FIND_SEGMENT ? -ENOENT : answer(call, id, detail);
}

static const struct mutant mutants[] = {
    {"join locks without SEM_UNDO", JOINING, JOIN, WAIT | HOLD | UNDONE(ARRIVE), 0, NULL,
     "the lock isn't its holder's"},
    {"join counts without SEM_UNDO", JOINING, JOIN, WAIT | UNDONE(HOLD) | ARRIVE, 0, NULL,
     "the count isn't that of the living"},
    {"join doesn't wait", JOINING, JOIN, UNDONE(HOLD | ARRIVE), 0, NULL, "two hold the lock"},
    {"join counts, then locks", JOINING, JOIN, UNDONE(ARRIVE), LOCK_IT, NULL,
     "a segment is left behind, and its writers live"},
    /* In one operation it is a system call less. */
    {"join locks, then counts", JOINING, JOIN, LOCK_IT, UNDONE(ARRIVE), NULL, NULL},
    {"publish locks without SEM_UNDO", PUBLISHING, LOCK_IT, WAIT | HOLD, 0, NULL,
     "the lock isn't its holder's"},
    {"publish waits, then locks", PUBLISHING, LOCK_IT, WAIT, UNDONE(HOLD), NULL,
     "two hold the lock"},
    {"publish unlocks without SEM_UNDO", PUBLISHING, UNLOCK_IT, RELEASE, 0, NULL,
     "the lock isn't its holder's"},
    {"leave looks without lock", LEAVING, 0, 0, 0, look_unlocked, "somebody is refused"},
    {"leave counts down without SEM_UNDO", LEAVING, LEAVE_IT, DEPART | UNDONE(RELEASE), 0, NULL,
     "the count isn't that of the living"},
    {"leave unlocks without SEM_UNDO", LEAVING, LEAVE_IT, UNDONE(DEPART) | RELEASE, 0, NULL,
     "the lock isn't its holder's"},
    {"leave unlocks, then counts down", LEAVING, LEAVE_IT, UNDONE(RELEASE), UNDONE(DEPART), NULL,
     "something is left"},
    /* As above. */
    {"leave counts down, then unlocks", LEAVING, LEAVE_IT, UNDONE(DEPART), UNDONE(RELEASE), NULL,
     NULL},
    {"the last counts down before it removes", LEAVING, 0, 0, 0, count_down_first,
     "there is a segment, and nobody seems to live"},
    {"the last removes the set first", LEAVING, 0, 0, 0, set_first,
     "there is a segment, and nobody seems to live"},
    {"everybody removes", LEAVING, 0, 0, 0, always_last, "somebody is refused"},
    {"join gives up when the set is removed", JOINING, 0, 0, 0, start_over_never,
     "somebody is refused"},
    {"join takes over whatever the set", JOINING, 0, 0, 0, any_set, "two publish in one segment"},
    {"the last removes its own segment only", LEAVING, 0, 0, 0, own_segment_only,
     "something is left"},
};

/* What is wrong, if anything: first without ipcrm, first with few writers. */
static const char *explore_all(unsigned long *states) {
    const char *wrong = NULL;
    *states = 0;
    for (int i = 0; i < 2 * WRITERS && !wrong; i++) {
        meddling = i >= WRITERS;
        wrong = explore(i % WRITERS + 1);
        *states += (unsigned long)count;
    }
    return wrong;
}

void protocol_model(void) {
    unsigned long states;
    nodes = malloc(MOST * sizeof *nodes);
    table = malloc(TABLE * sizeof *table);
    need(nodes && table, "memory");
    const char *wrong = explore_all(&states);
    check(!wrong, "join, publish and leave as written: %lu states%s%s", states, wrong ? ": " : "",
          wrong ? wrong : "");
    for (mutant = mutants; mutant < mutants + sizeof mutants / sizeof *mutants; mutant++) {
        wrong = explore_all(&states);
        check(wrong == mutant->breaks ||
                  (wrong && mutant->breaks && !strcmp(wrong, mutant->breaks)),
              "%s: %s", mutant->what, wrong ? wrong : "nothing is wrong");
    }
}
