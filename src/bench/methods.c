#define _GNU_SOURCE
#include "methods.h"
#include "cli.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

bool one_processor;

enum { BRIEF_LOOKS = 1000 }; /* some microseconds */

/* A receiver of exactly `size` bytes found something else. */
static _Noreturn void wrong_size(const struct end *end, size_t size, ssize_t found) {
    errx(CLI_FAILED, "%s: a message of %zd bytes instead of %zu", end->method->name, found, size);
}

static _Noreturn void failed(const struct end *end, const char *call) {
    err(CLI_FAILED, "%s: cannot %s", end->method->name, call);
}

/* Between two looks at memory that another process is about to change. */
static void relax(void) {
    if (one_processor)
        sched_yield();
#if defined __x86_64__ || defined __i386__
    else
        __builtin_ia32_pause();
#endif
}

/* --- The floor: what the hardware needs to carry one cache line there and back. --- */

static void line_send(struct end *end, const char *bytes, size_t size) {
    (void)bytes, (void)size;
    atomic_store_explicit(&end->keeper->arena->line, ++end->seen, memory_order_release);
}

static const char *line_receive(struct end *end, size_t size) {
    (void)size;
    end->seen++;
    while (atomic_load_explicit(&end->keeper->arena->line, memory_order_acquire) != end->seen)
        relax();
    return NULL;
}

/* --- What copying alone costs: in and out, there and back, without another process. --- */

static void copy_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->keeper->arena->plain[THERE], bytes, size);
}

static const char *copy_receive(struct end *end, size_t size) {
    char(*plain)[1024] = end->keeper->arena->plain;
    memcpy(end->message.text, plain[THERE], size);
    memcpy(plain[BACK], end->message.text, size);
    return memcpy(end->message.text, plain[BACK], size);
}

/* --- Our segment: what writer and reader do. --- */

static struct SharedSegment *segment(const struct end *end, int way) {
    return &end->keeper->arena->segment[way];
}

static int segment_open(struct channel *channel) {
    for (int i = 0; i < 2; i++) {
        struct end *end = i ? &channel->answering : &channel->asking;
        end->seen = atomic_load(&segment(end, end->in)->version);
    }
    return 0;
}

static void spin_send(struct end *end, const char *bytes, size_t size) {
    /* What is sent through a segment was received from one, or prepared for it by ask(). */
    const char *start = bytes - offsetof(struct snapshot, message);
    publish(segment(end, end->out), (const struct snapshot *)(const void *)start, size - 1);
}

static const char *take(struct end *end) {
    enum snapshot_state state = snapshot(segment(end, end->in), &end->copy);
    if (state != SNAPSHOT_WHOLE)
        errx(CLI_FAILED, "%s: no whole message (%d)", end->method->name, (int)state);
    end->seen = end->copy.version;
    return end->copy.message;
}

static bool unchanged(const struct end *end) {
    const struct SharedSegment *from = segment(end, end->in);
    return atomic_load_explicit(&from->version, memory_order_relaxed) == end->seen;
}

static const char *spin_receive(struct end *end, size_t size) {
    (void)size;
    while (unchanged(end))
        relax();
    return take(end);
}

static void sleep_send(struct end *end, const char *bytes, size_t size) {
    spin_send(end, bytes, size);
    publish_wake(segment(end, end->out));
}

static const char *sleep_receive(struct end *end, size_t size) {
    (void)size;
    while (unchanged(end))
        snapshot_await(segment(end, end->in), end->seen, 500);
    return take(end);
}

/* The answer to a question is often there before a process could have gone to sleep. */
static const char *brief_receive(struct end *end, size_t size) {
    for (int looks = 0; looks < BRIEF_LOOKS && unchanged(end); looks++)
        relax();
    return sleep_receive(end, size);
}

/* --- Memory without a protocol, handed over by the kernel. --- */

static int semaphores_open(struct channel *channel) {
    unsigned short zeros[2] = {0};
    return semctl(channel->asking.keeper->semaphores, 0, SETALL, zeros);
}

static void operate(const struct end *end, int number, int change) {
    struct sembuf operation = {(unsigned short)number, (short)change, 0};
    if (semop(end->keeper->semaphores, &operation, 1) < 0)
        failed(end, "semop");
}

