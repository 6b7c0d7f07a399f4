/* Every order in which writers may join, publish, leave and be killed.
 *
 * The code is that of src/semaphores.c and src/channel.c, which are included below. Their system
 * calls and their accesses to shared memory go to a small kernel. A process is nothing but what the
 * kernel has answered it: to learn what it calls next, it is run again from its last milestone
 * (joined, published) and given these answers. So each state of kernel and processes is visited
 * once, on a shortest way. States are the same if only the writers have changed places.
 *
 * One, two and three writers join, publish once and leave. Each may be killed before any of its
 * calls, and may find that it has waited for the lock for too long. The end of a process first
 * detaches it and then takes back its operations, as in Linux. Once, somebody may interfere: remove
 * the set or the segment with ipcrm, or see to it that a segment of a simple program has the key.
 * When all have gone, one more writer comes. This holds:
 *   - Two writers never hold one lock. Lock and count of a set are those of the processes that hold
 *     it and that are alive.
 *   - Nobody waits for ever.
 *   - Nobody is refused who hasn't waited for too long. Only after an interference, a joining
 *     writer may be refused, and others are told (EIDRM) that something was removed.
 *   - A simple program's segment is neither changed nor removed.
 *   - The writer that comes in the end joins, unless a simple program has the key, and leaves
 *     nothing.
 * As long as nobody removes the set:
 *   - Two never publish in one segment.
 *   - A segment is taken over only after somebody had trouble, that is, was killed or waited for
 *     too long, and only if no writer is alive.
 *   - Until there is trouble, a segment of ours has a living writer.
 *   - In the end nothing is left, unless there was trouble. (Without interference: trouble since
 *     the last time that a leaving writer counted the others.)
 * And without interference the writers of one set have one segment.
 *
 * Then the protocol is weakened in one point at a time, and one of these must break, or the table
 * says that none does.
 *
 * Not in here: more writers; more than one interference; signals; readers; other users; what is in
 * a message (see memory.c). A call is one step, which everybody sees at once: the kernel's locks
 * see to that. */
#define _GNU_SOURCE
#include "message.h"
#include "model.h"
#include "semaphores.h"
#include "wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

/* What processes call, in the order of call_names. */
enum { MAKE_SET, FIND_SET, SET_STATUS, COUNT, OPERATE, REMOVE_SET, MAKE_SEGMENT, FIND_SEGMENT };
enum { ATTACH = FIND_SEGMENT + 1, SEGMENT_STATUS, LOOK, CLAIM, PUBLISH, DETACH };
enum { REMOVE_SEGMENT = DETACH + 1, EXIT };
static const char *const call_names[] = {
    "semget new", "semget",          "semctl IPC_STAT",   "semctl GETVAL",
    "semop",      "semctl IPC_RMID", "shmget new",        "shmget",
    "shmat",      "shmctl IPC_STAT", "looks whose it is", "claims",
    "publishes",  "shmdt",           "shmctl IPC_RMID",   "ends"};

/* What a segment contains: zeros, messages of our writers, or something of a simple program. */
enum { ZEROS, OURS, FOREIGN };

/* Calls the kernel, which has the contents of the segments, too. `parts` are those of OPERATE. */
static int ask(int call, int id, int parts);
static int ask_semctl(int id, int number, int command, ...);
static int ask_shmctl(int id, int command, struct shmid_ds *status);
static void *ask_shmat(int id);
static int segment_at(const void *address);

#define message_is_ours(segment) (ask(LOOK, segment_at(segment), 0) == OURS)
#define message_is_of_another_layout(segment) ((void)(segment), false)
#define message_claim(segment) ask(CLAIM, segment_at(segment), 0)
#define message_publish(segment, next, length)                                                     \
    ((void)(next), (void)(length), ask(PUBLISH, segment_at(segment), 0))
