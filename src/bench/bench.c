/* Measures kinds of inter-process communication side by side: README.md says how and why. */
#define _GNU_SOURCE
#include "cli/display.h"
#include "cli/errors.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "message.h"
#include "semaphores.h"
#include "wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum method { LINE, COPY, SPIN, SLEEP, QUEUE, MQUEUE, PIPE, STREAM, TCP, METHODS };
enum { READERS = METHODS, ROUNDS = 20, MOST_SIZES = 8, MOST_READERS = 8 };

static const struct {
    const char *name, *title;
} methods[] = {
    [LINE] = {"line", "bare cache line"},
    [COPY] = {"copy", "bare copy and a flag"},
    [SPIN] = {"spin", "our segment, spinning"},
    [SLEEP] = {"sleep", "our segment, sleeping"},
    [QUEUE] = {"queue", "System V queue"},
    [MQUEUE] = {"mqueue", "POSIX queue"},
    [PIPE] = {"pipe", "pipe"},
    [STREAM] = {"stream", "Unix stream socket"},
    [TCP] = {"tcp", "TCP on loopback"},
    [READERS] = {"readers", ""},
};

/* Memory to hand messages over in; zeros are its initial state. What a receiver looks at has a page
 * of its own. */
struct place {
    _Alignas(4096) struct SharedSegment segment;
    _Alignas(4096) char plain[MESSAGE_SIZE]; /* bytes without a protocol */
    _Alignas(4096) atomic_uint flag;         /* alone in its cache line */
};

/* What one of the two processes has in its hands. */
struct end {
    struct place *in, *out;  /* where messages come and go */
    int from, to;            /* the same for descriptors, or types of a queue's messages */
    unsigned sent, received; /* how many */
    struct message copy;     /* what came out of a segment, */
    struct {                 /* and what came in another way, as msgrcv(2) wants it */
        long type;
        char text[MESSAGE_SIZE];
    } buffer;
};

/* What the command line asks for. */
static size_t sizes[MOST_SIZES] = {8, 100, 900}, sizes_count = 3, messages = 2000;
static bool wanted[READERS + 1];
static int csv, bars;

/* What all processes share: one System V segment. */
struct arena {
    struct place places[ROUNDS][2];      /* for what goes there and for what comes back */
    _Alignas(4096) atomic_bool over;     /* one writer and its readers have had their time */
    double per_second[1 + MOST_READERS]; /* messages of the writer, snapshots of each reader */
    int64_t times[];                     /* nanoseconds, of each method's messages */
};
static struct arena *arena;

static pid_t benchmark, group;    /* this process, and the group of those that it has started */
static int queue = -1, lock = -1; /* the IDs of the System V queue and of the semaphore set */

/* It has no name from here on, so it goes with the last process that has it. */
static mqd_t nameless_queue(void) {
    char name[30];
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = MESSAGE_SIZE};
    snprintf(name, sizeof name, "/bench.%d", (int)getpid());
    mqd_t made = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    mq_unlink(name);
    return made;
}

/* What socketpair(2) does for Unix sockets. */
static int tcp_pair(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listening, any, size) < 0 || listen(listening, 1) < 0 ||
        getsockname(listening, any, &size) < 0 || connect(pair[1], any, size) < 0)
        return -1;
    pair[0] = accept(listening, NULL, NULL);
    return pair[0] < 0 ? -1 : 0;
}

static bool method_open(enum method method, struct end *asking, struct end *answering) {
    int there[2] = {1, 1}, back[2] = {2, 2}; /* one queue for both, with two types of messages */
    bool done = true;
    if (method == QUEUE) {
        queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        done = queue >= 0;
    } else if (method == MQUEUE) {
        there[0] = there[1] = nameless_queue();
        back[0] = back[1] = nameless_queue();
        done = there[0] >= 0 && back[0] >= 0;
    } else if (method == PIPE) {
        done = pipe(there) == 0 && pipe(back) == 0;
    } else if (method == STREAM || method == TCP) {
        done = (method == TCP ? tcp_pair(there) : socketpair(AF_UNIX, SOCK_STREAM, 0, there)) == 0;
        back[0] = there[1], back[1] = there[0];
    }
    asking->to = there[1], answering->from = there[0];
    answering->to = back[1], asking->from = back[0];
    return done;
}

