"""A stream whose `compute` only begins something: finished in another thread, in order, or abandoned."""

import threading
from queue import SimpleQueue

import pytest

from mcfast.stream import Stream


def run(
    items, *, compute=lambda loaded: loaded, finish=lambda begun: begun * 10, abandon=lambda begun: None, **options
):
    settings = {"in_flight": 4, "ordered": True, **options}
    return Stream(
        items,
        lambda item: item,
        compute,
        lambda item, error: (item, str(error)),
        **settings,
        finish=finish,
        abandon=abandon,
    )


def test_outputs_are_finished_in_order():
    assert list(run(range(50))) == [10 * one for one in range(50)]
    assert sorted(run(range(50), ordered=False)) == [10 * one for one in range(50)]


def test_the_next_is_begun_while_the_last_is_finished():
    begun, both = [], threading.Event()

    def compute(value):
        begun.append(value)
        if len(begun) == 2:
            both.set()
        return value

    def finish(value):
        assert both.wait(10), "the second is begun before the first is finished"
        return value

    assert list(run([1, 2], compute=compute, finish=finish)) == [1, 2]


@pytest.mark.parametrize("where", ["compute", "finish"])
def test_a_bad_item_fails_alone(where):
    def fail_on_two(value):
        if value == 2:
            raise ValueError("no good")
        return value

    stages = {"finish": lambda begun: begun, where: fail_on_two}
    assert list(run([1, 2, 3], **stages)) == [1, (2, "no good"), 3]


def noting(queue):
    def note(value):
        queue.put(value)
        return value

    return note


def test_what_is_begun_is_finished_or_abandoned():
    for taken in (0, 1, 3):
        begun, ended = SimpleQueue(), SimpleQueue()
        with run(range(40), compute=noting(begun), finish=noting(ended), abandon=noting(ended)) as stream:
            for _ in range(taken):
                next(stream)
        assert begun.qsize() == ended.qsize() >= taken
        assert {begun.get() for _ in range(begun.qsize())} == {ended.get() for _ in range(ended.qsize())}


def test_an_interrupt_ends_the_stream():
    def interrupt(value):
        raise KeyboardInterrupt

    stream = run([1, 2, 3], finish=interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert stream.cancelled


def test_the_seconds_of_finishing_are_counted():
    stream = run(range(5))
    list(stream)
    assert {"load", "compute", "finish", "latency"} <= set(stream.counters().stages)
