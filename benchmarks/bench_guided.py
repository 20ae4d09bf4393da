"""The guided filter, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_guided.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("guided")
def test_guided(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
