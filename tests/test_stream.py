"""The pipeline alone, on items that are no images: order, bounds, failures, and a clean stop."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcfast.latency import Latency, Quantiles
from mcfast.stream import Stream


class Bad(Exception):
    pass


def failed(item, error):
    return (item, type(error).__name__, str(error))


def run(items, load=lambda item: item, compute=lambda loaded: loaded * 10, in_flight=2, ordered=True, **options):
    return Stream(items, load, compute, failed, in_flight, ordered, **options)


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


def test_numbers_below_one_are_refused_at_once():
    with pytest.raises(ValueError, match=r"stream\(in_flight\): expected at least 1, got 0"):
        run([], in_flight=0)
    with pytest.raises(ValueError, match=r"stream\(loaders\): expected at least 1, got 0"):
        run([], loaders=0)


def test_loading_computing_and_consuming_overlap():
    """The consumer holds the first output until the second is being computed and the third being loaded."""
    computing, loading = threading.Event(), threading.Event()

    def load(item):
        if item == 2:
            loading.set()
        return item

    def compute(item):
        if item == 1:
            computing.set()
            assert loading.wait(30)
        return item

    results = run([0, 1, 2], load=load, compute=compute, in_flight=3)
    assert next(results) == 0
    assert computing.wait(30)
    assert loading.wait(30)
    assert list(results) == [1, 2]


@pytest.mark.parametrize("loaders", [1, 2])
def test_as_many_load_at_once_as_there_are_loaders(loaders):
    busy, most, lock = [0], [0], threading.Lock()
    meet = threading.Barrier(loaders)

    def load(item):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        meet.wait(30)
        with lock:
            busy[0] -= 1
        return item

    assert list(run(range(8), load=load, in_flight=4, loaders=loaders)) == [10 * item for item in range(8)]
    assert most[0] == loaders


@pytest.mark.parametrize("where", ["load", "compute"])
@pytest.mark.parametrize("ordered", [True, False])
def test_cancel_wakes_a_waiting_consumer(where, ordered):
    begun, release = threading.Event(), threading.Event()

    def block(item):
        begun.set()
        assert release.wait(30)
        return item

    results = run(range(100), in_flight=4, ordered=ordered, **{where: block})
    seen = []
    consumer = threading.Thread(target=lambda: seen.extend(results))
    consumer.start()
    assert begun.wait(30)
    results.cancel()
    release.set()
    consumer.join(30)
    assert not consumer.is_alive()
    assert seen == []
    assert results.cancelled
    assert list(results) == [], "an ended stream stays ended"


def test_a_forgotten_stream_lets_its_threads_end():
    before = threading.active_count()
    results = run(range(1000), in_flight=4)
    next(results)
    del results
    patience = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < patience:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_with_block_closes():
    before = threading.active_count()
    with run(range(1000)) as results:
        next(results)
    assert results.cancelled
    assert threading.active_count() == before


def test_outputs_go_to_one_of_several_consumers():
    results, seen = run(range(200), in_flight=5), [[], []]
    consumers = [threading.Thread(target=lambda mine=mine: mine.extend(results)) for mine in seen]
    for consumer in consumers:
        consumer.start()
    for consumer in consumers:
        consumer.join(30)
    assert sorted(seen[0] + seen[1]) == [10 * item for item in range(200)]


def test_counters_count():
    def fail_on_two(value):
        if value == 2:
            raise Bad("no good")
        return value

    results = run(range(4), load=fail_on_two, stages=lambda output: {"half": output / 2})
    assert results.counters().per_second == 0
    assert next(results) == 0
    counted = results.counters()
    assert (counted.taken, counted.done, counted.held) == (2, 1, 1)
    list(results)
    counted = results.counters()
    assert (counted.taken, counted.done, counted.failed, counted.held) == (4, 4, 1, 0)
    assert counted.per_second == pytest.approx(4 / counted.seconds)
    assert counted.stages["half"].count == 3, "what failed has no stages"
    assert set(counted.stages) == {"half", "load", "compute", "latency"}
    results.record({"write": 2.0})
    results.record({"write": 3.0})
    assert results.counters().stages["write"] == Quantiles(2, 2.0, 3.0, 3.0)
    for stage in ("load", "compute"):
        assert 0 <= counted.stages[stage].p50 <= counted.stages["latency"].longest


def test_quantiles_are_nearest_ranks_of_the_last_window():
    latency = Latency(window=200)
    for value in [1e9, *range(1, 201)]:  # the first falls out of the window
        latency.record({"stage": float(value)})
    found = latency.counters().stages["stage"]
    assert (found.count, found.p50, found.p99, found.longest) == (200, 100, 198, 200)
    one = Latency()
    one.record({"stage": 7.0})
    assert one.counters().stages["stage"] == Quantiles(1, 7.0, 7.0, 7.0)


def test_an_interrupt_is_not_swallowed():
    def compute(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run([1], compute=compute))
