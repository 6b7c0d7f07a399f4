"""Writers and readers in C and Python: whoever writes and reads, it is the same message."""
from support import READERS, TestCase, WRITERS, of_each

TEXTS = 'one', 'Grüße, Welt 😀', '', 'x' * 899, 'tab\tand \x1b[31mcontrol', 'two', 'two', '%s%n'


@of_each(writer=WRITERS, reader=READERS)
class Combinations(TestCase):
    def start_other(self, *arguments):
        """A writer in the other language."""
        command, = (each for each in WRITERS if each.medium is self.medium
                    and each.language != self.writer.language)
        return self.start_writer(*arguments, command=command)

    def test_plain_messages_arrive_whole(self):
        for text in TEXTS:
            self.start_writer('-m', text)
            self.assert_done(self.read('-r'), text.encode() + b'\n')

    def test_streamed_messages_arrive_whole_and_in_order(self):
        writer = self.start_stream()
        follower = self.start_follower()
        expected = b''
        for text in TEXTS:
            expected += (f'{writer.pid}: ' + text.replace('\x1b', '\\x1b') + '\n').encode()
            writer.send(text + '\n')
            follower.wait_for(expected)
        self.assert_left(writer.finish())
        self.assert_done(follower.result(), expected)
        self.assert_nothing_left()

    def test_writers_in_both_languages_share_a_channel_and_the_last_one_removes_it(self):
        first = self.start_other('-m', 'one')
        self.assert_done(self.read('-r'), b'one\n')
        second = self.start_writer('-m', 'two')
        self.assertTrue(second.out.startswith(self.opening('joined')), second.out)
        self.assertEqual((self.live(), self.lock()), (2, 0))
        self.assert_done(self.read('-r'), b'two\n')
        self.assert_left(first.finish(), others=1)
        third = self.start_other('-m', 'three')
        self.assert_left(second.finish(), others=1)
        self.assert_done(self.read('-r'), b'three\n')
        self.assert_left(third.finish())
        self.assert_nothing_left()

    def test_what_a_killed_writer_left_is_taken_over_in_the_other_language(self):
        killed = self.start_other('-m', 'testament')
        killed.kill()
        self.assert_warned(self.read('-r'), 'no writer is alive', killed.pid, out=b'testament\n')
        heir = self.start_writer('-m', 'heir')
        self.assertTrue(heir.out.startswith(self.opening('taken over')), heir.out)
        self.assert_done(self.read('-r'), b'heir\n')
        self.assert_warned(heir.finish(), 'left behind')
        self.assert_nothing_left()

    def test_a_stopped_writer_of_the_other_language_disturbs_nobody(self):
        stopped = self.start_other('-m', 'before')
        self.assert_done(self.read('-r'), b'before\n')
        stopped.stop()
        writer = self.start_writer('-m', 'after')
        self.assert_done(self.read('-r'), b'after\n')
        self.assert_left(writer.finish(), others=1)
        stopped.resume()
        stopped.enter()
        self.assert_left(stopped.result())
        self.assert_nothing_left()

    def test_a_follower_sees_each_of_two_writers_in_both_languages(self):
        writers = [self.start_stream(command=command) for command in WRITERS
                   if command.medium is self.medium]
        follower = self.start_follower('-r')
        expected = b''
        for number in range(10):
            writers[number % 2].send(f'{number}\n')
            expected += b'%d\n' % number
            follower.wait_for(expected)
        for others, writer in (1, writers[0]), (0, writers[1]):
            self.assert_left(writer.finish(), others)
        self.assert_done(follower.result(), expected)
