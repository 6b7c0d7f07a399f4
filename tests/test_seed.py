"""Programs that know nothing but struct SharedData, against ours."""
import struct

import sysv_ipc
from support import C_READER, DONE, PYTHON_READER, TestCase, contents, wait_until

SHARED_DATA = struct.Struct('i900s?')


def simple_read(key):
    """A whole simple reader: (pid, message, ready)."""
    memory = sysv_ipc.SharedMemory(key)
    pid, message, ready = SHARED_DATA.unpack(memory.read()[:SHARED_DATA.size])
    memory.detach()
    return pid, message.rstrip(b'\0').decode('utf-8'), ready


def simple_write(memory, pid, text):
    """A whole simple writer; strcpy() leaves what stands behind the NUL."""
    memory.write(struct.pack('i', pid))
    memory.write(text + b'\0', 4)
    memory.write(b'\1', 904)


class Simple(TestCase):
    def test_a_simple_reader_reads_our_writers_message(self):
        writer = self.start_writer('-m', 'Grüße')
        self.assertEqual(simple_read(self.key), (writer.pid, 'Grüße', True))

    def test_a_simple_reader_reads_a_shorter_message_behind_a_longer_one(self):
        writer = self.start_stream()
        self.assertEqual(simple_read(self.key), (0, '', False))
        for number, text in enumerate(('x' * 899, 'short', '', 'longer again'), 1):
            writer.send(text + '\n')
            wait_until(lambda n=number: self.version() == 2 * n, 'the line is published')
            self.assertEqual(simple_read(self.key), (writer.pid, text, True))

    def test_a_simple_reader_reads_behind_a_repaired_message(self):
        self.new_segment(contents(b'x' * 899, version=3, length=1))
        writer = self.start_writer('-m', 'whole')
        self.assertEqual(simple_read(self.key), (writer.pid, 'whole', True))

    def test_our_readers_read_a_simple_writers_message(self):
        memory = self.new_segment(bytes(1024))
        simple_write(memory, 77, b'Hello from C++!')
        for reader in C_READER, PYTHON_READER:
            result = self.run_program(reader, '-f', '-k', self.key)
            self.assert_refused(result, DONE, 'carries no version')
            self.assertEqual(result.out, b'77: Hello from C++!\n')

    def test_our_readers_read_what_a_simple_writer_puts_over_our_writers_message(self):
        self.start_writer('-m', 'Hello from ours')
        for text in b'Hello from C++, and longer', b'short', b'', b'x' * 899:
            simple_write(self.segment(), 77, text)
            for reader in C_READER, PYTHON_READER:
                self.assert_done(self.run_program(reader, '-r', '-k', self.key), text + b'\n')
