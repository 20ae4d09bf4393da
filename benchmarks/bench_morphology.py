"""Morphology, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_morphology.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("morphology")
def test_morphology(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
