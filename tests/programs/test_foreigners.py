"""What other programs, other users and odd kernels do to a channel, and what it does to them."""
import shutil
import signal
import subprocess
import sys

from support import (
    FAILED, NOBODY, SEGMENT_READERS, SEGMENT_WRITERS, TestCase, WRITERS, apart,
    contents, id_of, new_set, of_each, packed, through_shell, traced, user, wait_until,
    works)

# What a student writes who has the assignment and no more: the same in C and in C++.
STUDENTS_WRITER = r'''
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

struct SharedData {
    int processId;
    char message[900];
    bool dataReady;
};

int main(int, char *argv[]) {
    int id = shmget(atoi(argv[1]), sizeof(SharedData), 0666 | IPC_CREAT);
    if (id < 0)
        return perror("shmget"), 1;
    SharedData *data = (SharedData *)shmat(id, NULL, 0);
    data->dataReady = false;
    data->processId = getpid();
    strcpy(data->message, argv[2]);
    data->dataReady = true;
    puts("written");
    fflush(stdout);
    getchar();
    shmdt(data);
    return shmctl(id, IPC_RMID, NULL) < 0;
}
'''


@of_each(writer=SEGMENT_WRITERS, reader=SEGMENT_READERS)
class Students(TestCase):
    def start_student(self, text):
        self.require(shutil.which('g++'), 'there is no g++')
        program = self.temporary_directory() / 'student'
        subprocess.run(['g++', '-o', str(program), '-x', 'c++', '-'], check=True,
                       input=STUDENTS_WRITER.encode())
        student = self.start([program], self.key, text)
        student.wait_for('written\n')
        return student

    def test_a_students_segment_is_read_and_left_untouched(self):
        student = self.start_student('Hello from C++')
        self.assert_warned(self.read('-r'), 'carries no version', out=b'Hello from C++\n')
        self.assert_refused(self.write(), FAILED, 'is not ours: 908 bytes', 'ipcrm -m')
        self.assert_warned(self.read('-r'), out=b'Hello from C++\n')
        self.assertEqual(student.finish().status, 0)
        self.assert_nothing_left()

    def test_a_student_that_comes_to_our_writer_is_read_and_may_remove_the_segment(self):
        writer = self.start_writer('-m', 'ours')
        student = self.start_student('Hello from C++')
        self.assert_done(self.read('-r'), b'Hello from C++\n')
        self.assertEqual(student.finish().status, 0)
        self.assert_refused(writer.finish(), FAILED, self.key, 'somebody removed it')
        self.assert_nothing_left()


@of_each(writer=SEGMENT_WRITERS, reader=SEGMENT_READERS)
class MissingSets(TestCase):
    def test_without_a_set_nobody_says_that_no_writer_is_alive(self):
        self.start_writer('-m', 'Hello')
        self.remove_set()
        for arguments in ['-r'], ['-fr']:
            result = self.read(*arguments)
            self.assert_warned(result, 'semaphore set is missing', 'nobody knows', out=b'Hello\n')
            self.assertNotIn('no writer is alive', result.err)


@of_each(reader=SEGMENT_READERS)
class OtherContents(TestCase):
    def test_a_reader_that_waits_is_told_at_once_that_somebody_elses_text_is_there(self):
        self.new_segment(b'Hello from byte 0'.ljust(1024, b'\0'))
        self.assert_refused(self.read('-w'), FAILED, 'is not ours', 'ipcrm -m')

    def test_a_follower_of_a_students_segment_says_that_it_cannot_be_followed(self):
        memory = self.new_segment(packed(b'Hello from C++', pid=77))
        self.assert_warned(self.read('-wf'), "can't be followed", out=b'77: Hello from C++\n')
        self.assertEqual(memory.read(), packed(b'Hello from C++', pid=77))


@of_each(writer=SEGMENT_WRITERS)
class Squatters(TestCase):
    def test_zeros_that_another_user_has_made_are_a_strangers(self):
        """Who made them could read what a writer publishes there, whatever its --mode."""
        make = f'import sysv_ipc as s; s.SharedMemory({self.key}, s.IPC_CREX, 0o666, 1024, b"\\0")'
        self.require(works([sys.executable, '-c', make], **user(NOBODY)),
                     'only root can run programs as other users')
        for arguments in [], ['-p', '0600']:
            self.assert_refused(self.write(*arguments), FAILED, 'is not ours', f'user {NOBODY}')
        self.assertIsNone(id_of('set', self.set_key))


@of_each(writer=WRITERS)
class OddKernels(TestCase):
    """Calls that fail although they shouldn't, as in emulators, sandboxes, and for want of
    memory."""

    def refusing(self, call, error, when='1+'):
        tracer = traced(f'inject={call}:error={error}:when={when}')
        self.require_strace()
        return [*tracer, *self.writer]

    def test_a_kernel_that_always_says_that_the_set_was_removed_is_not_asked_for_ever(self):
        for error in 'EINVAL', 'EIDRM', 'ENOENT':
            result = self.write(command=self.refusing('semop,semtimedop', error))
            self.assert_refused(result, FAILED, 'cannot join the semaphore set')

    def test_a_call_that_is_refused_once_leaves_nothing(self):
        for call in 'semget', 'semctl', f'{self.medium.call}get':
            result = self.write(command=self.refusing(call, 'EPERM', 1))
            self.assert_refused(result, FAILED, 'cannot join')
            self.assert_nothing_left()

    def test_what_cannot_be_attached_or_claimed_does_not_stay_even_with_the_id_0(self):
        self.require_unshare()
        script = '"$@" </dev/null; cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg'
        call = {'shm': 'shmat', 'msg': 'msgctl'}[self.medium.call]
        result = self.write(command=[*apart(), *through_shell(
            script, self.refusing(call, 'ENOMEM', 1))])
        self.assertIn('Cannot allocate memory', result.err)
        self.assertEqual(result.out.count(b'\n'), 3, result)  # the tables' headings


@of_each(reader=SEGMENT_READERS)
class Namesakes(TestCase):
    def test_a_set_of_one_semaphore_under_the_segments_key_is_not_our_count(self):
        new_set(self.key, 1)
        self.new_segment(contents(b'Hello'))
        self.assert_warned(self.read('-r'), 'semaphore set is missing', out=b'Hello\n')


@of_each(writer=WRITERS)
class Emulators(TestCase):
    def test_a_signal_ends_a_writer_that_the_kernel_lets_wait(self):
        """An emulator that says EINTR for ever; without a signal it takes five seconds."""
        tracer = [*traced('inject=semop,semtimedop:error=EINTR'), '-D']
        self.require_strace()
        writer = self.start([*tracer, *self.writer], '-k', self.key)
        wait_until(writer.catches_signals, 'it has begun')
        writer.signal(signal.SIGTERM)
        self.assertIn(writer.result().status, (FAILED, -signal.SIGTERM))

