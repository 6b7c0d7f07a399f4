"""Runs Python programs of ours again and again: starting a Python each time would take minutes.

Run as a program, this is a server that imports what the script at argv[1] imports, and then forks a
child for each command line on its standard input, in which the script runs.
"""
import collections
import json
import os
import select
import signal
import subprocess
import sys
import traceback


def run(script, code, arguments):
    """The exit status."""
    sys.argv = [script, *arguments]
    try:
        exec(code, {'__name__': '__main__', '__file__': script})
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def serve(script):
    """[arguments] -> [status, stdout, stderr], one line of JSON each."""
    sys.argv = [script]
    sys.path[0] = os.path.dirname(script)
    with open(script, encoding='utf-8') as file:
        code = compile(file.read(), script, 'exec')
    exec(code, {'__name__': 'imported', '__file__': script})
    for line in sys.stdin:
        pipes = [os.pipe() for _ in range(3)]
        child = os.fork()
        if child == 0:
            os.dup2(pipes[0][0], 0)
            for descriptor in 1, 2:
                os.dup2(pipes[descriptor][1], descriptor)
            os.closerange(3, 64)
            status = run(script, code, json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        texts = []
        for descriptor, ends in enumerate(pipes):
            os.close(ends[1])  # the input, which is over at once, and our copies of the outputs'
            with open(ends[0], 'rb') as pipe:
                if descriptor:
                    texts.append(pipe.read().decode('latin-1'))
        status = os.waitpid(child, 0)[1]
        print(json.dumps([os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status),
                          *texts]), flush=True)


class Server:
    def __init__(self, script):
        self.process = subprocess.Popen([sys.executable, __file__, script], start_new_session=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, arguments, limit):
        self.process.stdin.write(json.dumps(arguments).encode() + b'\n')
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], limit)[0]:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f'{arguments} still runs after {limit} seconds')
        return json.loads(self.process.stdout.readline())


idle = collections.defaultdict(list)  # servers of each script; they end when we do


def run_python(script, arguments, limit):
    """(status, stdout, stderr), as bytes, of the script; its standard input is a pipe's end."""
    server = idle[script].pop() if idle[script] else Server(script)
    status, out, err = server.run([str(word) for word in arguments], limit)
    idle[script].append(server)
    return status, out.encode('latin-1'), err.encode('latin-1')


if __name__ == '__main__':
    serve(sys.argv[1])
