#define _GNU_SOURCE
#include "bench.h"
#include "cli/errors.h"
#include "wait.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void wrong(const char *name, const char *what) {
    complain("%s: %s", name, what);
    exit(FAILED);
}

/* Exits unless `done`, what `call` has returned, is `size`. */
static void must_be(size_t size, ssize_t done, const struct end *end, const char *call) {
    if (done < 0)
        fail("%s: cannot %s", end->method->name, call);
    if ((size_t)done != size)
        wrong(end->method->name, "a message came too short or too long");
}

/* Between two looks at memory that the other process is about to change. */
static void relax(void) {
    if (one_processor)
        sched_yield();
    else
        wait_spin();
}

/* --- A flag, at which the receiver looks until it is raised --- */

static void flag_await(atomic_uint *flag, unsigned number) {
    while (atomic_load_explicit(flag, memory_order_acquire) != number)
        relax();
}

/* The floor: what the hardware needs to carry one cache line there and back. */
static void line_send(struct end *end, const char *bytes, size_t size) {
    (void)bytes, (void)size;
    atomic_store_explicit(&end->place[THERE].flag, ++end->seen, memory_order_release);
}

static const char *line_receive(struct end *end, size_t size) {
    (void)size;
    flag_await(&end->place[THERE].flag, ++end->seen);
    return NULL;
}

/* The bare copy: a sender that is too early, or dies, would not be noticed. */
static void copy_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->place[end->out].plain, bytes, size);
    atomic_store_explicit(&end->place[end->out].flag, ++end->sent, memory_order_release);
}

static const char *copy_receive(struct end *end, size_t size) {
    flag_await(&end->place[end->in].flag, ++end->seen);
    return memcpy(end->received.text, end->place[end->in].plain, size);
}

/* --- Our segment: what writer and reader do, but for the writers' lock --- */

static void segment_send(struct end *end, const char *bytes, size_t size) {
    const char *start = bytes - offsetof(struct message, message);
    (void)size;
    publish(&end->place[end->out].segment, (const struct message *)(const void *)start);
}

static bool unchanged(const struct end *end) {
    const atomic_uint *version = &end->place[end->in].segment.version;
    return atomic_load_explicit(version, memory_order_relaxed) == end->version;
}

static const char *take(struct end *end) {
    if (snapshot(&end->place[end->in].segment, &end->copy) != MESSAGE_WHOLE)
        wrong(end->method->name, "no whole message");
    end->version = end->copy.version;
    return end->copy.message;
}

static const char *spin_receive(struct end *end, size_t size) {
    (void)size;
    while (unchanged(end))
        relax();
    return take(end);
}

static void wake_send(struct end *end, const char *bytes, size_t size) {
    segment_send(end, bytes, size);
    wait_wake(&end->place[end->out].segment.version);
}

static const char *sleep_receive(struct end *end, size_t size) {
    (void)size;
    while (unchanged(end))
        wait_for_change(&end->place[end->in].segment.version, end->version, 500);
    return take(end);
}

/* The answer to a question is often there before a process could have gone to sleep. */
static const char *brief_receive(struct end *end, size_t size) {
    enum { LOOKS = 1000 }; /* some microseconds */
    for (int looks = 0; looks < LOOKS && unchanged(end); looks++)
        relax();
    return sleep_receive(end, size);
}

/* --- A plain copy; the kernel wakes the receiver --- */

static void semaphore_change(const struct end *end, int number, int change) {
    struct sembuf operation = {(unsigned short)number, (short)change, 0};
    must_be(0, semop(kept.segment.semaphores.id, &operation, 1), end, "semop");
}

static void semaphore_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->place[end->out].plain, bytes, size);
    semaphore_change(end, end->out, 1);
}

static const char *semaphore_receive(struct end *end, size_t size) {
    semaphore_change(end, end->in, -1);
    return memcpy(end->received.text, end->place[end->in].plain, size);
}

/* One descriptor for each direction. */
static int open_ways(struct end ends[2], int there, int back) {
    ends[ASKING].to = ends[ANSWERING].from = there;
    ends[ASKING].from = ends[ANSWERING].to = back;
    return there < 0 || back < 0 ? -1 : 0;
}

static int eventfd_open(struct end ends[2]) {
    return open_ways(ends, eventfd(0, 0), eventfd(0, 0));
}

static void eventfd_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->place[end->out].plain, bytes, size);
    must_be(0, eventfd_write(end->to, 1), end, "write");
}

static const char *eventfd_receive(struct end *end, size_t size) {
    eventfd_t value;
    must_be(0, eventfd_read(end->from, &value), end, "read");
    return memcpy(end->received.text, end->place[end->in].plain, size);
}

/* --- Message queues --- */

/* The answers travel as another type in the same queue. */
static void queue_send(struct end *end, const char *bytes, size_t size) {
    end->received.type = end->out + 1;
    memmove(end->received.text, bytes, size); /* they may be there already */
    must_be(0, msgsnd(kept.queue, &end->received, size, 0), end, "msgsnd");
}

static const char *queue_receive(struct end *end, size_t size) {
    ssize_t found = msgrcv(kept.queue, &end->received, LARGEST + 1, end->in + 1, 0);
    must_be(size, found, end, "msgrcv");
    return end->received.text;
}

