"""Runs a Python program of ours a thousand times: starting a Python each time would take minutes.

Run as a program, this is a server that imports what the script at argv[1] imports, and then forks a
child for each command line on its standard input, in which the script runs.
"""
import json
import os
import runpy
import subprocess
import sys
import traceback


def run(script, arguments):
    """The exit status."""
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name='__main__')
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
    runpy.run_path(script, run_name='imported')
    for line in sys.stdin:
        pipes = [os.pipe() for _ in range(2)]
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for descriptor, (_, end) in enumerate(pipes, 1):
                os.dup2(end, descriptor)
            status = run(script, json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        texts = []
        for ours, theirs in pipes:
            os.close(theirs)
            with open(ours, 'rb') as pipe:
                texts.append(pipe.read().decode('latin-1'))
        status = os.waitpid(child, 0)[1]
        print(json.dumps([os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status),
                          *texts]), flush=True)


class PythonServer:
    """Its clients' side. To be closed at the end."""

    def __init__(self, command):
        self.process = subprocess.Popen([sys.executable, __file__, command[-1]],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *arguments):
        """(status, stdout, stderr), as bytes."""
        self.process.stdin.write(json.dumps([str(word) for word in arguments]).encode() + b'\n')
        self.process.stdin.flush()
        status, out, err = json.loads(self.process.stdout.readline())
        return status, out.encode('latin-1'), err.encode('latin-1')

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


if __name__ == '__main__':
    serve(sys.argv[1])
