"""Lookup tables, ours and the peers', under pytest-benchmark: `pytest benchmarks/bench_lookup.py`."""

from benchmarks.entrants import of_noun, run


@of_noun("lookup")
def test_lookup(benchmark, case, name, library, data, threads):
    run(benchmark, case, name, library, data, threads)
