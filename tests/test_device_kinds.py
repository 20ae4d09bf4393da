"""Kinds of images that a slot keeps: which go first, graphs that are found again, memory that is given back."""

import gc
import itertools
from types import SimpleNamespace

import fake_tensorrt
import numpy
import pytest
from test_device_engine import config, same

import mcfast
from mcfast import phantom
from mcfast.device import kept, slot


@pytest.fixture(scope="module")
def views():
    """Three kinds of images, the quickest that there are."""
    image = phantom.mammogram(2, shape=(416, 320), clusters=1).image[100:300, :160]
    return [numpy.ascontiguousarray(image[:rows]) for rows in (120, 140, 160)]


@pytest.fixture(scope="module")
def expected(views):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cpu")
    return [engine(one) for one in views]


def kind_of(size):
    return kept.KeptKind(SimpleNamespace(arrays=SimpleNamespace(size=size)), {}, ())


def test_the_one_used_longest_ago_goes_first():
    kinds = kept.KeptKinds()
    made = {name: kinds.take(name, lambda: kind_of(1)) for name in "abc"}
    assert kinds.take("a", pytest.fail) is made["a"]
    kinds.take("d", lambda: kind_of(1))
    assert all(kinds.take(name, pytest.fail) is made[name] for name in "ca")
    assert len(kinds) == kept.KINDS == 3
    assert kinds.take("b", lambda: kind_of(2)) is not made["b"]


def test_one_goes_before_the_new_one_is_made():
    kinds, held = kept.KeptKinds(), []
    for name in range(5):
        kinds.take(name, lambda: (held.append(len(kinds)), kind_of(1))[1])
    assert held == [0, 1, 2, 2, 2]


def test_memory_bounds_them_too_but_never_the_one_in_work():
    kinds, half = kept.KeptKinds(), kept.KEPT_BYTES // 2
    for name, size, left in (("a", half, 1), ("b", half, 2), ("c", 1, 2), ("d", 3 * half, 1), ("e", half, 1)):
        kinds.take(name, lambda size=size: kind_of(size))
        assert len(kinds) == left
    kinds.clear()
    assert len(kinds) == 0


def test_alternating_sizes_find_their_graphs_again(gpu, views, expected, monkeypatch):
    """And no graph's execution context is changed once it has been captured."""
    captured = set()

    def guarded(name, original):
        def call(self, *arguments):
            if gpu.captures_here and name == "execute_async_v3":
                captured.add(self)
            assert gpu.captures_here or self not in captured, f"{name} on a context that a graph was captured from"
            return original(self, *arguments)

        return call

    for name in ("execute_async_v3", "set_input_shape", "set_tensor_address", "set_optimization_profile_async"):
        original = getattr(fake_tensorrt.IExecutionContext, name)
        monkeypatch.setattr(fake_tensorrt.IExecutionContext, name, guarded(name, original))
    engine, graphs = mcfast.Engine(config(spacing_mm=0.14), "cuda"), []
    for index in (0, 0, 1, 1) * 4:
        same(engine(views[index]), expected[index])
        graphs.append(gpu.graphs)
    # Both slots see each kind launch by launch, then capture it; after that there is nothing left to do.
    assert graphs == [0, 0, 0, 0, 1, 2, 3, 4, *[4] * 8]
    assert gpu.log.count("graph") == 12
    assert len(captured) == 8, "two classifiers of two kinds in two slots"


def test_a_stream_of_three_sizes_in_turn(gpu, views, expected):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    turns = list(itertools.islice(itertools.cycle((0, 1, 2, 2)), 12))
    with engine.stream([views[index] for index in turns], in_flight=4) as stream:
        for index, result in zip(turns, stream, strict=True):
            same(result, expected[index])
    assert gpu.graphs <= 6 and gpu.log.count("graph") >= 12 - 6


def test_what_is_too_many_is_given_back(gpu, views, expected, monkeypatch):
    """Of two that are kept, the third kind frees the first, which begins anew."""
    monkeypatch.setattr(kept, "KINDS", 2)
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    streams = {one.stream.handle for one in engine._way.pipeline.slots}

    def arrays():
        """How many kinds' arrays there are: each is one block as large as its layout."""
        gc.collect()
        sizes = {one.frame.arrays.size for own in engine._way.pipeline.slots for one in own._kinds._kinds.values()}
        return sum(len(block.bytes) in sizes for block in gpu.blocks if block.stream in streams and not block.freed)

    held = []
    for index in (0, 0, 1, 1, 2, 2, 0, 0):
        same(engine(views[index]), expected[index])
        held.append(arrays())
    assert held == [1, 2, 3, 4, 4, 4, 4, 4]
    assert gpu.graphs == 0, "no kind was there for its second image"


def test_kinds_make_room_where_memory_is_missing(gpu, views, expected, monkeypatch):
    """An image that cannot be put on the GPU beside the others' memory is tried again without it; then it fails."""
    engine, made = mcfast.Engine(config(spacing_mm=0.14), "cuda"), slot.Frame
    others = {one.stream.handle: one._kinds for one in engine._way.pipeline.slots}
    tried = []

    def frame(runtime, stream, *arguments):
        tried.append(len(others[stream.handle]))
        if tried[-1]:
            raise MemoryError("no memory is left")
        return made(runtime, stream, *arguments)

    monkeypatch.setattr(slot, "Frame", frame)
    for index in (0, 0, 1, 1, 1, 1):
        same(engine(views[index]), expected[index])
    assert tried == [0, 0, 1, 0, 1, 0] and gpu.graphs == 2

    def never(*arguments):
        raise MemoryError("no memory is left")

    monkeypatch.setattr(slot, "Frame", never)
    for _ in range(2):
        with pytest.raises(MemoryError, match="no memory is left"):
            engine(views[2])
    monkeypatch.setattr(slot, "Frame", made)
    same(engine(views[2]), expected[2])
