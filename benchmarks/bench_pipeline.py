"""The whole way from a file to findings, under pytest-benchmark: `pytest benchmarks/bench_pipeline.py`."""

import pytest

import mcfast
from benchmarks.pipeline import RUNS, prepare


@pytest.fixture(scope="module")
def file(data, tmp_path_factory):
    return prepare(str(tmp_path_factory.mktemp("phantom")), data.image.shape)


@pytest.mark.parametrize("magnify", RUNS.values())
def test_pipeline(benchmark, file, threads, magnify):
    engine = mcfast.Engine(mcfast.Config(magnify=magnify), threads=threads)
    benchmark.group = f"file to findings, {threads} threads"
    result = benchmark(engine, file)
    assert result.status in ("ok", "no findings")
