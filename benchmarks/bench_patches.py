"""Gathering patches, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_patches.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("patches")
def test_patches(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
