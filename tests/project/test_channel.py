"""What other programs do with include/ and scripts/pair/: the seven calls, from C, C++ and Python."""
import shutil
import subprocess
import sys

from support import CHANNEL, TOP, TestCase, compile_c

# Includes everything twice, joins in two processes, and publishes from the child.
PROGRAM = r'''
#include "channel.h"
#include "shared_data.h"
#include "shared_data.h"
#include "channel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            _exit(1); \
        } \
    } while (0)

static struct channel first, second, reader;
static struct message message;
static char text[MESSAGE_SIZE];

static void in_child(void (*act)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void join_and_publish(void) {
    CHECK(channel_join(&second, first.key, 0600) == CHANNEL_JOINED);
    CHECK(channel_publish(&second, "from the child", 14) == 0);
    CHECK(channel_leave(&second) == 1);
}

static void publish_for_the_parent(void) {
    CHECK(channel_publish(&first, "for the parent", 14) == 0);
    CHECK(channel_leave(&first) == -1 && errno == EPERM);
}

static int answers[2];

/* The process that joins ends; its child is nobody's writer then. */
static void join_and_leave_a_child_behind(void) {
    pid_t joined = getpid();
    CHECK(channel_join(&second, first.key, 0600) == CHANNEL_JOINED);
    if (fork() != 0)
        return;
    while (getppid() == joined)
        ;
    char answer = channel_publish(&second, "nobody's", 8) == -1 && errno == EPERM ? 'y' : 'n';
    _exit(write(answers[1], &answer, 1) != 1);
}

int main(int argc, char **argv) {
    unsigned key = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : 0;
    CHECK(channel_attach(&reader, key) == -1 && errno == ENOENT && reader.failed == CHANNEL_SEGMENT);
    CHECK(channel_join(&first, 0, 0600) == -1 && errno == EINVAL);
    CHECK(channel_join(&first, 0x53000000, 0600) == -1 && errno == EINVAL);
    CHECK(channel_join(&first, key, 0600) == CHANNEL_CREATED);
    CHECK(first.key == key && channel_read(&first, &message) == MESSAGE_NONE);
    CHECK(channel_attach(&reader, key) == 0 && reader.id == first.id);
    CHECK(channel_wait(&reader, 0, 10) == CHANNEL_QUIET);

    in_child(join_and_publish);
    CHECK(channel_wait(&reader, 0, 0) == CHANNEL_NEWS);
    CHECK(channel_read(&reader, &message) == MESSAGE_WHOLE && message.version == 2);
    CHECK(strcmp(message.message, "from the child") == 0 && message.length == 14);
    CHECK(message.processId != getpid() && message.versioned);
    in_child(publish_for_the_parent);
    CHECK(channel_read(&reader, &message) == MESSAGE_WHOLE && message.version == 4);

    memset(text, 'x', sizeof text);
    CHECK(channel_publish(&first, text, MESSAGE_SIZE) == -1 && errno == EMSGSIZE);
    CHECK(channel_publish(&first, "a\0b", 3) == -1 && errno == EINVAL);
    CHECK(channel_wait(&reader, 4, 0) == CHANNEL_QUIET);
    CHECK(channel_publish(&first, text, MESSAGE_SIZE - 1) == 0);
    CHECK(channel_read(&reader, &message) == MESSAGE_WHOLE && message.length == 899);
    CHECK(channel_publish(&first, "", 0) == 0);
    CHECK(channel_read(&reader, &message) == MESSAGE_WHOLE && message.length == 0);

    char answer = 0;
    CHECK(pipe(answers) == 0);
    in_child(join_and_leave_a_child_behind);
    CHECK(read(answers[0], &answer, 1) == 1 && answer == 'y');
    CHECK(channel_leave(&first) == 0);
    CHECK(channel_read(&reader, &message) == MESSAGE_WHOLE);
    CHECK(channel_wait(&reader, message.version, 60000) == CHANNEL_GONE && errno == EIDRM);
    channel_detach(&reader);
    puts("done");
    return 0;
}
'''