#define wait_wake(word) ((void)0)
#define wait_clock() 0.0
#define getpid() 1
#define getppid() 0
#define geteuid() 0
#define semget(key, count, flags) ((void)(key), ask(IPC_EXCL & (flags) ? MAKE_SET : FIND_SET, 0, 0))
#define semctl ask_semctl
#define shmget(key, size, flags)                                                                   \
    ((void)(key), ask(IPC_EXCL & (flags) ? MAKE_SEGMENT : FIND_SEGMENT, 0, 0))
#define shmat(id, address, flags) ((void)(flags), ask_shmat(id))
#define shmdt(address) ask(DETACH, segment_at(address), 0)
#define shmctl ask_shmctl
#define memcmp(memory, zeros, size) ((void)(zeros), ask(LOOK, segment_at(memory), 0))

#include "channel.c"
#include "semaphores.c"

#undef memcmp

enum { WRITERS = 3, OBJECTS = 6, ANSWERS = 40 };
enum { BLOCKED = -127 };

/* An operation on a set: a bit for each of its parts, and the same bit shifted by UNDO if that part
 * has SEM_UNDO. */
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
        signed char exists, removed, contents;
    } segments[OBJECTS];
    signed char set, segment; /* those that have the keys */
    signed char sets_made, segments_made;
    signed char troubled;        /* somebody was killed or has waited for too long */
    signed char troubled_lately; /* and has ended so since a leaving writer counted the others */
    signed char interfered;      /* SET_REMOVED, SEGMENT_REMOVED, SEGMENT_REPLACED */
    struct process {
        signed char stage, killed;
        signed char set, segment;   /* since it has joined */
        signed char member, holder; /* of a set, of its lock */
        signed char attached[OBJECTS], undo[OBJECTS][NUMBERS];
        signed char answers[ANSWERS], answered; /* in this stage */
        signed char call, id;                   /* what it does next */
        short parts;
    } processes[WRITERS];
};
enum { JOINING, PUBLISHING, LEAVING, ENDING, GONE };

/* What may happen next: to a process, or to everybody, when somebody interferes. */
enum { STEP, GIVE_UP, KILL, SET_REMOVED, SEGMENT_REMOVED, SEGMENT_REPLACED, MOVES };

static struct state now;
static struct process *self; /* the one that runs */
static int replayed;         /* how many of its answers it has been given */
static jmp_buf out;
static struct SharedSegment memories[OBJECTS]; /* addresses only */
static const char *complaint;
static bool may_interfere;

/* A weaker protocol: in one stage, operation `from` becomes `to`, followed by `then` if that isn't
 * 0; or `instead` answers all calls. */
