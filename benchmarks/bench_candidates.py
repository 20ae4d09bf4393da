"""Local maxima, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_candidates.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("candidates")
def test_candidates(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
