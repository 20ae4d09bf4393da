"""Means over a box or a Gaussian, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_blur.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("blur")
def test_blur(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