/* Without a name from here on; a descriptor, on Linux. */
static mqd_t posix_queue(const char *name) {
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = LARGEST};
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    if (queue != (mqd_t)-1)
        mq_unlink(name);
    return queue;
}

static int posix_open(struct end ends[2]) {
    return open_ways(ends, posix_queue(kept.posix_queue), posix_queue(kept.posix_queue));
}

static void posix_send(struct end *end, const char *bytes, size_t size) {
    must_be(0, mq_send(end->to, bytes, size, 0), end, "mq_send");
}

static const char *posix_receive(struct end *end, size_t size) {
    ssize_t found = mq_receive(end->from, end->received.text, LARGEST + 1, NULL);
    must_be(size, found, end, "mq_receive");
    return end->received.text;
}

/* --- Descriptors to read from and write to --- */

/* No message is longer than PIPE_BUF: it is written as a whole. */
static void bytes_send(struct end *end, const char *bytes, size_t size) {
    must_be(size, write(end->to, bytes, size), end, "write");
}

/* A stream may bring a message in pieces; a datagram is one piece. */
static const char *bytes_receive(struct end *end, size_t size) {
    ssize_t more = 1;
    size_t found = 0;
    for (; found < size && more > 0; found += (size_t)more)
        more = read(end->from, end->received.text + found, size - found);
    must_be(size, more < 0 ? -1 : (ssize_t)found, end, "read");
    return end->received.text;
}

static int pipe_open(struct end ends[2]) {
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        return -1;
    ends[ASKING].to = there[1];
    ends[ANSWERING].from = there[0];
    ends[ANSWERING].to = back[1];
    ends[ASKING].from = back[0];
    return 0;
}

/* Without a name from here on. Open for both, it waits for nobody, on Linux. */
static int fifo(const char *name) {
    if (mkfifo(name, 0600) < 0)
        return -1;
    int descriptor = open(name, O_RDWR);
    unlink(name);
    return descriptor;
}

static int fifo_open(struct end ends[2]) {
    return open_ways(ends, fifo(kept.fifo), fifo(kept.fifo));
}

/* One descriptor for each end. */
static int open_ends(struct end ends[2], int asking, int answering) {
    ends[ASKING].from = ends[ASKING].to = asking;
    ends[ANSWERING].from = ends[ANSWERING].to = answering;
    return asking < 0 || answering < 0 ? -1 : 0;
}

static int unix_open(struct end ends[2], int type) {
    int pair[2];
    return socketpair(AF_UNIX, type, 0, pair) < 0 ? -1 : open_ends(ends, pair[0], pair[1]);
}

static int stream_open(struct end ends[2]) {
    return unix_open(ends, SOCK_STREAM);
}

static int datagram_open(struct end ends[2]) {
    return unix_open(ends, SOCK_DGRAM);
}

static int no_delay(int descriptor) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static int tcp_open(struct end ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0), asking = socket(AF_INET, SOCK_STREAM, 0);
    if (listening < 0 || asking < 0 || bind(listening, any, length) < 0 ||
        listen(listening, 1) < 0 || getsockname(listening, any, &length) < 0 ||
        connect(asking, any, length) < 0)
        return -1;
    int answering = accept(listening, NULL, NULL);
    if (answering < 0 || no_delay(asking) < 0 || no_delay(answering) < 0)
        return -1;
    return open_ends(ends, asking, answering);
}

/* --- All of them --- */

const struct method methods[METHODS] = {
    [LINE_METHOD] = {"line", "a bare cache line", NULL, line_send, line_receive},
    [COPY_METHOD] = {"copy", "a bare copy and a flag", NULL, copy_send, copy_receive},
    {"spin", "our segment, spinning", NULL, segment_send, spin_receive},
    {"sleep", "our segment, sleeping", NULL, wake_send, sleep_receive},
    {"brief", "our segment, brief spin", NULL, wake_send, brief_receive},
    {"semaphore", "memory, SysV semaphores", NULL, semaphore_send, semaphore_receive},
    {"eventfd", "memory, eventfd", eventfd_open, eventfd_send, eventfd_receive},
    {"queue", "SysV message queue", NULL, queue_send, queue_receive},
    {"mqueue", "POSIX message queue", posix_open, posix_send, posix_receive},
    {"pipe", "pipe", pipe_open, bytes_send, bytes_receive},
    {"fifo", "FIFO", fifo_open, bytes_send, bytes_receive},
    {"stream", "Unix stream socket", stream_open, bytes_send, bytes_receive},
    {"datagram", "Unix datagram socket", datagram_open, bytes_send, bytes_receive},
    {"tcp", "TCP on loopback", tcp_open, bytes_send, bytes_receive},
};

int channel_open(struct end ends[2], const struct method *method) {
    ends[ASKING] = (struct end){.method = method, .in = BACK, .out = THERE};
    ends[ANSWERING] = (struct end){.method = method, .in = THERE, .out = BACK};
    return method->open ? method->open(ends) : 0;
}

void channel_place(struct end ends[2], struct place place[2]) {
    for (struct end *end = ends; end < ends + 2; end++) {
        end->place = place;
        end->sent = end->seen = 0;
        end->version = atomic_load(&place[end->in].segment.version);
        atomic_store(&place[end->in].flag, 0);
    }
}
