"""Resampling, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_resample.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("resample")
def test_resample(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
