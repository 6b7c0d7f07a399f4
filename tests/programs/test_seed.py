"""Programs that know nothing but struct SharedData, against ours."""
import struct

import sysv_ipc
from support import SEGMENT_READERS, SEGMENT_WRITERS, TestCase, contents, of_each, wait_until

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


@of_each(writer=SEGMENT_WRITERS)
class SimpleReader(TestCase):
    def test_a_simple_reader_reads_our_messages_each_without_remains_of_a_longer_one(self):
        writer = self.start_stream()
        self.assertEqual(simple_read(self.key), (0, '', False))
        for number, text in enumerate(('x' * 899, 'short', '', 'Grüße', 'y' * 100), 1):
            writer.send(text + '\n')
            wait_until(lambda n=number: self.version() == 2 * n, 'the line is published')
            self.assertEqual(simple_read(self.key), (writer.pid, text, True))
            self.assertEqual(self.segment().read(), contents(
                text.encode(), pid=writer.pid, version=2 * number))


    def test_our_message_leaves_nothing_of_a_longer_one_that_a_simple_program_wrote_between(self):
        writer = self.start_stream()
        for number, text in enumerate(('one', 'two'), 1):
            simple_write(self.segment(), 77, b'x' * 899)
            writer.send(text + '\n')
            wait_until(lambda n=number: self.version() == 2 * n, 'the line is published')
            self.assertEqual(self.segment().read(), contents(
                text.encode(), pid=writer.pid, version=2 * number))


@of_each(reader=SEGMENT_READERS)
class SimpleWriter(TestCase):
    def test_our_readers_read_a_simple_writers_message(self):
        memory = self.new_segment(bytes(1024))
        simple_write(memory, 77, b'Hello from C++!')
        self.assert_warned(self.read('-f'), 'carries no version', out=b'77: Hello from C++!\n')

    def test_our_readers_read_what_a_simple_writer_puts_over_our_writers_message(self):
        self.start_writer('-m', 'Hello from ours')
        for text in b'Hello from C++, and longer', b'short', b'', b'x' * 899:
            simple_write(self.segment(), 77, text)
            self.assert_done(self.read('-r'), text + b'\n')
