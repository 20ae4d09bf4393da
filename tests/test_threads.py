"""The thread pool: many callers at once, forks, the environment, and the GIL."""

import os
import subprocess
import sys
import threading

import numpy
import pytest
from images import make

import mcfast
from mcfast import _core


def test_many_python_threads_at_once():
    image = make(numpy.uint16, 600, 700, 1)
    disk = mcfast.disk(7)
    expected = mcfast.white_tophat(image, disk, threads=1)
    failures = []

    def work(count):
        for _ in range(10):
            if not numpy.array_equal(mcfast.white_tophat(image, disk, threads=count), expected):
                failures.append(count)

    workers = [threading.Thread(target=work, args=(1 + i % 4,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_the_gil_is_released():
    """Another Python thread gets on with its work while a kernel runs."""
    image = make(numpy.uint16, 3000, 3000, 2)
    counted, done = [0], threading.Event()

    def count():
        while not done.wait(0.0001):
            counted[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        before = counted[0]
        mcfast.erode(image, mcfast.disk(40), threads=1)
        during = counted[0] - before
    finally:
        done.set()
        counter.join()
    assert during > 3  # one could slip in at either end of a call that held the lock


FORK = """
import os, numpy, warnings
import mcfast
warnings.simplefilter("ignore")
image = numpy.arange(1 << 20, dtype=numpy.uint16).reshape(1024, 1024)
expected = mcfast.min_filter(image, 9, threads=2)
child = os.fork()
if child == 0:
    os._exit(0 if numpy.array_equal(mcfast.min_filter(image, 9, threads=2), expected) else 1)
_, status = os.waitpid(child, 0)
assert numpy.array_equal(mcfast.min_filter(image, 9, threads=2), expected)
print(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_computes():
    result = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "0"


@pytest.mark.parametrize("value", ["0", "two", "1000", "2x"])
def test_a_wrong_environment_is_named(monkeypatch, value):
    monkeypatch.setenv("MCFAST_THREADS", value)
    with pytest.raises(ValueError, match=f'MCFAST_THREADS: expected a number from 1 to 256, got "{value}"'):
        _core.default_threads()


def test_the_environment_sets_the_default(monkeypatch):
    monkeypatch.setenv("MCFAST_THREADS", "3")
    assert _core.default_threads() == 3
    monkeypatch.delenv("MCFAST_THREADS")
    assert _core.default_threads() == len(os.sched_getaffinity(0))
