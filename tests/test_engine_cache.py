"""Engines on disk: found again, never half written, built once however many want them, built again if refused."""

import hashlib
import json
import multiprocessing
import pathlib
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import fake_tensorrt
import pytest

from mcfast import nets
from mcfast.errors import ConfigError, DeviceError
from mcfast.runtimes.tensorrt import EngineCache, Library, Plan, Profile, engine_file, plans_for
from mcfast.runtimes.tensorrt.cache import key_of
from mcfast.runtimes.tensorrt.device import Device, find_device
from mcfast.runtimes.tensorrt.engine import engine_key, load_engine

KEY = {"network": "some", "version": "1"}
H200 = Device("NVIDIA H200", "9.0", "13.0")
PLAN = Plan("tiles", (Profile((1, 1, 8, 8), (1, 1, 8, 8), (1, 1, 8, 8)),))


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(fake_tensorrt.Builder, "built", [])
    monkeypatch.setattr(fake_tensorrt.Builder, "refuses", None)
    monkeypatch.setattr(fake_tensorrt.Runtime, "refuses", 0)
    return Library("tensorrt", "10.16.1.11", fake_tensorrt)


def test_an_engine_is_built_once(cache):
    path, built = cache.get_or_build(KEY, lambda: b"engine")
    assert built
    assert path == cache.folder / f"{key_of(KEY)}.engine"
    assert cache.read(path) == b"engine"
    again, built = cache.get_or_build(dict(reversed(KEY.items())), lambda: pytest.fail("it is there"))
    assert (again, built) == (path, False)
    (entry,) = cache.entries()
    assert (entry.path, entry.key, entry.size) == (path, KEY, 6)


def test_a_build_that_fails_leaves_nothing(cache):
    def fail():
        raise DeviceError("no GPU")

    with pytest.raises(DeviceError, match="no GPU"):
        cache.get_or_build(KEY, fail)
    assert list(cache.entries()) == []
    assert {path.suffix for path in cache.folder.iterdir()} == {".lock"}
    assert cache.get_or_build(KEY, lambda: b"engine")[1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda engine, record: engine.unlink(),
        lambda engine, record: record.unlink(),
        lambda engine, record: record.write_text("{"),
        lambda engine, record: record.write_text("[]"),
        lambda engine, record: record.write_text('{"key": {}}'),
        lambda engine, record: engine.write_bytes(b"other engine"),
        lambda engine, record: record.write_text(record.read_text().replace('"some"', '"other"')),
    ],
)
def test_what_is_damaged_is_built_again(cache, damage):
    path, _ = cache.get_or_build(KEY, lambda: b"engine")
    damage(path, path.with_suffix(".json"))
    assert cache.get_or_build(KEY, lambda: b"engine")[1]
    assert cache.read(path) == b"engine"


def test_other_bytes_of_the_same_size_are_not_read(cache):
    path, _ = cache.get_or_build(KEY, lambda: b"engine")
    path.write_bytes(b"eNgine")
    assert cache.read(path) is None


def _want(folder, log, number):
    def build():
        with pathlib.Path(log).open("a") as file:
            file.write(f"{number}\n")
        time.sleep(0.2)
        return b"engine" * 100_000

    path, _ = EngineCache(folder).get_or_build(KEY, build)
    assert EngineCache(folder).read(path) == b"engine" * 100_000


