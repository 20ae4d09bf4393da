"""Every CPU level gives the same bits: all operations' tests run at each, and digests are compared between them."""

import hashlib
import os
import pathlib
import subprocess
import sys

import numpy
import pytest
from images import DTYPES, make

import mcfast
from mcfast import _core

HERE = pathlib.Path(__file__).parent
LEVELS = ("baseline", "avx2", "avx512")
OPERATIONS = [
    f"test_{noun}.py"
    for noun in ("morphology", "blur", "guided", "dehaze", "resample", "lookup", "patches", "candidates")
]


def digest() -> str:
    """One hash over the results of all operations on awkward sizes."""
    total = hashlib.sha256()
    for dtype in DTYPES:
        for rows, columns in ((1, 1), (1, 97), (65, 3), (203, 131)):
            image = make(dtype, rows, columns, rows + columns)
            white = 1.0 if dtype == numpy.float32 else 255.0
            centres = numpy.array([[0, 0], [rows - 1, columns - 1]], numpy.int32)
            for result in (
                mcfast.white_tophat(image, mcfast.disk(4)),
                mcfast.black_tophat(image, mcfast.disk(15)),
                mcfast.closing(image, mcfast.rectangle(5, 33)),
                mcfast.box_mean(image, 6),
                mcfast.gaussian_blur(image, 1.7),
                mcfast.guided_filter(image, 4, 1e-3 * white**2),
                mcfast.dehaze(image, max_value=white),
                mcfast.resample(image, 0.7),
                mcfast.resample(image, 1.6),
                mcfast.gather_patches(image, centres, 12, mean=3.0, std=1.7),
                *mcfast.local_maxima(image, 2, threshold=0.0),
            ):
                total.update(result.tobytes())
    return total.hexdigest()


def _run(level, *arguments):
    environment = os.environ | {"MCFAST_CPU_LEVEL": level}
    return subprocess.run(
        [sys.executable, *arguments], cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )


def _digest_at(level):
    result = _run(level, "-c", "import test_cpu_levels as t; print(t._core.cpu_level()); print(t.digest())")
    if "expected a level of this processor" in result.stderr:
        pytest.skip(f"this processor has no {level}")
    assert result.returncode == 0, result.stderr
    name, hexdigest = result.stdout.split()
    assert name == level
    return hexdigest


@pytest.mark.parametrize("level", LEVELS)
def test_same_bits(level):
    assert _digest_at(level) == digest()


@pytest.mark.parametrize("level", [level for level in LEVELS if level != _core.cpu_level()])
def test_operations_at(level):
    """The level in use is that of the other tests of this run."""
    _digest_at(level)
    result = _run(level, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OPERATIONS)
    assert result.returncode == 0, result.stdout[-3000:]


def test_an_unknown_level_is_refused():
    result = _run("sse9", "-c", "from mcfast import _core; _core.cpu_level()")
    assert "MCFAST_CPU_LEVEL: expected a level of this processor (" in result.stderr
    assert 'got "sse9"; unset it to use the highest' in result.stderr
