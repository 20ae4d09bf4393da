"""Dehazing, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_dehaze.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("dehaze")
def test_dehaze(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
