"""The pipeline alone, on items that are no images: order, bounds, failures, and a clean stop."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcfast.stream import stream


class Bad(Exception):
    pass


def failed(item, error):
    return (item, type(error).__name__, str(error))


def run(items, load=lambda item: item, compute=lambda loaded: loaded * 10, in_flight=2, ordered=True):
    return stream(items, load, compute, failed, in_flight, ordered)


@given(st.lists(st.integers(0, 99), max_size=30), st.integers(1, 5), st.booleans())
def test_nothing_is_lost_and_order_is_kept(items, in_flight, ordered):
    results = list(run(items, in_flight=in_flight, ordered=ordered))
    expected = [item * 10 for item in items]
    assert (results if ordered else sorted(results)) == (expected if ordered else sorted(expected))


@pytest.mark.parametrize("where", ["load", "compute"])
def test_a_bad_item_is_reported_and_the_rest_goes_on(where):
    def fail_on_two(value):
        if value == 2:
            raise Bad("no good")
        return value

    results = list(run([1, 2, 3], **{where: fail_on_two}))
    assert results[1] == (2, "Bad", "no good")
    assert len(results) == 3


def test_order_is_given_up_on_request():
    gate = threading.Event()

    def load(item):
        if item == "slow":
            assert gate.wait(30)
        return item

    results = run(["slow", "fast"], load=load, compute=str, ordered=False)
    assert next(results) == "fast"
    gate.set()
    assert list(results) == ["slow"]


@pytest.mark.parametrize("in_flight", [1, 2, 4])
def test_never_more_than_in_flight_are_held(in_flight):
    held, most, lock = [0], [0], threading.Lock()

    def load(item):
        with lock:
            held[0] += 1
            most[0] = max(most[0], held[0])
        return item

    for _ in run(range(40), load=load, compute=lambda item: item, in_flight=in_flight):
        time.sleep(0.001)  # lets the loaders run as far ahead as they may
        with lock:
            held[0] -= 1
    assert most[0] <= in_flight


def test_items_are_taken_one_by_one_and_may_be_endless():
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield taken[-1]

    results = run(endless(), in_flight=3)
    assert [next(results) for _ in range(5)] == [0, 10, 20, 30, 40]
    results.close()
    assert len(taken) <= 5 + 3


def test_stopping_leaves_no_thread_behind():
    before = threading.active_count()
    results = run(range(1000), in_flight=4)
    next(results)
    assert threading.active_count() > before
    results.close()
    assert threading.active_count() == before


def test_loading_overlaps_with_computing():
    """While one item is computed the next is being loaded: each waits for the other, so it ends only if both run."""
    loading_next, computing = threading.Event(), threading.Event()

    def load(item):
        if item == 1:
            assert computing.wait(30)
            loading_next.set()
        return item

    def compute(item):
        if item == 0:
            computing.set()
            assert loading_next.wait(30)
        return item

    assert list(run([0, 1], load=load, compute=compute)) == [0, 1]


def test_an_error_of_the_source_comes_after_its_items():
    def source():
        yield 1
        yield 2
        raise Bad("the disk is gone")

    results = run(source(), in_flight=4)
    assert next(results) == 10
    assert next(results) == 20
    with pytest.raises(Bad, match="the disk is gone"):
        next(results)


def test_in_flight_below_one_is_refused_at_once():
    with pytest.raises(ValueError, match=r"stream\(in_flight\): expected at least 1, got 0"):
        run([], in_flight=0)


def test_an_interrupt_is_not_swallowed():
    def compute(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run([1], compute=compute))
