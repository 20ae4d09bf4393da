"""The GPU benchmark's peers, over their twins on the CPU: SciPy for CuPy, scikit-image for cuCIM, torch itself.

What they are asked for must be what ours gives, or it is not timed.
"""

import pathlib
import sys
import types

import numpy
import pytest

import mcfast

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # mcfast is imported already; this finds the benchmarks only

from benchmarks.call import Agreement, Call
from benchmarks.peers import gpu as gpu_peers

SHAPE = (130, 146)


def image_of(dtype):
    image = numpy.random.default_rng(1).integers(0, 256 if dtype == numpy.uint8 else 4096, SHAPE).astype(dtype)
    return image / numpy.float32(4096) if dtype == numpy.float32 else image


def answers_to(image):
    """What `benchmarks.gpu` keeps of its own results, by the CPU."""
    white = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}[image.dtype.name]
    return {
        "min_filter 11 x 11": mcfast.min_filter(image, 11),
        "min_filter 101 x 101": mcfast.min_filter(image, 101),
        "erode disk 5": mcfast.erode(image, mcfast.disk(5)),
        "erode disk 15": mcfast.erode(image, mcfast.disk(15)),
        "white_tophat disk 7": mcfast.white_tophat(image, mcfast.disk(7)),
        "white_tophat 11 x 11": mcfast.white_tophat(image, mcfast.rectangle(11, 11)),
        "box_mean 22": mcfast.box_mean(image, 22),
        "gaussian_blur 2": mcfast.gaussian_blur(image, 2.0),
        "guided_filter 22": mcfast.guided_filter(image, 22, 1e-3 * white**2),
        "resample 0.5": mcfast.resample(image, 0.5),
    }


@pytest.fixture
def fresh(monkeypatch):
    """Peers are imported anew, and forgotten afterwards."""
    names = [f"benchmarks.peers.gpu.{name}" for name in gpu_peers.PEERS]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def twins(fresh, monkeypatch):
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    skimage = pytest.importorskip("skimage.morphology", reason="scikit-image is not installed")
    arrays = {name: getattr(numpy, name) for name in ("asarray", "empty", "empty_like")}
    cupy = types.SimpleNamespace(__version__="14.0", asnumpy=numpy.asarray, **arrays)
    modules = {
        "cupy": cupy,
        "cupyx": types.ModuleType("cupyx"),
        "cupyx.scipy": types.SimpleNamespace(ndimage=ndimage),
        "cucim": types.SimpleNamespace(__version__="26.0"),
        "cucim.skimage": types.SimpleNamespace(morphology=skimage),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def verdicts(peer, image):
    return {operation: verdict for operation, _, verdict in gpu_peers.checked(peer, image, answers_to(image))}


@pytest.mark.parametrize("dtype", [numpy.uint8, numpy.uint16, numpy.float32])
def test_cupy_and_cucim_give_our_answers(twins, dtype):
    image, peers = image_of(dtype), gpu_peers.available()
    found = verdicts(peers["CuPy"], image)
    assert set(found) == set(answers_to(image)) - {"guided_filter 22", "resample 0.5"}
    assert {name: one["difference"] for name, one in found.items() if one["status"] != "agrees"} == {}
    assert found["erode disk 15"]["agreement"] == "equal"
    assert found["white_tophat disk 7"]["agreement"] == "equal 14 px from the border (it reflects at the border)"
    assert verdicts(peers["cuCIM"], image)["white_tophat disk 7"]["status"] == "agrees"


def test_torch_gives_our_answers(fresh, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed")
    peer = gpu_peers.available()["torch"]
    monkeypatch.setattr(peer, "DEVICE", "cpu")
    assert verdicts(peer, image_of(numpy.uint16)) == {}, "it pools floats only"
    found = verdicts(peer, image_of(numpy.float32))
    assert {name: one["status"] for name, one in found.items()} == dict.fromkeys(
        ("min_filter 11 x 11", "box_mean 22", "resample 0.5"), "agrees"
    )


def test_another_answer_is_not_taken_for_the_same(fresh):
    def broken():
        raise RuntimeError("out of memory")

    image = numpy.ones((4, 4), numpy.float32)
    offered = {
        "same": Call(lambda: image),
        "near": Call(lambda: image + 0.01, Agreement(0.1, why="rounding")),
        "far": Call(lambda: image + 0.5, Agreement(0.1)),
        "nothing": Call(lambda: image * numpy.nan),
        "broken": Call(broken),
        "not ours": Call(broken),
    }
    peer = types.SimpleNamespace(calls=lambda host: offered.items())
    answers = dict.fromkeys(("same", "near", "far", "nothing", "broken"), image)
    found = {name: verdict for name, _, verdict in gpu_peers.checked(peer, image, answers)}
    assert {name: one["status"] for name, one in found.items()} == {
        **dict.fromkeys(("same", "near"), "agrees"),
        **dict.fromkeys(("far", "nothing"), "different"),
        "broken": "failed",
    }
    assert found["far"]["difference"] == 0.5 and found["nothing"]["difference"] is None
    assert found["broken"]["note"] == "RuntimeError: out of memory"
    assert found["near"]["agreement"] == "within 0.1 (rounding)"


def test_a_peer_that_cannot_begin_is_told_once(fresh):
    def calls(host):
        raise AssertionError("Torch not compiled with CUDA enabled")
        yield

    image = numpy.ones((4, 4), numpy.float32)
    ((operation, _, verdict),) = gpu_peers.checked(types.SimpleNamespace(calls=calls), image, {"same": image})
    assert (operation, verdict["status"]) == ("everything", "failed")
    assert verdict["note"] == "AssertionError: Torch not compiled with CUDA enabled"


def test_a_peer_that_is_missing_says_so(fresh, monkeypatch):
    for name in ("cupy", "kornia"):
        monkeypatch.setitem(sys.modules, name, None)
    found = gpu_peers.available()
    assert list(found) == ["CuPy", "torch", "cuCIM", "Kornia"]
    assert found["CuPy"].startswith("cannot take part: import of cupy halted")
    assert found["Kornia"].startswith("cannot take part: import of kornia halted")