/* What is sent lies in a struct SharedData, or is what the same end has received; that is valid
 * until it receives again. False, or NULL: errno says why. */
static bool method_send(enum method method, struct end *end, const char *text, size_t size) {
    struct SharedSegment *segment = &end->out->segment;
    switch (method) {
    case COPY:
        memcpy(end->out->plain, text, size);
        /* fall through */
    case LINE:
        atomic_store_explicit(&end->out->flag, ++end->sent, memory_order_release);
        return true;
    case SPIN:
    case SLEEP: /* what channel_publish() does, but for the lock */
        message_publish(segment, (const void *)(text - offsetof(struct SharedData, message)),
                        size - 1);
        if (method == SLEEP)
            wait_wake(&segment->version);
        return true;
    case QUEUE:
        end->buffer.type = end->to;
        memmove(end->buffer.text, text, size); /* an answer is there already */
        return msgsnd(queue, &end->buffer, size, 0) == 0;
    case MQUEUE:
        return mq_send(end->to, text, size, 0) == 0;
    default:
        return write(end->to, text, size) == (ssize_t)size;
    }
}

/* Between two looks at memory that the other process is about to change. If there is only one
 * processor, that process needs it now and then. */
static void relax(int looks) {
    if (looks % 1000 == 0)
        sched_yield();
    wait_spin();
}

static const char *method_receive(enum method method, struct end *end, size_t size) {
    const struct SharedSegment *segment = &end->in->segment;
    char *text = end->buffer.text;
    ssize_t length = 0, more;
    int looks = 0;
    errno = EBADMSG; /* unless a call fails */
    switch (method) {
    case LINE:
    case COPY:
        end->received++;
        while (atomic_load_explicit(&end->in->flag, memory_order_acquire) != end->received)
            relax(++looks);
        return method == LINE ? text : memcpy(text, end->in->plain, size);
    case SPIN:
    case SLEEP: /* what channel_wait() and channel_read() do */
        while (!message_wait(segment, end->copy.version, method == SLEEP ? 500 : 0))
            relax(++looks);
        return message_snapshot(segment, &end->copy) == MESSAGE_WHOLE ? end->copy.message : NULL;
    case QUEUE:
        length = msgrcv(queue, &end->buffer, size, end->from, 0);
        break;
    case MQUEUE:
        length = mq_receive(end->from, text, MESSAGE_SIZE, NULL);
        break;
    default: /* a stream may bring a message in pieces */
        do
            length += more = read(end->from, text + length, size - (size_t)length);
        while (more > 0 && length < (ssize_t)size);
    }
    return length == (ssize_t)size ? text : NULL;
}

/* On a terminal: which method, which size, how far. The cursor stays at the beginning of the line,
 * so that what comes next is written over it. */
static void show_progress(const char *name, size_t size, size_t done, size_t all) {
    if (name && isatty(STDERR_FILENO))
        dprintf(STDERR_FILENO, "%-8s%4zu bytes, %2zu of %zu\r", name, size, done, all);
    else if (isatty(STDERR_FILENO))
        dprintf(STDERR_FILENO, "%30s\r", "");
}

/* At the end, whatever ended it; in one of its processes it does nothing. A signal only sets a
 * flag, so nothing is just being made; if one has come, the benchmark dies of it. */
static void clean_up(void) {
    if (getpid() != benchmark)
        return;
    if (group > 0)
        kill(-group, SIGKILL);
    while (group > 0 && (waitpid(-group, NULL, 0) > 0 || errno == EINTR))
        continue;
    semctl(lock, 0, IPC_RMID); /* unchecked, as the next one: perhaps there is none */
    msgctl(queue, IPC_RMID, NULL);
    show_progress(NULL, 0, 0, 0);
    if (signals_received())
        signals_exit(STATUS_FAILED);
}

/* Starts a process; true in the new one, which ends with _exit(2). No signal ends it but SIGKILL,
 * which comes when the benchmark ends, whatever ends that. */
