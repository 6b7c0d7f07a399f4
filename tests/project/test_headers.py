"""What channel.h promises of calls that fail, and no program shows, because it ends then."""
import errno

from support import (
    CHANNEL, LIVE, SETVAL, TestCase, compile_c, id_of, libc, new_set, objects_of, slow,
    without_rights_of_root, works)


class Held(TestCase):
    def setUp(self):
        super().setUp()
        self.program = self.temporary_directory() / 'held'
        compile_c(self.program, 'tests/lib/held.c', *CHANNEL)

    def start_it(self, what, *prefix):
        program = self.start([*prefix, self.program, what, self.key])
        program.wait_for('ready\n')
        return program

    def check(self, program, error, attached=0, live=0):
        """After it has failed with this error, this is how things stand."""
        program.enter()
        program.wait_for(f': {error}\n')
        self.assertEqual(self.attached(), attached)
        if id_of('set', self.set_key) is not None:
            self.assertEqual((self.live(), self.lock()), (live, 0))

    def test_a_join_that_finds_a_stranger_leaves_it_alone_and_holds_nothing(self):
        for data in b'x' * 1024, b'x':
            self.key = self.new_key()
            self.new_segment(data)
            self.check(self.start_it('join'), errno.EEXIST, attached=1)
            self.assertEqual(objects_of(self.key), ['segment'])

    def test_a_join_that_may_not_write_to_the_segment_holds_nothing(self):
        prefix = without_rights_of_root()
        self.require(works([*prefix, 'true']), 'setpriv cannot take rights away here')
        self.new_segment(bytes(1024), mode=0o400).detach()
        self.check(self.start_it('join', *prefix), errno.EACCES)
        self.assertEqual(objects_of(self.key), ['segment'])

    @slow
    def test_a_join_that_waited_for_the_lock_in_vain_is_not_counted(self):
        new_set(self.set_key, 2)
        holder = self.start_holder()
        joining = self.start_it('join')
        joining.enter()
        joining.wait_for(f'semaphores: {errno.EAGAIN}\n')
        self.assertEqual((self.live(), self.lock()), (0, 1))
        holder.kill()
        self.assertEqual(self.lock(), 0)

    def test_who_publishes_to_a_segment_that_was_removed_holds_nothing(self):
        program = self.start_it('publish')
        self.remove_object()
        self.check(program, errno.EIDRM, live=1)

    def test_who_leaves_a_set_that_somebody_has_reset_holds_nothing(self):
        program = self.start_it('leave')
        libc.semctl(id_of('set', self.set_key), LIVE, SETVAL, 0)
        self.check(program, errno.ERANGE)

    def test_an_attachment_that_is_refused_is_none(self):
        self.new_segment(b'x')
        self.check(self.start_it('attach'), errno.EEXIST, attached=1)