struct mutant {
    const char *what, *breaks;
    int stage, from, to, then;
    int (*instead)(int call, int id, int parts);
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
static int answer(int call, int id, int parts) {
    if (replayed < self->answered)
        return self->answers[replayed++];
    self->call = (signed char)call;
    self->id = (signed char)id;
    self->parts = (short)parts;
    if (call == MAKE_SET) /* joining starts, or starts over: what was before doesn't matter */
        forget_answers();
    longjmp(out, 1);
}

static int ask(int call, int id, int parts) {
    bool here = mutant->stage == self->stage;
    bool changed = here && !mutant->instead && call == OPERATE && parts == mutant->from;
    int result = here && mutant->instead ? mutant->instead(call, id, parts)
                                         : answer(call, id, changed ? mutant->to : parts);
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
    va_arg(arguments, union semun).buf->sem_nsems = NUMBERS;
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

static int make_segment(int contents) {
    now.segment = ++now.segments_made;
    need(now.segment < OBJECTS, "OBJECTS");
    now.segments[now.segment].exists = 1;
    now.segments[now.segment].contents = (signed char)contents;
    return now.segment;
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

static int perform(int call, int id, int parts) {
    bool of_set = call >= SET_STATUS && call <= REMOVE_SET;
    bool of_segment = call >= ATTACH && call <= REMOVE_SEGMENT;
    if ((of_set && !now.sets[id].exists) || (of_segment && !now.segments[id].exists))
        return -EINVAL;
    if ((call == CLAIM || call == PUBLISH || call == REMOVE_SEGMENT) &&
        now.segments[id].contents == FOREIGN)
        complaint = "a simple program's segment is changed or removed";
    switch (call) {
    case MAKE_SET:
        if (now.set)
            return -EEXIST;
        now.set = ++now.sets_made;
        need(now.set < OBJECTS, "OBJECTS");
        now.sets[now.set].exists = 1;
        return now.set;
    case MAKE_SEGMENT:
        return now.segment ? -EEXIST : make_segment(ZEROS);
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
        return operate_on(id, parts);
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
    case LOOK:
        return now.segments[id].contents;
    case CLAIM:
    case PUBLISH: /* which is over when it is answered */
        now.segments[id].contents = OURS;
        return 0;
    default: /* SET_STATUS */
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
    static struct channel channel;
    int result;
    channel = (struct channel){.key = SHARED_KEY,
                               .id = self->segment,
                               .shared = &memories[self->segment],
                               .set = self->set,
                               .joined_by = getpid()};
    if (self->stage == JOINING) {
        result = channel_join(&channel, SHARED_KEY, 0600);
        if (result == CHANNEL_TAKEN_OVER && now.interfered != SET_REMOVED &&
            (another_lives() || !now.troubled))
            complaint = "a segment is taken over, and its writers live";
        self->set = (signed char)channel.set;
        self->segment = (signed char)channel.id;
    } else if (self->stage == PUBLISHING) {
        result = channel_publish(&channel, "", 0);
    } else {
        result = channel_leave(&channel);
    }
    if (result < 0 && errno != EAGAIN &&
        !(now.interfered && (self->stage == JOINING || errno == EIDRM)))
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
    self->parts = 0;
    self->call = EXIT;
    forget_answers();
}

static void start(struct process *process) {
    memset(process, 0, sizeof *process);
    run(process);
}

/* The kernel answers a call. An impatient process that is blocked is told that it has waited for
 * too long. Whether this can happen now. */
static bool step(struct process *process, bool impatient) {
    self = process;
    if (process->stage >= ENDING) {
        bool ends = process->stage == ENDING && !impatient;
        if (ends)
            end();
        return ends;
    }
    int result = perform(process->call, process->id, process->parts);
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
    now.troubled = process->killed = 1;
    process->stage = ENDING;
    run(process);
    return true;
}

static bool interfere(int how) {
    if (!may_interfere || now.interfered || (how == SET_REMOVED && !now.set) ||
        (how == SEGMENT_REMOVED && !now.segment))
        return false;
    now.interfered = (signed char)how;
    if (how == SET_REMOVED)
        drop_set(now.set);
    else
        drop_segment(now.segment);
    if (how == SEGMENT_REPLACED)
        make_segment(FOREIGN);
    return true;
}

static bool make(int move, int moved) {
    struct process *process = &now.processes[moved];
    if (move >= SET_REMOVED)
        return moved == 0 && interfere(move);
    return move == KILL ? kill_it(process) : step(process, move == GIVE_UP);
}

static bool all_gone(void) {
    int gone = 0;
    for (int i = 0; i < WRITERS; i++)
        gone += now.processes[i].stage == GONE;
    return gone == WRITERS;
}

static bool something_is_left(void) {
    return now.set || (now.segment && now.segments[now.segment].contents != FOREIGN);
}

/* What is wrong with this state. */
static const char *look(void) {
    bool set_kept = now.interfered != SET_REMOVED;
    for (int i = 0; i < WRITERS; i++) {
        const struct process *a = &now.processes[i];
        for (int j = 0; j < i; j++) {
            const struct process *b = &now.processes[j];
            if (set_kept && a->call == PUBLISH && b->call == PUBLISH && a->id == b->id)
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
    if (set_kept && !now.troubled && now.segments[now.segment].contents == OURS &&
        now.sets[now.set].values[LIVE] == 0)
        return "there is a segment, and nobody seems to live";
    if (set_kept && all_gone() && something_is_left() &&
        !(now.interfered ? now.troubled : now.troubled_lately))
        return "something is left";
    return NULL;
}

/* Another writer comes when all have gone. */
static const char *another_comes(void) {
    now.troubled = 1;
    if (now.interfered != SEGMENT_REPLACED)
        now.interfered = 0;
    start(now.processes);
    while (!complaint && step(now.processes, false))
        ;
    if (complaint)
        return complaint;
    if (now.processes->stage != GONE)
        return "the next one waits for ever";
    return something_is_left() ? "something is left by the next one" : NULL;
}

/* All states. */

enum { MOST = 2000000, TABLE = 1 << 22 };
struct node {
    struct state state;
    char names[WRITERS];
    signed char move, moved; /* how it came here, and which process was moved */
    int parent;
};
static struct node *nodes;
static int *table, count;

/* Keeps `now`, unless this state is known. It makes no difference which writer is which, so they
 * are sorted. */
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
    static const char *const names[] = {
        [KILL] = "is killed",
        [SET_REMOVED] = "somebody removes the set",
        [SEGMENT_REMOVED] = "somebody removes the segment",
        [SEGMENT_REPLACED] = "a simple program's segment gets the key",
    };
    static char last;
    const struct process *process = &from->state.processes[moved];
    char name = move < SET_REMOVED ? from->names[moved] : 0;
    tell(!*story ? "" : name && name == last ? ", " : "; ");
    if (name && (!*story || name != last))
        tell("%c: ", name);
    last = name;
    tell("%s", names[move] ? names[move] : call_names[process->call]);
    for (int i = 0; i < UNDO; i++)
        if (move < KILL && process->call == OPERATE && process->parts & 1 << i)
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
    bool moved = false;
    now = nodes[i].state;
    const char *wrong = look();
    for (int move = STEP; move < MOVES; move++)
        for (int j = 0; j < WRITERS && !wrong; j++) {
            now = nodes[i].state;
            if (!make(move, j))
                continue;
            moved |= move == STEP;
            keep(i, move, j);
            wrong = complaint;
        }
    now = nodes[i].state;
    if (!wrong && !moved)
        wrong = all_gone() ? another_comes() : "they wait for ever";
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

static int look_unlocked(int call, int id, int parts) {
    if (call == OPERATE && parts == LOCK_IT)
        return 0;
    return answer(call, id, parts == LEAVE_IT ? UNDONE(DEPART) : parts);
}

static int count_down_first(int call, int id, int parts) {
    if (call == REMOVE_SEGMENT)
        answer(OPERATE, self->set, UNDONE(DEPART));
    return answer(call, id, parts);
}

static int set_first(int call, int id, int parts) {
    if (call == REMOVE_SEGMENT)
        answer(REMOVE_SET, self->set, 0);
    return call == REMOVE_SET ? 0 : answer(call, id, parts);
}

static int take_for_last(int call, int id, int parts) {
    int result = answer(call, id, parts);
    return call == COUNT && result > 1 ? 1 : result;
}

static int never_start_over(int call, int id, int parts) {
    int result = answer(call, id, parts);
    return result == -EINVAL || result == -ENOENT ? -EPERM : result;
}

static int fail_and_stay(int call, int id, int parts) {
    return call == REMOVE_SET || parts == LEAVE_IT ? 0 : answer(call, id, parts);
}

static int take_for_ours(int call, int id, int parts) {
    return call == LOOK ? OURS : answer(call, id, parts);
}

static int by_id_only(int call, int id, int parts) {
    return call == FIND_SEGMENT ? -ENOENT : answer(call, id, parts);
}

#define FINE "nothing is wrong"
static const struct mutant mutants[] = {
    {"join, publish and leave as written", FINE, .stage = JOINING},
    {"join locks without SEM_UNDO", "the lock isn't its holder's", JOINING, .from = JOIN,
     .to = WAIT | HOLD | UNDONE(ARRIVE)},
    {"join counts without SEM_UNDO", "the count isn't that of the living", JOINING, .from = JOIN,
     .to = WAIT | UNDONE(HOLD) | ARRIVE},
    {"join doesn't wait", "two hold the lock", JOINING, .from = JOIN, .to = UNDONE(HOLD | ARRIVE)},
    {"join counts, then locks", "a segment is taken over, and its writers live", JOINING,
     .from = JOIN, .to = UNDONE(ARRIVE), .then = LOCK_IT},
    /* As it is written, it is one system call. */
    {"join locks, then counts", FINE, JOINING, .from = JOIN, .to = LOCK_IT, .then = UNDONE(ARRIVE)},
    {"join gives up when the set is removed", "somebody is refused", JOINING,
     .instead = never_start_over},
    {"join doesn't look whose segment it is", "a simple program's segment is changed or removed",
     JOINING, .instead = take_for_ours},
    {"join fails and doesn't leave", "something is left by the next one", JOINING,
     .instead = fail_and_stay},
    {"publish locks without SEM_UNDO", "the lock isn't its holder's", PUBLISHING, .from = LOCK_IT,
     .to = WAIT | HOLD},
    {"publish waits, then locks", "two hold the lock", PUBLISHING, .from = LOCK_IT, .to = WAIT,
     .then = UNDONE(HOLD)},
    {"publish unlocks without SEM_UNDO", "the lock isn't its holder's", PUBLISHING,
     .from = UNLOCK_IT, .to = RELEASE},
    {"leave looks without lock", "somebody is refused", LEAVING, .instead = look_unlocked},
    {"leave counts down without SEM_UNDO", "the count isn't that of the living", LEAVING,
     .from = LEAVE_IT, .to = DEPART | UNDONE(RELEASE)},
    {"leave unlocks without SEM_UNDO", "the lock isn't its holder's", LEAVING, .from = LEAVE_IT,
     .to = UNDONE(DEPART) | RELEASE},
    {"leave unlocks, then counts down", "something is left", LEAVING, .from = LEAVE_IT,
     .to = UNDONE(RELEASE), .then = UNDONE(DEPART)},
    {"leave counts down, then unlocks", FINE, LEAVING, .from = LEAVE_IT, .to = UNDONE(DEPART),
     .then = UNDONE(RELEASE)},
    {"the last counts down before it removes", "there is a segment, and nobody seems to live",
     LEAVING, .instead = count_down_first},
    {"the last removes the set first", "there is a segment, and nobody seems to live", LEAVING,
     .instead = set_first},
    {"everybody removes", "somebody is refused", LEAVING, .instead = take_for_last},
    {"the last removes its own segment only", "there is a segment, and nobody seems to live",
     LEAVING, .instead = by_id_only},
    {"the last doesn't look whose segment it removes",
     "a simple program's segment is changed or removed", LEAVING, .instead = take_for_ours},
};

void protocol_model(void) {
    nodes = malloc(MOST * sizeof *nodes);
    table = malloc(TABLE * sizeof *table);
    need(nodes && table, "memory");
    for (mutant = mutants; mutant < mutants + sizeof mutants / sizeof *mutants; mutant++) {
        const char *wrong = NULL;
        unsigned long states = 0;
        /* First without interference, and first with few writers. */
        for (int i = 0; i < 2 * WRITERS && !wrong; i++) {
            may_interfere = i >= WRITERS;
            wrong = explore(i % WRITERS + 1);
            states += (unsigned long)count;
        }
        check(strcmp(wrong ? wrong : FINE, mutant->breaks) == 0, "%s: %s (%lu states)",
              mutant->what, wrong ? wrong : FINE, states);
    }
}