static bool new_process(void) {
    sigset_t all;
    sigfillset(&all);
    if (!display_flush()) /* or else the new process would have it to print, too */
        exit(STATUS_FAILED);
    pid_t child = fork();
    if (child < 0)
        fail("cannot start a process");
    setpgid(child, group); /* both do it, because either may be the first to run */
    if (child > 0) {
        group = group > 0 ? group : child;
        return false;
    }
    sigprocmask(SIG_BLOCK, &all, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != benchmark)
        _exit(STATUS_FAILED);
    return true;
}

/* Waits until all have ended. If one has failed, and said why, others may wait for it in vain. */
static void await_processes(void) {
    int status = 0;
    while (waitpid(-group, &status, 0) > 0 || errno == EINTR) {
        if (WIFSIGNALED(status))
            complain("a process of the benchmark was killed by signal %d", WTERMSIG(status));
        if (status != 0 || signals_received())
            exit(STATUS_FAILED);
    }
    group = 0;
}

/* Stays on the first or the last processor that may be used: two that are numbered far apart are
 * seldom one core's. */
static void pin(bool last) {
    cpu_set_t left;
    if (sched_getaffinity(0, sizeof left, &left) < 0)
        fail("cannot find out which processors may be used");
    for (int i = 0; CPU_COUNT(&left) > 1; i++)
        CPU_CLR(last ? i : CPU_SETSIZE - 1 - i, &left);
    sched_setaffinity(0, sizeof left, &left);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct { struct end asking, answering; } ends[METHODS];

/* One character again and again, another one than in the message before, and a NUL. */
static void write_message(char *text, size_t size, size_t number) {
    memset(text, '!' + (int)(number % 94), size - 1);
    text[size - 1] = '\0';
}

/* One of the two processes: asks, and waits for the answer; or waits, and answers with what came.
 * Keeps the times of the last `count` messages; those before them warm up. */
static _Noreturn void talk(int method, struct end *end, size_t size, size_t count, int64_t *times) {
    struct SharedData expected = {.processId = benchmark};
    bool asks = end == &ends[method].asking;
    pin(asks);
    for (size_t number = 0; number < count + count / 10 + 1; number++) {
        const char *text = expected.message;
        write_message(expected.message, size, number);
        int64_t start = now();
        bool done = (!asks || method_send(method, end, text, size)) &&
                    (text = method_receive(method, end, size)) &&
                    (asks || method_send(method, end, text, size));
        if (asks)
            times[number % count] = now() - start;
        if (!done || (method != LINE && memcmp(text, expected.message, size) != 0))
            fail("%s: a message was lost, or other bytes came", methods[method].name);
    }
    _exit(STATUS_DONE);
}

/* Each method gets its share of messages in each round, so that whatever else the machine does hits
 * all alike, and another place in memory: how far that is from a processor is chance. */
static void measure_trips(size_t size) {
    size_t count = messages / ROUNDS;
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < METHODS; i++) {
            struct place *there = &arena->places[round][0], *back = there + 1;
            struct end *asking = &ends[i].asking, *answering = &ends[i].answering;
            int64_t *times = arena->times + (size_t)i * messages + round * count;
            if (!wanted[i])
                continue;
            show_progress(methods[i].name, size, round + 1, ROUNDS);
            memset(there, 0, 2 * sizeof *there);
            asking->out = answering->in = there;
            asking->in = answering->out = back;
            if (new_process())
                talk(i, answering, size, count, NULL);
            if (new_process())
                talk(i, asking, size, count, times);
            await_processes();
        }
}

static int compare(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}

/* Sorts the times. Returns the mean of their middle half, which is finer than the clock ticks. */
static double find_median(int64_t *times, size_t count) {
    double sum = 0;
    size_t quarter = count / 4, half = count - 2 * quarter;
    qsort(times, count, sizeof *times, compare);
    for (size_t i = 0; i < half; i++)
        sum += (double)times[quarter + i];
    return sum / (double)half;
}

/* The bars have seven columns for each power of ten: each is 1.39 times as much as the one before.
 */