static void semaphores_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->keeper->arena->plain[end->out], bytes, size);
    operate(end, end->out, 1);
}

static const char *semaphores_receive(struct end *end, size_t size) {
    operate(end, end->in, -1);
    return memcpy(end->message.text, end->keeper->arena->plain[end->in], size);
}

/* Descriptors that channel_close() has to close. */
static int keep(struct channel *channel, int descriptor) {
    if (descriptor >= 0)
        channel->descriptors[channel->count++] = descriptor;
    return descriptor;
}

static int eventfd_open(struct channel *channel) {
    struct end *asking = &channel->asking, *answering = &channel->answering;
    asking->to = answering->from = keep(channel, eventfd(0, 0));
    asking->from = answering->to = keep(channel, eventfd(0, 0));
    return channel->count == 2 ? 0 : -1;
}

static void eventfd_send(struct end *end, const char *bytes, size_t size) {
    memcpy(end->keeper->arena->plain[end->out], bytes, size);
    if (eventfd_write(end->to, 1) < 0)
        failed(end, "write");
}

static const char *eventfd_receive(struct end *end, size_t size) {
    eventfd_t value;
    if (eventfd_read(end->from, &value) < 0)
        failed(end, "read");
    return memcpy(end->message.text, end->keeper->arena->plain[end->in], size);
}

/* --- Message queues. --- */

/* The answers travel as another type in the same queue. */
static void queue_send(struct end *end, const char *bytes, size_t size) {
    struct {
        long type;
        char text[LARGEST];
    } message = {.type = end->out + 1};
    memcpy(message.text, bytes, size);
    if (msgsnd(end->keeper->queue, &message, size, 0) < 0)
        failed(end, "msgsnd");
}

static const char *queue_receive(struct end *end, size_t size) {
    ssize_t found =
        msgrcv(end->keeper->queue, &end->message, sizeof end->message.text, end->in + 1, 0);
    if (found < 0)
        failed(end, "msgrcv");
    if ((size_t)found != size)
        wrong_size(end, size, found);
    return end->message.text;
}

static int posix_queue(struct channel *channel, int way) {
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = LARGEST};
    const char *name = channel->asking.keeper->posix_queue[way];
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    if (queue != (mqd_t)-1)
        mq_unlink(name);
    return keep(channel, queue); /* a descriptor, on Linux */
}

static int posix_open(struct channel *channel) {
    struct end *asking = &channel->asking, *answering = &channel->answering;
    asking->to = answering->from = posix_queue(channel, THERE);
    asking->from = answering->to = posix_queue(channel, BACK);
    return channel->count == 2 ? 0 : -1;
}

static void posix_send(struct end *end, const char *bytes, size_t size) {
    if (mq_send(end->to, bytes, size, 0) < 0)
        failed(end, "mq_send");
}

static const char *posix_receive(struct end *end, size_t size) {
    ssize_t found = mq_receive(end->from, end->message.text, sizeof end->message.text, NULL);
    if (found < 0)
        failed(end, "mq_receive");
    if ((size_t)found != size)
        wrong_size(end, size, found);
    return end->message.text;
}

/* --- Descriptors to read from and write to. --- */

/* No message is longer than PIPE_BUF: it is written as a whole. */
static void bytes_send(struct end *end, const char *bytes, size_t size) {
    ssize_t written = write(end->to, bytes, size);
    if (written < 0)
        failed(end, "write");
    if ((size_t)written != size)
        wrong_size(end, size, written);
}

/* A stream may bring a message in pieces; a datagram is one piece. */
static const char *bytes_receive(struct end *end, size_t size) {
    for (size_t found = 0; found < size;) {
        ssize_t more = read(end->from, end->message.text + found, size - found);
        if (more < 0)
            failed(end, "read");
        if (more == 0)
            wrong_size(end, size, (ssize_t)found);
        found += (size_t)more;
    }
    return end->message.text;
}

static int pipes_open(struct channel *channel) {
    int there[2], back[2];
    if (pipe(there) < 0)
        return -1;
    channel->answering.from = keep(channel, there[0]);
    channel->asking.to = keep(channel, there[1]);
    if (pipe(back) < 0)
        return -1;
    channel->asking.from = keep(channel, back[0]);
    channel->answering.to = keep(channel, back[1]);
    return 0;
}

