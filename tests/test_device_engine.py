"""`Engine(device="cuda")` on the emulated GPU: the findings of the CPU, graphs, two images in flight, failures."""

import gc
from importlib import import_module

import fake_tensorrt
import numpy
import pytest

import mcfast
from mcfast import detect, phantom
from mcfast.canonical import at_canonical
from mcfast.detect import DetectorConfig
from mcfast.detect.suppression import suppress
from mcfast.detect.tone import tone_of
from mcfast.errors import DeviceError
from mcfast.runtimes.tensorrt import TensorrtNetwork

FEW = DetectorConfig(limit=150)


@pytest.fixture(scope="module")
def image():
    return phantom.mammogram(2, shape=(416, 320), clusters=1).image


@pytest.fixture(scope="module")
def part(image):
    """Small enough to be worked on many times."""
    return numpy.ascontiguousarray(image[100:300, :160])


def config(**options):
    return mcfast.Config(**{"spacing_mm": 0.28, "detector": FEW, "magnify": "none", **options})


def same(result, expected, *, most_magnified=1):
    """The findings within what float32 rounds; pixels within one count."""
    assert result.status == expected.status
    assert len(result.calcifications) == len(expected.calcifications)
    scores = [one.score for one in result.calcifications]
    assert scores == sorted(scores, reverse=True)
    # Then in order of their places: scores that differ by a rounding may change places.
    ordered = [sorted(found.calcifications, key=lambda one: (one.row, one.col)) for found in (result, expected)]
    for one, other in zip(*ordered, strict=True):
        assert abs(one.score - other.score) < 1e-3 and one.cluster == other.cluster
        assert abs(one.row - other.row) < 1e-3 and abs(one.col - other.col) < 1e-3
        assert abs(one.contrast_to_noise - other.contrast_to_noise) < 1e-2
    assert [one.count for one in result.clusters] == [one.count for one in expected.clusters]
    assert abs(result.score - expected.score) < 1e-3
    numpy.testing.assert_array_equal(result.mask, expected.mask)
    numpy.testing.assert_array_equal(result.image, expected.image)
    assert numpy.abs(result.enhanced.astype(int) - expected.enhanced).max() <= 1
    assert [one.box for one in result.magnified] == [one.box for one in expected.magnified]
    for one, other in zip(result.magnified, expected.magnified, strict=True):
        assert one.pixels.shape == other.pixels.shape
        assert numpy.abs(one.pixels.astype(int) - other.pixels).max() <= most_magnified


@pytest.mark.parametrize("magnify", ["clusters", "breast"])
def test_findings_are_the_cpus(gpu, image, magnify):
    own = config(magnify=magnify, detector=DetectorConfig(limit=1000 if magnify == "breast" else 150))
    engine, expected = mcfast.Engine(own, "cuda"), mcfast.Engine(own, "cpu")(image)
    assert expected.calcifications and expected.magnified
    result = engine(image)
    same(result, expected)
    assert engine.record.device == "cuda: Emulated GPU"
    assert engine.record.runtime == "tensorrt tensorrt_rtx 1.7"
    assert engine.record.device_reason == ""
    assert set(engine.record.models) == {"vgg12", "vgg24", "context24", "fsrcnn"}
    spans = ["device_upload", "device_compute", "device_download"]
    assert list(result.seconds)[-9:] == ["window", "submit", "device", *spans, "cluster", "magnify", "total"]
    assert result.seconds["total"] == pytest.approx(
        sum(result.seconds[stage] for stage in ("read", "window", "submit", "device", "cluster", "magnify"))
    )


@pytest.mark.parametrize("look", ["steep", "hard", "film", "crop"])
def test_where_a_histogram_leaves_doubt_too(gpu, image, look):
    """Fat nearly as dark as air, tones that are lifted, air of film, crops: what the CPU does by default."""
    share, spacing_mm = image / 4095, 0.28
    if look == "steep":
        share = share**3
    elif look == "hard":
        share = numpy.clip((share - 0.14) / 0.76, 0, 1)
    elif look == "film":
        share = numpy.clip(0.8 * share + numpy.random.default_rng(1).normal(0.04, 0.004, image.shape), 0, 1)
    else:
        share, spacing_mm = share[150:350, 10:170], 0.07
    exported = numpy.ascontiguousarray(numpy.rint(65535 * share).astype(numpy.uint16))
    own = config(spacing_mm=spacing_mm, detector=DetectorConfig(limit=400))
    expected = mcfast.Engine(own, "cpu")(exported)
    same(mcfast.Engine(own, "cuda")(exported), expected)
    small, valid, _ = at_canonical(exported, mcfast.read(exported, spacing_mm=spacing_mm), 0.1)
    mask = detect.breast_mask(small, 0.1, max_value=65535, valid=valid)
    if look == "steep":
        assert (mask != detect.breast_mask(small, 0.1, max_value=65535, thorough=False)).any()
        assert expected.calcifications and tone_of(small, mask, 65535.0).exponent < 1
    assert mask.all() == (look == "crop")


