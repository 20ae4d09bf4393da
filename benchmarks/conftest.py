"""Options and the inputs of the bench_*.py files: `pytest benchmarks/bench_guided.py --size small --threads 2`."""

import os

import pytest

from benchmarks.inputs import LARGE, QUICK, SMALL, inputs

# Threads of OpenMP that spin after their work would slow whoever is timed next.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
SIZES = {"quick": QUICK, "small": SMALL, "large": LARGE}


def pytest_addoption(parser):
    parser.addoption("--size", choices=SIZES, default="quick", help="size of the mammogram (default: quick)")
    parser.addoption("--threads", type=int, default=1, help="threads of every library (default: 1)")


@pytest.fixture(scope="session")
def data(request):
    return inputs(SIZES[request.config.getoption("--size")])


@pytest.fixture(scope="session")
def threads(request) -> int:
    return request.config.getoption("--threads")
