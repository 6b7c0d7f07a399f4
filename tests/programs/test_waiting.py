"""Readers that wait: --wait, alone and with --follow."""
from support import NOTHING_YET, READERS, SEGMENT, TestCase, of_each


@of_each(reader=READERS)
class Waiting(TestCase):
    def test_a_reader_waits_for_the_segment_or_queue(self):
        reader = self.start_reader('-w')
        reader.wait_for('Attempting to connect')
        writer = self.start_writer('-m', 'at last')
        self.assert_done(reader.result(), self.story(b'at last', writer.pid))

    def test_a_reader_waits_for_the_first_message(self):
        writer = self.start_stream()
        reader = self.start_reader('-w')
        reader.wait_for('Attempting to connect')
        writer.send('at last\n')
        self.assert_done(reader.result(), self.story(b'at last', writer.pid))

    def test_a_reader_waits_through_the_leaving_of_a_silent_writer(self):
        writer = self.start_stream()
        reader = self.start_reader('-rw')
        reader.wait_for_state('S')
        writer.finish()
        self.start_writer('-m', 'of the next')
        self.assert_done(reader.result(), b'of the next\n')

    def test_a_reader_does_not_wait_where_there_is_a_message(self):
        self.start_writer('-m', 'Hello')
        self.assert_done(self.read('-rw'), b'Hello\n')

    def test_a_message_is_read_however_fast_its_writer_leaves(self):
        for number in range(5):
            writer = self.start_stream()
            reader = self.start_reader('-rw')
            reader.wait_for_state('S')
            writer.send(f'{number}\n')
            writer.close_input()
            self.assert_done(reader.result(), b'%d\n' % number)
            writer.result()


@of_each(reader=READERS)
class Leaving(TestCase):
    def test_a_message_is_not_left_behind_if_its_writer_leaves_behind_it(self):
        """Between the reader's looks for writers and for the segment or queue."""
        writer = self.start_writer('-m', 'Hello')
        reader = self.start_to_stop('semget', 1, self.reader, '-r')
        self.assert_left(writer.finish())
        reader.resume()
        self.assert_done(reader.result(), b'Hello\n')


@of_each(reader=READERS)
class LeftBehind(TestCase):
    def test_a_message_left_behind_is_a_first_message_and_following_ends_with_a_warning(self):
        for options in ['-w'], ['-t60'], ['-fw'], ['-f']:
            self.start_writer('-m', 'testament').kill()
            result = self.read('-r', *options)
            self.assert_warned(result, 'no writer is alive', out=b'testament\n')
            self.assertEqual(result.err.count('no writer is alive'), 1, result)

    def test_without_a_set_nobody_knows_whether_a_writer_is_alive(self):
        self.start_writer('-m', 'Hello')
        self.remove_set()
        for options in (['-r'], ['-fr'])[:2 if self.medium is SEGMENT else 1]:
            result = self.read(*options)
            self.assert_warned(result, 'set is missing, so nobody knows whether a writer is alive')
            self.assertNotIn('no writer is alive', result.err)


@of_each(reader=READERS)
class WaitingFollowers(TestCase):
    def test_a_follower_that_waits_is_there_before_the_first_writer(self):
        follower = self.start_reader('-fw')
        writer = self.start_stream()
        for text in 'one', 'two':
            writer.send(text + '\n')
            follower.wait_for(f'{writer.pid}: {text}\n')
        self.assert_left(writer.finish())
        self.assert_done(follower.result())

    def test_a_follower_waits_for_the_first_message_of_the_next_writer(self):
        for options in ['-frw'], ['-frt60']:
            silent = self.start_stream()
            follower = self.start_follower(*options)
            follower.wait_for_state('S')
            silent.finish()
            writer = self.start_stream()
            writer.send('at last\n')
            follower.wait_for('at last\n')
            writer.finish()
            self.assert_done(follower.result(), b'at last\n')

    def test_a_silent_writer_is_waited_for_no_longer_than_the_user_wants(self):
        self.start_stream()
        for options in '-ft0', '-ft0.2':
            result = self.read(options)
            self.assert_refused(result, NOTHING_YET, f'key {self.key}: no', 'with --wait')
            self.assertEqual(result.out, b'')
