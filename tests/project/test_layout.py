"""C's header, Python's constants and these tests describe the same bytes; C++ takes the header."""
import ctypes
import re
import shutil
import subprocess
import sys

import support
from support import (
    PYTHON_READER, SEGMENT_READERS, TOP, TestCase, compile_c, of_each)

sys.path.insert(1, str(TOP / 'scripts'))
from pair import message  # noqa: E402

# The assignment's writer, which was C++: it knows struct SharedData alone.
CPP_WRITER = r'''
#include "shared_data.h"
#include <cstdlib>
#include <cstring>
#include <sys/shm.h>

int main(int, char **argv) {
    int id = shmget(std::atoi(argv[1]), SHARED_SIZE, 0666 | IPC_CREAT);
    auto *data = static_cast<SharedData *>(shmat(id, nullptr, 0));
    data->processId = 4711;
    std::strcpy(data->message, "Hello from C++!");
    data->dataReady = true;
    static_assert(sizeof(SharedData) == 908 && MESSAGE_SIZE == 900, "");
}
'''


class Layout(TestCase):
    def setUp(self):
        super().setUp()
        program = self.temporary_directory() / 'layout'
        compile_c(program, 'tests/project/layout.c')
        numbers, _, self.image = self.run_program([program]).out.partition(b'\n')
        self.numbers = [int(number) for number in numbers.split()]

    def test_python_finds_every_field_where_c_put_it(self):
        segment = message.SharedSegment.from_buffer_copy(self.image)
        self.assertEqual((segment.processId, segment.message, segment.dataReady),
                         (0x01020304, b'm' * 899, 1))
        self.assertEqual((segment.version, segment.magic, segment.length),
                         (0x05060708, message.MAGIC, 899))
        self.assertEqual(self.numbers, [
            message.SHARED_KEY, ctypes.sizeof(message.SharedSegment), message.MESSAGE_SIZE,
            ctypes.sizeof(message.SharedData), message.SharedData.dataReady.offset,
            *(getattr(message.SharedSegment, name).offset
              for name in ('version', 'magic', 'length'))])

    def test_these_tests_write_segments_as_c_lays_them_out(self):
        self.assertEqual(self.image, support.contents(
            b'm' * 899, pid=0x01020304, version=0x05060708))
        self.assertEqual([support.SIZE, support.DATA_SIZE, support.VERSION_OFFSET],
                         [self.numbers[i] for i in (1, 3, 5)])

    def test_the_help_names_the_key(self):
        for program in support.WRITER, support.C_READER, PYTHON_READER:
            text = self.run_program(program, '--help').out.decode()
            self.assertEqual(re.findall(r'default (\d{4,})\b', re.sub(r'\s+', ' ', text))[0],
                             str(self.numbers[0]))


@of_each(reader=SEGMENT_READERS)
class Cpp(TestCase):
    def test_a_writer_in_cpp_is_read(self):
        compilers = [name for name in ('g++', 'clang++') if shutil.which(name)]
        self.require(compilers, 'there is no C++ compiler')
        program = self.temporary_directory() / 'cpp_writer'
        for compiler in compilers:
            self.key = self.new_key()
            subprocess.run([compiler, '-std=c++17', '-Wall', '-Wextra', '-Wpedantic', '-Werror',
                            '-x', 'c++', '-Iinclude', '-o', program, '-'],
                           cwd=TOP, check=True, input=CPP_WRITER.encode())
            self.assert_done(self.run_program([program], self.key))
            self.assert_warned(self.read(), 'carries no version',
                               out=self.story(b'Hello from C++!', 4711))
