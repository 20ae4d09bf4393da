"""What the GPU engine counts: upload, computing and downloads by events, and on demand every stage of computing."""

import fake_cuda
import numpy
import pytest
from test_device_engine import config

import mcfast
from mcfast import phantom
from mcfast.device.slot import SPANS


@pytest.fixture(scope="module")
def part():
    image = phantom.mammogram(2, shape=(416, 320), clusters=1).image
    return numpy.ascontiguousarray(image[100:250, :160])


def test_upload_computing_and_downloads_are_counted_one_by_one(gpu, part, monkeypatch):
    """The stand-in's clock moves by one second for an upload, ten for a kernel or network, 100 for a download."""
    engine, now = mcfast.Engine(config(spacing_mm=0.14), "cuda"), [0.0]
    cost, put = {"upload": 1.0, "download": 100.0, "event": 0.0}, gpu.put

    def timed(stream, work):
        run = work.run
        work.run = lambda: (now.__setitem__(0, now[0] + cost.get(work.name, 10.0)), run())
        return put(stream, work)

    for _ in range(4):
        engine(part)  # both slots have captured: tables are there, and all work goes by the graph
    monkeypatch.setattr(gpu, "put", timed)
    monkeypatch.setattr(fake_cuda, "perf_counter", lambda: now[0])
    begin = len(gpu.log)
    with engine.stream([part, part]) as stream:
        results = list(stream)
        stages = stream.counters().stages
    own = gpu.log[begin:]
    work = len(own) - sum(own.count(name) for name in ("upload", "download", "event", "graph"))
    expected = own.count("upload") / 2, 10 * work / 2, 100 * own.count("download") / 2
    for result in results:
        assert [result.seconds[name] for name in SPANS] == pytest.approx(expected)
    for name, seconds in zip(SPANS, expected, strict=True):
        assert stages[name].count == 2
        assert (stages[name].p50, stages[name].p99) == pytest.approx((seconds, seconds))


def test_every_stage_of_computing_on_demand(gpu, part, monkeypatch):
    """Parts of `device_compute`, in order; without the variable there are none, and graphs."""
    monkeypatch.setenv("MCFAST_DEVICE_STAGES", "1")
    engine = mcfast.Engine(config(spacing_mm=0.14), "cuda")
    names = [f"device_{name}" for name in ("enhance", "mask", "propose", "classify", "suppress")]
    for _ in range(5):
        seconds = engine(part).seconds
        assert list(seconds)[-len(names) - 3 : -3] == names
        assert sum(seconds[name] for name in names) <= seconds["device_compute"]
        assert min(seconds[name] for name in names) > 0
    assert gpu.graphs == 0
