"""What TensorRT for RTX compiles for a GPU is kept beside the engine: read again, merged, refused, never in the way."""

import threading

import fake_tensorrt
import pytest

from mcfast import nets
from mcfast.runtimes.tensorrt import EngineCache, Library, plans_for
from mcfast.runtimes.tensorrt.device import Device
from mcfast.runtimes.tensorrt.engine import load_engine
from mcfast.runtimes.tensorrt.runtime_cache import CompiledKernels

RTX = Library("tensorrt_rtx", "1.7", fake_tensorrt)
HERE = Device("NVIDIA RTX", "12.0", "13.0")
(PLAN,) = plans_for((None, 1, 12, 12))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(fake_tensorrt.IRuntimeCache, "refuses", False)
    return EngineCache(tmp_path)


def opened(cache, device=HERE, library=RTX):
    engine, file = load_engine(library, "vgg12", nets.weights("vgg12"), PLAN, cache=cache, device=HERE)
    return CompiledKernels(library, engine, file, cache, device)


def kept(cache):
    return sorted(path.name for path in cache.folder.glob("*.runtime-*.bin"))


def test_it_is_read_again_by_the_next_process(cache):
    first = opened(cache)
    assert first.context() is not None
    first.keep()
    (name,) = kept(cache)
    content = (cache.folder / name).read_bytes()
    again = opened(cache)
    assert again._compiled.compiled == first._compiled.compiled != set()
    again.keep()
    assert (cache.folder / name).read_bytes() == content
    assert [path for path in cache.folder.iterdir() if path.suffix == ".part"] == []


def test_all_kernels_are_compiled_with_the_context(cache):
    strategy = opened(cache)._config.dynamic_shapes_kernel_specialization_strategy
    assert strategy is fake_tensorrt.DynamicShapesKernelSpecializationStrategy.EAGER


def test_another_gpu_or_driver_has_its_own(cache):
    for device in (HERE, Device("NVIDIA RTX", "12.0", "13.1"), Device("NVIDIA L4", "8.9", "13.0")):
        one = opened(cache, device)
        one.context()
        one.keep()
    assert len(kept(cache)) == 3


def test_what_two_processes_compile_is_put_together(cache):
    first, second = opened(cache), opened(cache)
    first._compiled.compiled.add(1)
    second._compiled.compiled.add(2)
    first.keep()
    second.keep()
    assert opened(cache)._compiled.compiled == {1, 2}


@pytest.mark.parametrize("content", [b"", b"damaged"])
def test_what_is_damaged_or_refused_is_compiled_anew(cache, content):
    one = opened(cache)
    one.context()
    one.keep()
    (name,) = kept(cache)
    (cache.folder / name).write_bytes(content)
    again = opened(cache)
    assert again._compiled.compiled == set()
    again.context()
    again.keep()
    assert (cache.folder / name).read_bytes().startswith(b"compiled ")


def test_many_threads_keep_at_once(cache):
    ones = [opened(cache) for _ in range(8)]
    for number, one in enumerate(ones):
        one._compiled.compiled.add(number)
    threads = [threading.Thread(target=one.keep) for one in ones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened(cache)._compiled.compiled == set(range(8))


def test_a_folder_that_cannot_be_written_keeps_nothing(cache, monkeypatch):
    one = opened(cache)
    one.context()

    def refuse(name, content):
        raise PermissionError("read-only")

    monkeypatch.setattr(cache, "write", refuse)
    one.keep()
    assert kept(cache) == []


def test_pruning_an_engine_takes_it_along(cache):
    one = opened(cache)
    one.context()
    one.keep()
    cache.prune(lambda entry: True)
    assert len(kept(cache)) == 1
    cache.prune(lambda entry: False)
    assert kept(cache) == []


def test_tensorrt_10_and_11_compile_nothing_when_they_run(cache):
    one = opened(cache, library=Library("tensorrt", "10.16", fake_tensorrt))
    assert one.context() is not None
    one.keep()
    assert kept(cache) == []