static void show_trips(size_t size, double clock_cost) {
    double medians[METHODS];
    for (size_t i = 0; i < METHODS; i++)
        medians[i] = find_median(arena->times + i * messages, messages) - clock_cost;
    if (!csv)
        printf("\n%3zu bytes there and back, ns  median      99%%  x copy%s\n", size,
               bars ? " 100ns  1us    10us   100us" : "  x line");
    for (size_t i = 0; i < METHODS; i++) {
        const char *name = methods[i].name;
        size_t last = messages - 1, percent = messages / 100;
        double p99 = (double)arena->times[i * messages + last - percent] - clock_cost;
        double most = (double)arena->times[i * messages + last] - clock_cost;
        double copies = medians[i] / medians[COPY], lines = medians[i] / medians[LINE];
        if (wanted[i] && csv) {
            printf("there and back,%zu,%s,%.1f,%.1f,%.1f,%.3f,%.3f,,\n", size, name, medians[i],
                   p99, most, copies, lines);
        } else if (wanted[i]) {
            printf("%-7s%-21s %7.0f %8.0f %7.2f ", name, methods[i].title, medians[i], p99, copies);
            if (!bars)
                printf("%7.2f", lines);
            for (double edge = 100; bars && edge <= medians[i] && edge < 1e5; edge *= 1.3895)
                putchar('#');
            putchar('\n');
        }
    }
}

/* What each of the processes does, as fast as it can. Process 0 publishes as channel_publish()
 * does, but for its look whether the segment is still there. The others read, and check that all
 * characters of a message are the same. */
static _Noreturn void work(struct SharedSegment *segment, size_t process, double seconds) {
    struct SharedData next = {.processId = benchmark};
    struct message copy;
    int64_t start = now();
    size_t count = 0;
    for (; !atomic_load_explicit(&arena->over, memory_order_relaxed); count++) {
        if (process == 0) {
            write_message(next.message, MESSAGE_SIZE, count);
            bool locked = semaphores_lock(lock) == 0;
            message_publish(segment, &next, MESSAGE_SIZE - 1);
            if (!locked || semaphores_unlock(lock) < 0)
                fail("cannot take and release the writers' lock");
            wait_wake(&segment->version);
            atomic_store(&arena->over, (double)(now() - start) > seconds * 1e9);
        } else if (message_snapshot(segment, &copy) > MESSAGE_NONE ||
                   memcmp(copy.message, copy.message + 1, MESSAGE_SIZE - 2) != 0) {
            errno = EBADMSG;
            fail("readers: no whole message");
        }
    }
    arena->per_second[process] = (double)count * 1e9 / (double)(now() - start);
    _exit(STATUS_DONE);
}

static void measure_readers(double seconds) {
    struct SharedSegment *segment = &arena->places[0][0].segment;
    memset(segment, 0, sizeof *segment);
    if ((lock = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600)) < 0)
        fail("cannot make a semaphore set");
    if (!csv)
        printf("\n900 bytes, readers   messages a second  snapshots a second\n");
    for (size_t readers = 1; readers <= MOST_READERS; readers *= 2) {
        double snapshots = 0;
        show_progress(methods[READERS].name, MESSAGE_SIZE, readers, MOST_READERS);
        atomic_store(&arena->over, false);
        for (size_t process = readers + 1; process-- > 0;)
            if (new_process())
                work(segment, process, seconds);
        await_processes();
        for (size_t process = 1; process <= readers; process++)
            snapshots += arena->per_second[process];
        printf(csv ? "readers,900,%zu,,,,,,%.0f,%.0f\n" : "%-20zu%18.0f%20.0f\n", readers,
               arena->per_second[0], snapshots);
    }
}

static const char help[] =
    "Usage: bench [OPTION]...\n"
    "Measure what inter-process communication costs: a message to another process and back.\n"
    "\n"
    "  -s, --size=BYTES,...    sizes of the messages, 8 to 900, default 8,100,900\n"
    "  -n, --messages=COUNT    messages of each size and method, default 2000, in 20 rounds\n"
    "  -m, --methods=NAME,...  these only: spin, sleep, queue, mqueue, pipe, stream, tcp,\n"
    "                          and line and copy, which they are compared with; readers\n"
    "      --bars              draw bars, also where standard output is no terminal\n"
    "      --csv               print comma-separated values\n"
    "  -h, --help              show this help\n"
    "  -V, --version           show the version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static size_t number(const char *text, const char *what, size_t least, size_t most) {
    size_t value = strtoul(text, NULL, 10);
    if (!*text || text[strspn(text, "0123456789")] || value < least || value > most)
        usage_error("%s '%s' is not a number from %zu to %zu", what, text, least, most);
    return value;
}