PYTHON = r'''
import errno, os, sys
sys.path.insert(0, sys.argv[2])
from pair.channel import Channel

def error_of(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return None

def in_child(act):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0

key = int(sys.argv[1], 0)
assert error_of(Channel.attach, key) == errno.ENOENT
assert error_of(Channel.join, 0, 0o600) == error_of(Channel.join, 0x53000000, 0o600) == errno.EINVAL
first = Channel.join(key, 0o600)
assert (first.key, first.found.name, first.read().state.name) == (key, 'CREATED', 'NONE')
reader = Channel.attach(key)
assert reader.id == first.id and reader.wait(0, 0.01).name == 'QUIET'

def join_and_publish():
    with Channel.join(key, 0o600) as second:
        assert second.found.name == 'JOINED'
        second.publish(b'from the child')

def publish_for_the_parent():
    first.publish(b'for the parent')
    assert error_of(first.leave) == errno.EPERM

in_child(join_and_publish)
assert reader.wait(0, 0).name == 'NEWS'
message = reader.read()
assert (message.state.name, message.text, message.version) == ('WHOLE', b'from the child', 2)
assert message.pid not in (0, os.getpid())
in_child(publish_for_the_parent)
assert reader.read().version == 4
assert error_of(first.publish, b'x' * 900) == errno.EMSGSIZE
assert error_of(first.publish, b'a\0b') == errno.EINVAL
assert reader.wait(4, 0).name == 'QUIET'
first.publish(b'x' * 899)
assert reader.read().text == b'x' * 899
first.publish(b'')
assert reader.read().text == b''

here, there = os.pipe()
def join_and_leave_a_child_behind():
    second, joined = Channel.join(key, 0o600), os.getpid()
    if os.fork() == 0:
        while os.getppid() == joined:
            pass
        os.write(there, b'y' if error_of(second.publish, b"nobody's") == errno.EPERM else b'n')
        os._exit(0)
    os._exit(0)

in_child(join_and_leave_a_child_behind)
assert os.read(here, 1) == b'y'
assert first.leave() == 0
message = reader.read()
assert message.state.name == 'WHOLE'
assert reader.wait(message.version, 60).name == 'GONE' and reader.reason == errno.EIDRM
reader.detach()
print('done')
'''


class Interface(TestCase):
    def check(self, command):
        self.assert_done(self.run_program(command, self.key), b'done\n')
        self.assert_nothing_left()

    def test_a_c_program_does_what_channel_h_promises(self):
        place = self.temporary_directory()
        (place / 'program.c').write_text(PROGRAM, encoding='ascii')
        compile_c(place / 'program', place / 'program.c', *CHANNEL)
        self.check([place / 'program'])

    def test_the_headers_need_neither_extensions_nor_feature_macros_and_are_cpp_too(self):
        place = self.temporary_directory()
        (place / 'program.cpp').write_text(PROGRAM, encoding='ascii')
        for compiler, *options in (['cc', '-std=c11'], ['cc', '-std=gnu17'], ['g++', '-std=c++17'],
                                   ['clang', '-std=c11'], ['clang++', '-std=c++17']):
            if not shutil.which(compiler):
                continue
            language = 'c++' if '++' in options[0] else 'c'
            subprocess.run([compiler, *options, '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-x',
                            language, '-Iinclude', '-c', '-o', place / 'program.o',
                            place / 'program.cpp'], check=True, cwd=TOP)

    def test_a_cpp_program_is_linked_with_the_c_sources(self):
        self.require(shutil.which('g++'), 'there is no g++')
        place = self.temporary_directory()
        (place / 'program.cpp').write_text(PROGRAM, encoding='ascii')
        for source in CHANNEL:
            subprocess.run(['cc', '-std=c11', '-Iinclude', '-Isrc', '-c', '-o',
                            place / (source.rpartition('/')[2] + '.o'), source], check=True, cwd=TOP)
        subprocess.run(['g++', '-std=c++17', '-Iinclude', '-o', place / 'program',
                        place / 'program.cpp', *place.glob('*.o')], check=True, cwd=TOP)
        self.check([place / 'program'])

    def test_a_python_program_does_the_same(self):
        result = self.run_program([sys.executable, '-c', PYTHON], self.key, TOP / 'scripts')
        self.assert_done(result, b'done\n')
        self.assert_nothing_left()
