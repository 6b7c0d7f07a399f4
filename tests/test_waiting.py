"""Readers that wait: --wait, alone and with --follow."""
from support import DONE, NOTHING_YET, READERS, SEGMENT_READERS, TestCase, of_each, wait_until


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


@of_each(reader=SEGMENT_READERS)
class LeftBehind(TestCase):
    def test_it_is_said_of_each_message_that_is_left_behind(self):
        self.start_writer('-m', 'testament').kill()
        follower = self.start_reader('-frw')
        follower.wait_for_error('no writer is alive')
        heir = self.start_writer('-m', 'heir')
        follower.wait_for('heir\n')
        heir.kill()
        self.assertEqual(follower.result().err.count('no writer is alive'), 2)

    def test_waiting_goes_on_when_it_is_removed(self):
        self.leave_behind()
        follower = self.start_reader('-frw')
        follower.wait_for_error('no writer is alive')
        self.remove_object()

        def detached():
            with open(f'/proc/{follower.pid}/maps', encoding='utf-8', errors='replace') as maps:
                return 'SYSV' not in maps.read()
        wait_until(detached, 'it is detached')
        heir = self.start_stream()
        heir.send('heir\n')
        follower.wait_for('heir\n')
        heir.finish()
        self.assert_status(follower.result(), DONE)


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
        for options in ['-frw'], ['-frw60']:
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
        for options in '-fw0', '-fw0.2':
            result = self.read(options)
            self.assert_refused(result, NOTHING_YET, f'key {self.key}: no', 'with --wait')
            self.assertEqual(result.out, b'')

    def test_a_message_left_behind_is_shown_and_the_waiting_for_a_living_writer_goes_on(self):
        self.start_writer('-m', 'testament').kill()
        follower = self.start_reader('-frw')
        follower.wait_for('testament\n')
        follower.wait_for_error('no writer is alive; the message was left behind by process')
        writer = self.start_stream()
        writer.send('heir\n')
        follower.wait_for('heir\n')
        writer.finish()
        result = follower.result()
        self.assertEqual((result.status, result.out), (DONE, b'testament\nheir\n'), result)
        self.assertEqual(result.err.count('no writer is alive'), 1, result)

    def test_waiting_goes_on_when_what_was_left_behind_is_replaced(self):
        self.leave_behind()
        follower = self.start_reader('-frw')
        follower.wait_for_error('no writer is alive')
        writer = self.start_stream()  # finds a channel without a set
        writer.send('heir\n')
        follower.wait_for('Hello\nheir\n')
        self.assert_status(writer.finish(), DONE)
        self.assert_status(follower.result(), DONE)

    def test_with_a_message_left_behind_alone_waiting_ends_well_when_the_time_is_over(self):
        self.leave_behind()
        self.assert_warned(self.read('-frw0.2'), 'no writer is alive', out=b'Hello\n')