/* Makes and opens one FIFO; its name is gone when this returns. */
static int fifo(struct channel *channel, int way, int *from, int *to) {
    const char *path = channel->asking.keeper->fifo[way];
    if (mkfifo(path, 0600) < 0)
        return -1;
    *from = keep(channel, open(path, O_RDONLY | O_NONBLOCK)); /* else it waits for a writer */
    *to = *from < 0 ? -1 : keep(channel, open(path, O_WRONLY));
    int error = errno;
    unlink(path);
    errno = error;
    return *from < 0 || *to < 0 ? -1 : fcntl(*from, F_SETFL, 0);
}

static int fifos_open(struct channel *channel) {
    if (fifo(channel, THERE, &channel->answering.from, &channel->asking.to) < 0)
        return -1;
    return fifo(channel, BACK, &channel->asking.from, &channel->answering.to);
}

static int unix_open(struct channel *channel, int type) {
    int pair[2];
    if (socketpair(AF_UNIX, type, 0, pair) < 0)
        return -1;
    channel->asking.from = channel->asking.to = keep(channel, pair[0]);
    channel->answering.from = channel->answering.to = keep(channel, pair[1]);
    return 0;
}

static int stream_open(struct channel *channel) {
    return unix_open(channel, SOCK_STREAM);
}

static int datagram_open(struct channel *channel) {
    return unix_open(channel, SOCK_DGRAM);
}

static int no_delay(int descriptor) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static int tcp_open(struct channel *channel) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t length = sizeof address;
    int listening = keep(channel, socket(AF_INET, SOCK_STREAM, 0));
    int asking = keep(channel, socket(AF_INET, SOCK_STREAM, 0));
    if (listening < 0 || asking < 0 || bind(listening, any, length) < 0 ||
        listen(listening, 1) < 0 || getsockname(listening, any, &length) < 0 ||
        connect(asking, any, length) < 0)
        return -1;
    int answering = keep(channel, accept(listening, NULL, NULL));
    if (answering < 0 || no_delay(asking) < 0 || no_delay(answering) < 0)
        return -1;
    channel->asking.from = channel->asking.to = asking;
    channel->answering.from = channel->answering.to = answering;
    return 0;
}

const struct method methods[] = {
    [FLOOR] = {"line", "a bare cache line", false, NULL, line_send, line_receive},
    {"memcpy", "four copies, no process", true, NULL, copy_send, copy_receive},
    {"spin", "our segment, spinning", false, segment_open, spin_send, spin_receive},
    {"sleep", "our segment, sleeping", false, segment_open, sleep_send, sleep_receive},
    {"brief", "our segment, brief spin", false, segment_open, sleep_send, brief_receive},
    {"semaphore", "memory, SysV semaphores", false, semaphores_open, semaphores_send,
     semaphores_receive},
    {"eventfd", "memory, eventfd", false, eventfd_open, eventfd_send, eventfd_receive},
    {"queue", "SysV message queue", false, NULL, queue_send, queue_receive},
    {"mqueue", "POSIX message queue", false, posix_open, posix_send, posix_receive},
    {"pipe", "pipe", false, pipes_open, bytes_send, bytes_receive},
    {"fifo", "FIFO", false, fifos_open, bytes_send, bytes_receive},
    {"stream", "Unix stream socket", false, stream_open, bytes_send, bytes_receive},
    {"datagram", "Unix datagram socket", false, datagram_open, bytes_send, bytes_receive},
    {"tcp", "TCP on loopback", false, tcp_open, bytes_send, bytes_receive},
};

const size_t methods_count = sizeof methods / sizeof *methods;

int channel_open(struct channel *channel, const struct method *method,
                 const struct keeper *keeper) {
    *channel = (struct channel){
        .asking = {.method = method, .keeper = keeper, .in = BACK, .out = THERE},
        .answering = {.method = method, .keeper = keeper, .in = THERE, .out = BACK},
    };
    atomic_store(&keeper->arena->line, 0);
    if (!method->open || method->open(channel) == 0)
        return 0;
    int error = errno;
    channel_close(channel);
    errno = error;
    return -1;
}

void channel_close(struct channel *channel) {
    while (channel->count > 0)
        close(channel->descriptors[--channel->count]);
}
