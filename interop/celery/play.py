"""Plays scenarios against the broker in $BROKER: play.py SCENARIO.... Starts its own workers."""
import datetime
import os
import signal
import subprocess
import sys
import tempfile
import time

from celery import chain, chord

from tasks import add, app, slow, third_time, total

PATIENCE = 60


def worker():
    # A process group of its own, so that its end takes its children along.
    return subprocess.Popen([sys.executable, "-m", "celery", "-A", "tasks", "worker", "--loglevel=error", "--concurrency=1",
                             "--without-mingle", "--hostname", f"w{time.time_ns()}@localhost"], start_new_session=True)


def end(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(what):
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def plain():
    assert add.delay(2, 3).get(timeout=PATIENCE) == 5
    assert [r.get(timeout=PATIENCE) for r in [add.delay(i, i) for i in range(20)]] == [2 * i for i in range(20)]


def retries():
    assert third_time.delay().get(timeout=PATIENCE) == 2


def countdown():
    begun = time.monotonic()
    assert add.apply_async((1, 1), countdown=1).get(timeout=PATIENCE) == 2
    assert time.monotonic() - begun >= 0.9


def eta():
    begun = time.monotonic()
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    assert add.apply_async((1, 1), eta=at).get(timeout=PATIENCE) == 2
    assert time.monotonic() - begun >= 0.9


def chords():
    """Lists, for over a generator Celery 5.2 never counts the parts, whatever the broker."""
    assert chord([add.s(i, i) for i in range(10)], total.s())().get(timeout=PATIENCE) == 90
    assert chain(chord([add.s(i, i) for i in range(3)], total.s()), add.s(1))().get(timeout=PATIENCE) == 7


def inspect():
    until(lambda: app.control.inspect(timeout=2).ping())


def revoke():
    result = add.apply_async((1, 1), countdown=3)
    until(lambda: app.control.revoke(result.id, reply=True, timeout=2))
    try:
        result.get(timeout=PATIENCE)
    except Exception as e:
        assert type(e).__name__ == "TaskRevokedError", e
    else:
        raise AssertionError("it ran")


def killed():
    global process
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/begun"
        result = slow.delay(path)
        until(lambda: os.path.exists(path))
        end(process)
        process = worker()
        assert result.get(timeout=PATIENCE) is True, "not marked redelivered"


process = worker()
try:
    for name in sys.argv[1:]:
        globals()[name]()
        print("ok", name, flush=True)
finally:
    end(process)
