"""What both Python programs share: how scenarios are named, run and reported."""

import select
import subprocess
import sys
import time
import uuid

DEADLINE = 20  # seconds that any one wait may take


class Mismatch(Exception):
    """What came out is not what had to."""


def want(what, got, expected):
    if got != expected:
        raise Mismatch(f"{what}: got {got!r}, want {expected!r}")


def until(done, step, what):
    """Calls step(seconds left) until done() holds."""
    end = time.monotonic() + DEADLINE
    while not done():
        left = end - time.monotonic()
        if left <= 0:
            raise Mismatch(f"waited {DEADLINE} s for {what}")
        step(left)


def unique(name):
    """A name that no other run of any client uses."""
    return f"interop.{name}.{uuid.uuid4().hex[:12]}"


class Worker:
    """A second process that takes one task, says so, and never acknowledges it."""

    def __init__(self, program, url, queue):
        self.process = subprocess.Popen(
            [sys.executable, program, "--worker", url, queue],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def took(self):
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        if not ready:
            raise Mismatch(f"waited {DEADLINE} s for the first worker to take a task")
        return self.process.stdout.readline().strip()

    def die(self):
        self.process.kill()
        self.process.wait(DEADLINE)
        self.process.stdin.close()
        self.process.stdout.close()


def main(scenarios, worker):
    """Runs the named scenarios, or all: PROGRAM URL [SCENARIO...]"""
    if sys.argv[1:2] == ["--worker"]:
        return worker(*sys.argv[2:4])
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} URL [{' | '.join(scenarios)}]...")
    url, names = sys.argv[1], sys.argv[2:] or list(scenarios)
    for name in names:
        try:
            scenarios[name](url)
        except Exception as err:  # whatever it was, it is this scenario's failure
            print(f"FAIL {name}: {type(err).__name__}: {err}", flush=True)
            sys.exit(1)
        print(f"ok {name}", flush=True)
