"""The scripts of `make gpu` that time the engine: they run, on the emulated GPU. Their numbers mean nothing here."""

import json
import os
import pathlib
import subprocess
import sys

import device_engine
import emulated_device
import numpy
import pytest

import mcfast  # noqa: F401
from mcfast import nets, runtimes
from mcfast.device.networks import HOST_LOADERS, LOADERS

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # mcfast is imported already; this finds the benchmarks only

from benchmarks import gpu_engine, torch_network


@pytest.fixture
def gpu(pytestconfig, tmp_path):
    emulated = emulated_device.EmulatedDevice(emulated_device.build(pytestconfig.cache, ("-O2",)))
    with device_engine.emulated_gpu(emulated, tmp_path / "cache") as gpu:
        yield gpu


def test_the_engine_is_timed_and_drawn(gpu, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.setitem(LOADERS, "torch", torch_network.load)
    monkeypatch.setitem(HOST_LOADERS, "torch", torch_network.load_on_host)
    options = ["--shape", "200", "160", "--spacing-mm", "0.14", "--repeats", "4", "--limit", "60"]
    gpu_engine.main([*options, "--magnify", "none", "breast", "--out", str(tmp_path / "results")])
    written = json.loads((tmp_path / "results" / "engine-emulated-gpu.json").read_text())
    assert [one["magnify"] for one in written["records"]] == ["none", "breast"]
    for record in written["records"]:
        assert record["runtime"] == "tensorrt tensorrt_rtx 1.7"
        expected = ["upload", "enhance", "mask", "propose", "classify", "suppress", "download", "total"]
        if record["magnify"] == "breast":
            expected.insert(6, "magnify")
        assert list(record["stages_ms"]) == expected
        assert record["images_per_second"] > 0
        assert record["latency_ms"]["images"] == 4
        assert record["largest_difference_of_scores"] < 1e-3
    assert (tmp_path / "results" / "engine-emulated-gpu.png").read_bytes().startswith(b"\x89PNG")
    assert "images/s" in capsys.readouterr().out


def test_numpy_scipy_pillow_and_torch_are_enough(pytestconfig, tmp_path):
    """In a process where every other package is hidden and mcfast is not installed, as in a checkout on a GPU's machine."""
    pytest.importorskip("torch", reason="torch is not installed")
    library, results = emulated_device.build(pytestconfig.cache, ("-O2",)), tmp_path / "results"
    code = pathlib.Path(__file__).with_name("torch_on_emulated_gpu.py")
    paths = os.pathsep.join([str(code.parents[1]), str(code.parent)])
    shown = subprocess.run(
        [sys.executable, code, library, results],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=code.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    (record,) = json.loads((results / "engine-emulated-gpu.json").read_text())["records"]
    assert record["runtime"].startswith("torch ") and record["compared_with"] == record["runtime"]
    for words in (
        "tensorrt: runtime 'tensorrt': cannot be imported",
        "; onnxruntime-cuda: runtime 'onnxruntime': cannot",
    ):
        assert words in record["why_not_better"]
    assert record["images_per_second"] > 0 and record["latency_ms"]["median"] > 0 and record["stages_ms"]["total"] > 0
    *_, drawn, png, dicom, loaded = shown.stdout.splitlines()
    assert drawn == "the timeline is not drawn: matplotlib cannot be imported"
    assert png.startswith("<bytes>: reading such files needs imagecodecs (No module named 'imagecodecs'); pip install")
    assert dicom.startswith("<bytes>: reading such files needs pydicom (No module named 'pydicom")
    assert loaded == "loaded: []"


def test_another_answer_than_the_cpus_is_not_timed():
    class Engine:
        def __init__(self, scores):
            self.scores = scores

        def __call__(self, mammogram):
            found = [type("Found", (), {"score": score}) for score in self.scores]
            return type("Result", (), {"calcifications": found})

    assert gpu_engine.compare(Engine([0.5, 0.9]), Engine([0.5, 0.9001]), None) == pytest.approx(1e-4)
    with pytest.raises(SystemExit, match="differ from the CPU's by up to 0.4"):
        gpu_engine.compare(Engine([0.5]), Engine([0.9]), None)
    with pytest.raises(SystemExit, match="the GPU finds 1 calcifications, the CPU 0"):
        gpu_engine.compare(Engine([0.5]), Engine([]), None)


@pytest.mark.parametrize("name", nets.names())
def test_the_stand_in_computes_the_same_networks(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    network, reference = torch_network.TorchNetwork(nets.weights(name), "cpu"), runtimes.load(nets.weights(name))
    assert (network.sha256, network.input_shape) == (reference.sha256, reference.input_shape)
    _, channels, rows, columns = network.input_shape
    shape = (3, channels, rows or 21, columns or 34)
    batch = numpy.random.default_rng(1).random(shape, numpy.float32)
    assert network.takes(shape) and not network.takes((3, channels + 1, *shape[2:]))
    numpy.testing.assert_allclose(network.forward(torch.from_numpy(batch)), reference.run(batch), atol=1e-5)
