/* Publishers and readers as threads of one process, which is all that ThreadSanitizer can see: it
 * finds any access to what they share that isn't atomic. Whether the orders of the atomic ones
 * suffice is not for it to say, but for tests/model/; whether messages are whole, for race.c. */
#define _GNU_SOURCE
#include "message.h"
#include "wait.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOTS = 20000 };

static struct SharedSegment segment = {.magic = SHARED_MAGIC};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* as the writers' */
static atomic_int reading = 2;

static void *publish_all_the_time(void *pid) {
    for (unsigned number = 0; reading > 0; number++) {
        size_t length = number * 7919 % MESSAGE_SIZE;
        struct SharedData next = {.processId = *(int *)pid};
        memset(next.message, 'x', length);
        pthread_mutex_lock(&lock);
        message_publish(&segment, &next, length);
        pthread_mutex_unlock(&lock);
        wait_wake(&segment.version);
    }
    return NULL;
}

static void *read_all_the_time(void *unused) {
    struct message copy;
    for (int whole = 0; whole < SNAPSHOTS;) {
        enum message_state state = message_snapshot(&segment, &copy);
        whole += state == MESSAGE_WHOLE;
        if (state == MESSAGE_DAMAGED)
            abort();
        message_wait(&segment, copy.version, 1);
    }
    reading--;
    return unused;
}

int main(void) {
    static int pids[] = {1, 2};
    pthread_t threads[4];
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, publish_all_the_time, &pids[i]) != 0 ||
            pthread_create(&threads[2 + i], NULL, read_all_the_time, NULL) != 0)
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("threads: %u messages published, %d snapshots whole\n", segment.version / 2,
           2 * SNAPSHOTS);
    return EXIT_SUCCESS;
}
