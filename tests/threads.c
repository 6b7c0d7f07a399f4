/* Publishers and readers as threads of one process, which is all that ThreadSanitizer can see: it
 * finds any access to what they share that isn't atomic. Whether the orders of those that are
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
static atomic_int taking = 2;
static char text[MESSAGE_SIZE];

static void *publish_all_the_time(void *pid) {
    struct message next;
    for (unsigned number = 0; taking > 0; number++) {
        message_prepare(&next, *(int *)pid, text, number * 7919 % MESSAGE_SIZE);
        pthread_mutex_lock(&lock);
        publish(&segment, &next);
        pthread_mutex_unlock(&lock);
        wait_wake(&segment.version);
    }
    return NULL;
}

static void *take(void *unused) {
    struct message copy;
    for (int whole = 0; whole < SNAPSHOTS;) {
        enum message_state state = snapshot(&segment, &copy);
        whole += state == MESSAGE_WHOLE;
        if (state == MESSAGE_DAMAGED)
            abort();
        wait_for_change(&segment.version, copy.version, 1);
    }
    taking--;
    return unused;
}

int main(void) {
    static int pids[] = {1, 2};
    pthread_t threads[4];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, publish_all_the_time, &pids[i]) != 0 ||
            pthread_create(&threads[2 + i], NULL, take, NULL) != 0)
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("threads: %u messages published, %d snapshots whole\n", segment.version / 2,
           2 * SNAPSHOTS);
    return EXIT_SUCCESS;
}
