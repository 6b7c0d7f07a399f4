"""The telling inputs of fuzz.c, in corpus/, through the real programs: C and Python answer alike,
and what a person sees is text that doesn't drive the terminal."""
import os
import unicodedata

from support import (
    PYTHON_QUEUE_READER, PYTHON_QUEUE_WRITER, PYTHON_READER, PYTHON_WRITER, QUEUE,
    SEGMENT_WRITERS, SIZE, TOP)
from test_agreement import Agreement, common

WAYS = [], ['-f'], ['-r'], ['-f', '-r']


def corpus(target):
    """(name, bytes) of each input."""
    return [(path.name, path.read_bytes())
            for path in sorted((TOP / 'tests/checks/corpus' / target).iterdir())]


class Corpus(Agreement):
    def assert_harmless(self, *arguments):
        """What is printed is UTF-8 without control characters but newline and tab."""
        out = self.run_program(self.counterpart(), *arguments).out.decode()
        self.assertEqual([c for c in out if unicodedata.category(c) == 'Cc' and c not in '\n\t'], [])


class CorpusOfSegments(Corpus):
    def test_the_readers_agree_on_the_telling_segments(self):
        for name, data in corpus('segment'):
            if len(data) > SIZE:  # torn: two seconds, which test_agreement.py spends already
                continue
            memory = self.new_segment(data[:SIZE].ljust(SIZE, b'\0'))
            for way in WAYS:
                self.compare('-k', self.key, *way, what=name)
                if '-r' not in way:
                    self.assert_harmless('-k', self.key, *way)
            memory.remove()


class CorpusOfQueues(Corpus):
    program = PYTHON_QUEUE_READER
    medium = QUEUE

    def test_the_readers_agree_on_the_telling_messages(self):
        queue = self.new_queue()
        for name, data in corpus('queue'):
            def fill(message=data):
                self.assertEqual(queue.current_messages, 0)  # taken, or dropped
                self.put(queue, message[1:], kind=message[0])
            for way in WAYS:
                self.compare('-k', self.key, *way, what=name, before=fill)
                if '-r' not in way:
                    fill()
                    self.assert_harmless('-k', self.key, *way)


class CorpusOfInput(Corpus):
    def test_the_writers_agree_on_the_telling_input(self):
        for name, data in corpus('input'):
            self.assertEqual(len({common((each.status, each.out, each.err.encode()), command)
                                  for command in SEGMENT_WRITERS
                                  for each in [self.write('-s', command=command, given=data[1:])]}),
                             1, name)
            self.assert_nothing_left()


class CorpusOfCommandLines(Corpus):
    def test_all_programs_agree_on_the_telling_command_lines(self):
        for number, self.program in enumerate((PYTHON_WRITER, PYTHON_QUEUE_WRITER, PYTHON_READER,
                                               PYTHON_QUEUE_READER)):
            for name, data in corpus('options'):
                if data[0] == number:
                    words = map(os.fsdecode, data[1:].split(b'\0')[:-1])
                    self.compare('-k', self.key, *words, what=name)
                    self.assert_nothing_left()