def test_many_processes_build_it_once(cache, tmp_path):
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    processes = [context.Process(target=_want, args=(cache.folder, log, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(log.read_text().splitlines()) == 1


def test_a_process_that_dies_while_it_builds_is_in_nobodys_way(cache):
    program = (
        "import os, sys; from mcfast.runtimes.tensorrt import EngineCache;"
        f"EngineCache(sys.argv[1]).get_or_build({KEY!r}, lambda: os._exit(9))"
    )
    died = subprocess.run([sys.executable, "-c", program, cache.folder], cwd=pathlib.Path(__file__).parents[1])
    assert died.returncode == 9
    assert cache.get_or_build(KEY, lambda: b"engine")[1]


def test_prune_keeps_what_it_is_told_and_sweeps_the_rest(cache):
    for version in "123":
        cache.get_or_build(KEY | {"version": version}, lambda: b"engine")
    unfinished = cache.folder / f"{'0' * 64}.engine.x.part"
    unfinished.write_bytes(b"eng")
    other = cache.folder / "notes.txt"
    other.write_text("not ours")
    gone = cache.prune(lambda entry: entry.key["version"] == "2")
    assert sorted(entry.key["version"] for entry in gone) == ["1", "3"]
    assert [entry.key["version"] for entry in cache.entries()] == ["2"]
    assert not unfinished.exists()
    assert other.exists()
    assert cache.get_or_build(KEY | {"version": "1"}, lambda: b"engine")[1]
    assert EngineCache(cache.folder / "nowhere").prune(lambda entry: True) == []


def test_where_engines_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("MCFAST_CACHE", str(tmp_path / "own"))
    assert EngineCache().folder == tmp_path / "own"
    monkeypatch.delenv("MCFAST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert EngineCache().folder == tmp_path / "mcfast" / "engines"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert EngineCache().folder == tmp_path / ".cache" / "mcfast" / "engines"


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigError, match=r"file.*: engines cannot be kept here \(.*\); name another folder with MCFAST"
    ):
        EngineCache(tmp_path / "file" / "engines").get_or_build(KEY, lambda: b"engine")


def test_everything_that_matters_is_in_the_key(fake):
    network = nets.weights("fsrcnn")
    tiles, frame = plans_for((None, 1, None, None))

    def key(library=fake, network=network, precision="fp32", plan=tiles, device=H200):
        return key_of(engine_key(library, "fsrcnn", network, precision, plan, device))

    other = Plan("tiles", (Profile((1, 1, 8, 8), (2, 1, 8, 8), (4, 1, 8, 8)),))
    keys = [
        key(),
        key(library=Library("tensorrt", "10.16.1.12", fake_tensorrt)),
        key(library=Library("tensorrt_rtx", "10.16.1.11", fake_tensorrt)),
        key(network=network + b" "),
        key(precision="fp16"),
        key(plan=frame),
        key(plan=other),
        key(device=Device("NVIDIA H100", "9.0", "13.0")),
        key(device=Device("NVIDIA H200", "9.1", "13.0")),
        key(device=Device("NVIDIA H200", "9.0", "13.1")),
        key(device=None),
    ]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0]


def test_a_refused_engine_is_built_again_once(fake, cache):
    """Refused from the cache: built anew, and the new one is taken. Refused when just built: reported."""
    wanted = (fake, "fsrcnn", nets.weights("fsrcnn"), PLAN)
    first = engine_file(*wanted, cache=cache, device=H200)
    assert load_engine(*wanted, cache=cache, device=H200)[0]._content == first.path.read_bytes()
    assert len(fake_tensorrt.Builder.built) == 1, "it was there"
    fake_tensorrt.Runtime.refuses = 1
    load_engine(*wanted, cache=cache, device=H200)
    assert len(fake_tensorrt.Builder.built) == 2
    fake_tensorrt.Runtime.refuses = 100
    with pytest.raises(
        DeviceError, match=r"tensorrt 10.16.1.11: refuses the engine \(made by another version\); it was built just now"
    ):
        load_engine(*wanted, cache=cache, device=H200)
    assert len(fake_tensorrt.Builder.built) == 3
    first.path.write_bytes(b"eNgine" + first.path.read_bytes()[6:])
    fake_tensorrt.Runtime.refuses = 0
    load_engine(*wanted, cache=cache, device=H200)
    assert len(fake_tensorrt.Builder.built) == 4, "a damaged one is built again too"


def test_measured_times_go_from_one_build_to_the_next(fake, cache):
    network = nets.weights("fsrcnn")
    for plan in plans_for((None, 1, None, None)):
        engine_file(fake, "fsrcnn", network, plan, cache=cache, device=H200)
    (shapes, first), (_, second) = fake_tensorrt.Builder.built
    assert shapes == [{"input": ((1, 1, 256, 256), (16, 1, 256, 256), (64, 1, 256, 256))}]
    assert (first._content, second._content) == (b"", b"+measured")
    (kept,) = cache.folder.glob("timings-*.bin")
    assert kept.read_bytes() == b"+measured+measured"
    cache.prune(lambda entry: True)
    assert kept.exists(), "it is no unfinished engine"
    rtx = Library("tensorrt_rtx", "1.7", fake_tensorrt)
    engine_file(rtx, "fsrcnn", network, PLAN, cache=cache)
    assert fake_tensorrt.Builder.built[-1][1] is None, "TensorRT for RTX measures nothing and needs no GPU"


def test_builds_at_the_same_time_keep_each_others_times(fake, cache, monkeypatch):
    """One measures after the other, so that neither loses what the other has measured, or disturbs it."""
    build, at_once, together = fake_tensorrt.Builder.build_serialized_network, [], threading.Barrier(2)

    def measuring(*arguments):
        try:
            together.wait(0.5)
            at_once.append(True)
        except threading.BrokenBarrierError:
            together.reset()
        return build(*arguments)

    monkeypatch.setattr(fake_tensorrt.Builder, "build_serialized_network", measuring)
    network, plans = nets.weights("fsrcnn"), plans_for((None, 1, None, None))
    options = {"cache": cache, "device": H200}
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(lambda plan: engine_file(fake, "fsrcnn", network, plan, **options), plans))
    assert [one.built for one in files] == [True, True] and not at_once
    assert {timings._content for _, timings in fake_tensorrt.Builder.built} == {b"", b"+measured"}
    (kept,) = cache.folder.glob("timings-*.bin")
    assert kept.read_bytes() == b"+measured+measured"


def test_what_cannot_be_built_is_reported(fake, cache):
    fake_tensorrt.Builder.refuses = "no kernel for it"
    with pytest.raises(
        DeviceError, match=r"engine 'tiles': tensorrt 10.16.1.11 cannot build it here \(no kernel for it\)"
    ):
        engine_file(fake, "fsrcnn", nets.weights("fsrcnn"), PLAN, cache=cache, device=H200)
    assert list(cache.entries()) == []


DRIVER = """
#include <string.h>
int cuInit(unsigned flags) { return REFUSES; }
int cuDriverGetVersion(int *version) { *version = 13010; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 40 + ordinal; return ordinal > 1 ? 101 : 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, device == 41 ? "Second" : "First", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : device - 40; return 0; }
"""


@pytest.fixture
def driver(tmp_path):
    def compile(refuses):
        source, library = tmp_path / "driver.c", tmp_path / f"libcuda{refuses}.so"
        source.write_text(DRIVER)
        subprocess.run(["gcc", "-shared", "-fPIC", f"-DREFUSES={refuses}", "-o", library, source], check=True)
        return str(library)

    return compile


def test_the_driver_is_asked(driver):
    assert find_device(0, driver(0)) == Device("First", "9.0", "13.1")
    assert find_device(1, driver(0)) == Device("Second", "9.1", "13.1")
    with pytest.raises(DeviceError, match="GPU 2: the driver answers cuDeviceGet with error 101"):
        find_device(2, driver(0))
    with pytest.raises(DeviceError, match="GPU 0: the driver answers cuInit with error 35"):
        find_device(0, driver(35))
    with pytest.raises(DeviceError, match="GPU 0: this machine has no NVIDIA driver"):
        find_device(0, "libcuda-absent.so")


def test_the_record_tells_what_an_engine_is(fake, cache):
    file = engine_file(fake, "fsrcnn", nets.weights("fsrcnn"), PLAN, cache=cache, device=H200)
    record = json.loads(file.path.with_suffix(".json").read_text())
    assert record["key"]["device"] == "NVIDIA H200"
    assert record["key"]["onnx_sha256"] == hashlib.sha256(nets.weights("fsrcnn")).hexdigest()
    assert record["size"] == file.path.stat().st_size
