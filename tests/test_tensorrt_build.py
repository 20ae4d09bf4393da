"""Engines of the shipped networks, built by TensorRT for RTX on a machine without a GPU, and `mcfast engines`."""

import sys
import types

import fake_tensorrt
import pytest

from mcfast import nets, runtimes
from mcfast.cli import main
from mcfast.errors import ConfigError, DeviceError
from mcfast.nets.engine_form import engine_form
from mcfast.runtimes.tensorrt import EngineCache, Library, Plan, Profile, engine_file, find_library, plans_for
from mcfast.runtimes.tensorrt.build import build_engine, open_engine
from mcfast.runtimes.tensorrt.device import find_device
from mcfast.runtimes.tensorrt.profiles import BUCKETS


@pytest.fixture(scope="module")
def rtx():
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    return find_library("tensorrt_rtx")


def _plans(name):
    return plans_for(runtimes.load(nets.weights(name), threads=1).input_shape)


def test_plans_follow_from_what_an_input_leaves_open():
    (patches,) = plans_for((None, 2, 24, 24))
    assert [profile.largest for profile in patches.profiles] == [(size, 2, 24, 24) for size in BUCKETS]
    assert patches.profile_for((1, 2, 24, 24)) == 0
    assert patches.profile_for((129, 2, 24, 24)) == 1
    with pytest.raises(ConfigError, match=r"engine 'patches': expected a shape of at most .*, got \(4097, 2, 24, 24\)"):
        patches.profile_for((4097, 2, 24, 24))
    tiles, frame = plans_for((None, 1, None, None))
    assert (tiles.name, frame.name) == ("tiles", "frame")
    assert tiles.profile_for((64, 1, 256, 256)) == 0
    assert frame.profile_for((1, 1, 4096, 3328)) == 0
    for other in ((None, 1), (1, 1, 12, 12), (None, None, 12, 12), (None, 1, 12, None)):
        with pytest.raises(ConfigError, match=r"engine: expected an input of \(any, channels"):
            plans_for(other)


@pytest.mark.parametrize("name", nets.names())
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_builds_are_repeatable(rtx, name, precision):
    """Every plan's engine is the same bytes each time, that of frames, whose sides are open, too."""
    for plan in _plans(name):
        network = engine_form(nets.weights(name), precision, plan.sides)
        first, timings = build_engine(rtx, network, plan)
        assert len(first) > 100_000
        assert timings is None
        for _ in range(8 if plan.name == "frame" else 1):  # what chance decides shows in one of several builds
            assert build_engine(rtx, network, plan)[0] == first, plan.name


def test_an_engine_is_that_of_its_network(rtx):
    (plan,) = plans_for((None, 1, 8, 8))
    tiles = Plan("tiles", (Profile(*[(1, 1, 16, 16)] * 3),))
    network = engine_form(nets.weights("fsrcnn"))
    assert (
        build_engine(rtx, network, tiles)[0] != build_engine(rtx, engine_form(nets.weights("fsrcnn"), "fp16"), tiles)[0]
    )
    with pytest.raises((ConfigError, DeviceError)):
        build_engine(rtx, engine_form(nets.weights(nets.names()[-1])), tiles)  # of another shape
    assert plan.name == "patches"


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"not a network", lambda b: b[: len(b) // 2]])
def test_broken_networks_are_a_config_error(rtx, damage, capfd):
    with pytest.raises(
        ConfigError, match=r"network \(\d+ bytes\): tensorrt_rtx 1\.\S+ cannot parse it \(.+\); give an"
    ):
        build_engine(rtx, damage(nets.weights("fsrcnn")), _plans("fsrcnn")[0])
    assert capfd.readouterr() == ("", ""), "the cause belongs into the exception, not on the screen"


def test_engines_of_others_are_refused_without_a_crash(rtx):
    with pytest.raises(DeviceError, match=r"tensorrt_rtx 1\.\S+: (refuses the engine|does not work here)"):
        open_engine(rtx, b"no engine at all" * 100)


def test_what_is_not_here_is_named(monkeypatch):
    with pytest.raises(ConfigError, match=r"engines\(module\): expected one of tensorrt, tensorrt_rtx, got 'onnx'"):
        find_library("onnx")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(DeviceError, match=r"runtime 'tensorrt': .*; pip install tensorrt; runtime 'tensorrt_rtx': "):
        find_library()


def test_a_version_too_old_is_named(monkeypatch):
    old = types.ModuleType("tensorrt")
    old.__version__ = "8.6.1"
    monkeypatch.setitem(sys.modules, "tensorrt", old)
    with pytest.raises(DeviceError, match="runtime 'tensorrt': expected version 10 or later, got 8.6.1"):
        find_library("tensorrt")


def test_the_command_builds_lists_and_prunes(rtx, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MCFAST_CACHE", str(tmp_path))
    build = ["engines", "build", "--module", "tensorrt_rtx", "--precision", "fp16"]
    assert main(build) == 0
    shown = capsys.readouterr().out.splitlines()
    engines = sum(len(_plans(name)) for name in nets.names())
    assert len(shown) == engines + 1
    assert all("built in" in line for line in shown[:-1])
    assert main([*build, "--network", "fsrcnn"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 3
    assert all("was there" in line for line in shown[:-1])
    assert main(["engines", "list"]) == 0
    listed = capsys.readouterr().out
    assert f"{engines} engines in {tmp_path}" in listed
    assert f"tensorrt_rtx {rtx.version}  any GPU" in listed
    EngineCache().get_or_build({"onnx_sha256": "0", "module": "tensorrt_rtx", "version": "0"}, lambda: b"old")
    assert main(["engines", "prune"]) == 0
    assert capsys.readouterr().out.startswith("1 engines deleted, 0.0 MB")
    assert len(list(EngineCache().entries())) == engines
    assert main(["engines", "prune", "--all"]) == 0
    assert capsys.readouterr().out.startswith(f"{engines} engines deleted")
    assert list(EngineCache().entries()) == []


def test_the_command_says_why_not(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MCFAST_CACHE", str(tmp_path))
    assert main(["engines", "build", "--module", "cudnn"]) == 1
    assert "expected one of tensorrt, tensorrt_rtx, got 'cudnn'" in capsys.readouterr().err
    assert main(["engines", "build", "--module", "tensorrt_rtx", "--network", "nothing"]) == 1
    assert capsys.readouterr().err.startswith("mcfast: ")


def test_tensorrt_proper_needs_a_gpu_to_build(monkeypatch, tmp_path):
    try:
        find_device()
    except DeviceError as error:
        reason = str(error)
    else:
        pytest.skip("this machine has no lack of GPUs")
    library = Library("tensorrt", "11.4", fake_tensorrt)
    with pytest.raises(DeviceError) as raised:
        engine_file(library, "fsrcnn", nets.weights("fsrcnn"), _plans("fsrcnn")[0], cache=EngineCache(tmp_path))
    assert str(raised.value) == reason