def test_padding_bits_and_spacing(gpu, image, tmp_path):
    """Eight bits, two spacings, and a border of padding."""
    from dataclasses import replace

    eight = (image >> 4).astype(numpy.uint8)[:, :251]
    mammogram = mcfast.read(eight, spacing_mm=(0.28, 0.3))
    valid = numpy.ones(eight.shape, bool)
    valid[:20], valid[:, 240:] = False, False
    for one in (mammogram, replace(mammogram, valid=valid)):
        same(mcfast.Engine(config(), "cuda")(one), mcfast.Engine(config(), "cpu")(one))


@pytest.mark.parametrize("magnify", ["clusters", "breast"])
def test_an_image_without_a_breast(gpu, magnify):
    air = numpy.zeros((120, 101), numpy.uint16)
    air[3, 4] = 1
    engine = mcfast.Engine(config(magnify=magnify), "cuda")
    for _ in range(3):
        result = engine(air)
        assert (result.status, result.score, result.magnified) == ("no findings", 0.0, ())
        assert not result.mask.any()


def test_more_candidates_than_a_batch_holds(gpu, part, monkeypatch):
    """The last batch begins earlier, so that all are of one size."""
    from mcfast.device import kind

    monkeypatch.setattr(kind, "LARGEST_BATCH", 64)
    same(mcfast.Engine(config(spacing_mm=0.14), "cuda")(part), mcfast.Engine(config(spacing_mm=0.14), "cpu")(part))


def test_one_graph_for_each_slot_and_kind_of_image(gpu, part):
    engine, other = mcfast.Engine(config(spacing_mm=0.14), "cuda"), numpy.ascontiguousarray(part[:150])
    expected = {id(one): mcfast.Engine(config(spacing_mm=0.14), "cpu")(one) for one in (part, other)}
    graphs = []
    for one in (part,) * 5 + (other,) * 4 + (part,):
        same(engine(one), expected[id(one)])
        graphs.append(gpu.graphs)
    # Two slots take turns: the first image of each goes launch by launch, the second is captured.
    assert graphs == [0, 0, 1, 2, 2, 2, 2, 3, 4, 4]
    launches = gpu.log.count("choose_strongest"), gpu.log.count("graph")
    assert launches == (10, 6), "every image was worked on once; six by launching a graph, the last by an old one"


def test_nothing_is_waited_for_between_upload_and_result(gpu, part):
    engine = mcfast.Engine(config(spacing_mm=0.14, magnify="breast"), "cuda")
    for _ in range(3):  # both slots have sent their tables, the first is captured
        engine(part)
    waits, run, started = [], gpu.run, len(gpu.log)
    gpu.run = lambda stream, last: (None if last.done else waits.append(last), run(stream, last))
    begun = engine._begin(engine._load(part))
    assert waits == [], "the host waits for nothing"
    log = gpu.log[started:]
    assert log[:4] == ["event", "upload", "event", "graph"]
    assert log.count("upload") == 1
    after = log.index("download")
    assert log[after - 1] == "event" and log.count("event") == 4, "outside of the graph"
    assert set(log[after:]) == {"download", "event"} and log[-1] == "event"
    assert log[:after].count("network") == 3
    same(engine._finish(begun), mcfast.Engine(config(spacing_mm=0.14, magnify="breast"), "cpu")(part))
    assert len(waits) == 1, "once for the result"


def test_the_boxes_of_all_clusters_are_waited_for_once(gpu):
    """After the result, which tells where they are."""
    picture = phantom.mammogram(4, shape=(416, 320), clusters=0).image
    for row, column in ((120, 60), (280, 50)):  # two groups that no weights overlook, far from each other
        for down, right in ((0, 0), (7, 3), (3, 9), (11, 10)):
            picture[row + down : row + down + 2, column + right : column + right + 2] += numpy.uint16(1200)
    own = config(magnify="clusters", detector=DetectorConfig(limit=150, cluster_score=0.9))
    engine, expected = mcfast.Engine(own, "cuda"), mcfast.Engine(own, "cpu")(picture)
    assert len(expected.magnified) > 1
    begun = engine._begin(engine._load(picture))
    waits, run, started = [], gpu.run, len(gpu.log)
    gpu.run = lambda *arguments: (waits.append(len(gpu.log) - started), run(*arguments))
    same(engine._finish(begun), expected)
    boxes = len(expected.magnified)
    # Events that are asked for their times look, too; but none between one box and the next.
    assert set(waits) == {0, boxes}, "for the result, and after all of their downloads"
    assert gpu.log[started:] == ["download"] * boxes