static void choose_sizes(char *list) {
    sizes_count = 0;
    for (char *size; (size = strsep(&list, ","));) {
        if (sizes_count == MOST_SIZES)
            usage_error("more than %d sizes", MOST_SIZES);
        sizes[sizes_count++] = number(size, "size", 8, MESSAGE_SIZE);
    }
}

static void choose_methods(char *list) {
    memset(wanted, false, sizeof wanted);
    for (char *name; (name = strsep(&list, ","));) {
        int i = 0;
        while (strcmp(name, methods[i].name) != 0)
            if (++i > READERS)
                usage_error("there is no method '%s'", name);
        wanted[i] = true;
        wanted[LINE] = wanted[COPY] = wanted[LINE] || i < READERS;
    }
}

static void parse(int argc, char *argv[]) {
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'},    {"messages", required_argument, NULL, 'n'},
        {"methods", required_argument, NULL, 'm'}, {"bars", no_argument, &bars, true},
        {"csv", no_argument, &csv, true},          {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0},
    };
    bars = isatty(STDOUT_FILENO);
    memset(wanted, true, sizeof wanted);
    for (int option; (option = getopt_long(argc, argv, "s:n:m:hV", options, NULL)) != -1;)
        if (option == 's') {
            choose_sizes(optarg);
        } else if (option == 'n') { /* as many in each round */
            messages = (number(optarg, "count", 1, 1000000) + ROUNDS - 1) / ROUNDS * ROUNDS;
        } else if (option == 'm') {
            choose_methods(optarg);
        } else if (option == 'h') {
            fputs(help, stdout);
            options_exit();
        } else if (option == 'V') {
            options_version("bench");
        } else if (option != 0) { /* which stands for --bars and --csv */
            usage_hint();
        }
    options_end(argc, argv, "");
}

/* What the figures depend on. */
static void show_machine(double clock_cost) {
    char line[256], model[200] = "unknown"; /* on many machines processors have no name */
    struct utsname kernel;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file) &&
           sscanf(line, "model name : %199[^\n]", model) != 1)
        continue;
    uname(&kernel);
    printf("processor  %s, %ld online, %s\nkernel     %s %s\ncompiler   %s\n"
           "clock      the %.0f ns that it takes to read it are taken off\n"
           "messages   %zu of each size and method\n",
           model, sysconf(_SC_NPROCESSORS_ONLN), kernel.machine, kernel.sysname, kernel.release,
           __VERSION__, clock_cost, messages);
}

int main(int argc, char *argv[]) {
    errors_start(argv);
    signals_start();
    signal(SIGCHLD, SIG_DFL);
    parse(argc, argv);
    signals_catch();
    benchmark = getpid();
    atexit(clean_up);

    size_t size = sizeof *arena + METHODS * messages * sizeof *arena->times;
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    if (id < 0)
        fail("cannot make a segment of %zu bytes", size);
    arena = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL); /* it goes with the last process that has attached it */
    if (arena == (void *)-1)
        fail("cannot attach a segment of %zu bytes", size);
    for (size_t i = 0; i < messages; i++) {
        int64_t start = now();
        arena->times[i] = now() - start;
    }
    double clock_cost = find_median(arena->times, messages);

    if (csv)
        puts("part,bytes,name,median_ns,p99_ns,max_ns,x_copy,x_line,"
             "published_per_second,snapshots_per_second");
    else
        show_machine(clock_cost);
    for (int i = 0; i < METHODS; i++)
        if (wanted[i] && !method_open(i, &ends[i].asking, &ends[i].answering)) {
            complain("%s is left out: %s", methods[i].name, strerror(errno));
            wanted[i] = false;
        }
    for (size_t i = 0; wanted[LINE] && i < sizes_count; i++) {
        measure_trips(sizes[i]);
        show_trips(sizes[i], clock_cost);
    }
    if (wanted[READERS])
        measure_readers((double)messages * 250e-6);
    options_exit();
}
