"""C's header and Python's constants describe the same bytes."""
import re
import sys

import support
from support import PYTHON_READER, TOP, TestCase, compile_c

sys.path.insert(1, str(TOP / 'scripts'))
import shared_data  # noqa: E402


class Layout(TestCase):
    def setUp(self):
        super().setUp()
        program = self.temporary_directory() / 'layout'
        compile_c(program, 'tests/layout.c')
        numbers, _, self.image = self.run_program([program]).out.partition(b'\n')
        self.numbers = [int(number) for number in numbers.split()]

    def test_python_reads_every_field_where_c_put_it(self):
        self.assertEqual(shared_data.SHARED_DATA.unpack_from(self.image),
                         (0x01020304, b'm' * 899 + b'\0', 1))
        self.assertEqual(shared_data.TAIL.unpack_from(self.image, shared_data.VERSION_OFFSET),
                         (0x05060708, shared_data.MAGIC))
        key, size, message_size, data_size, version_offset = self.numbers
        self.assertEqual((shared_data.KEY, shared_data.SIZE, shared_data.VERSION_OFFSET),
                         (key, size, version_offset))
        self.assertEqual((message_size, data_size, len(self.image)), (900, 908, 1024))

    def test_these_tests_write_segments_as_c_lays_them_out(self):
        image = support.contents(b'm' * 899, pid=0x01020304, version=0x05060708, length=0)
        self.assertEqual(image, self.image)
        self.assertEqual(support.VERSION_OFFSET, shared_data.VERSION_OFFSET)

    def test_the_help_names_the_key(self):
        for program in support.WRITER, support.C_READER, PYTHON_READER:
            text = self.run_program(program, '--help').out.decode()
            self.assertEqual(re.findall(r'default (\d{4,})\b', re.sub(r'\s+', ' ', text))[0],
                             str(self.numbers[0]))