def test_the_gpu_has_suppressed_what_comes_down(gpu, image, monkeypatch):
    """Between the networks and the downloads; the host takes its word, and compares only what it has measured."""
    own = config(detector=DetectorConfig(limit=1000, min_score=0.0, apart_mm=0.9, context=0.0, clutter=0.0))
    engine, expected = mcfast.Engine(own, "cuda"), mcfast.Engine(own, "cpu")(image)
    calls, detector = [], import_module("mcfast.detect.detector")
    monkeypatch.setattr(detector, "suppress", lambda *arguments: (calls.append(arguments), suppress(*arguments))[1])
    begun = engine._begin(engine._load(image))
    names = [name for name in gpu.log if name in ("network", "suppress", "download")]
    assert names[:4] == ["network", "network", "suppress", "download"] and names.count("suppress") == 1
    same(engine._finish(begun), expected)
    arrays = begun.state.arrays
    count = int(arrays["count"][0])
    places, scores, stays = (arrays[name][:count] for name in ("places", "scores", "stays"))
    alone = suppress(places.astype(float), scores, 9.0)
    assert numpy.flatnonzero(stays).tolist() == sorted(alone.tolist())
    assert 100 < len(alone) < count - 100, "of both kinds"
    ((measured, their_scores, apart),) = calls
    numpy.testing.assert_array_equal(their_scores, scores[alone])
    assert measured.shape == (len(alone), 2) and (apart >= 9).all()


def test_two_images_are_in_flight_on_two_streams(gpu, part):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    for _ in range(2):
        engine(part)  # sends the tables, which waits
    first, second = (engine._begin(engine._load(one)) for one in (part, part[::-1].copy()))
    assert [len(queue) > 50 for queue in gpu.streams.values() if queue] == [True, True]
    expected = mcfast.Engine(config(spacing_mm=0.14), "cpu")(part[::-1].copy())
    same(engine._finish(second), expected)  # in either order
    same(engine._finish(first), mcfast.Engine(config(spacing_mm=0.14), "cpu")(part))


def test_a_stream_keeps_order_and_isolates_failures(gpu, part):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    flipped = numpy.ascontiguousarray(part[:, ::-1])
    items = [part, "/no/such/file.dcm", flipped, part, numpy.zeros((2, 2, 2, 2)), flipped, part]
    with engine.stream(items, in_flight=4) as stream:
        results = list(stream)
    assert [one.status == "failed" for one in results] == [False, True, False, False, True, False, False]
    with mcfast.Engine(config(spacing_mm=0.14), "cpu").stream(items) as stream:
        for result, expected in zip(results, stream, strict=True):
            if expected.status != "failed":
                same(result, expected)
    assert stream.counters() is not None


def test_a_cancelled_stream_gives_its_slots_back(gpu, part):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    for _ in range(3):
        with engine.stream([part] * 6, in_flight=5) as stream:
            next(stream)
    assert engine._way.pipeline._idle.qsize() == 2
    engine(part)


def test_a_failing_network_fails_its_image_and_no_other(gpu, part, monkeypatch):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    for _ in range(3):
        monkeypatch.setattr(fake_tensorrt.IExecutionContext, "refuses", "execute")
        with pytest.raises(DeviceError, match=r"vgg12.run\(batch\): tensorrt_rtx 1.7 fails in execute_async_v3"):
            engine(part)
        monkeypatch.setattr(fake_tensorrt.IExecutionContext, "refuses", None)
    same(engine(part), mcfast.Engine(config(spacing_mm=0.14), "cpu")(part))


def test_frames_that_no_engine_takes_are_magnified_on_the_host(gpu, part, monkeypatch):
    monkeypatch.setattr(TensorrtNetwork, "takes", lambda self, shape: False)
    for magnify in ("clusters", "breast"):
        own = config(spacing_mm=0.14, magnify=magnify)
        result = mcfast.Engine(own, "cuda")(part)
        same(result, mcfast.Engine(own, "cpu")(part), most_magnified=0)


def test_memory_is_given_back_with_the_engine(gpu, part):
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    results = [engine(part) for _ in range(3)]
    kept = [one.enhanced.copy() for one in results]
    assert any(not block.freed for block in gpu.blocks if block.stream)
    slots = [slot.stream.handle for slot in engine._way.pipeline.slots]
    del engine
    gc.collect()
    constants = {gpu.block_at(memory.pointer) for memory, _ in gpu.constants()}
    left = [block for block in gpu.blocks if block.stream in slots and not block.freed]
    assert set(left) <= constants, "tables are shared by all engines"
    for one, other in zip(results, kept, strict=True):
        numpy.testing.assert_array_equal(one.enhanced, other)
