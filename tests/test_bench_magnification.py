"""The benchmark of the magnifier on a tiny image: answers are compared, numbers are what they say. Times are not."""

import pathlib
import sys

import numpy
import pytest

import mcfast  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # mcfast is imported already; this finds the benchmarks only

from benchmarks import magnification
from benchmarks.inputs import Inputs
from benchmarks.results import OURS, Report
from benchmarks.rounds import Pace
from mcfast import _core

PACE = Pace(rounds=1, least=1, patience=0.0)


def _phantom(shape):
    from mcfast import phantom

    return Inputs(phantom.mammogram(3, shape=shape).image)


def test_operations_of_the_papers_network():
    plain, executed = magnification.operations((56, 12, 4))
    assert plain == 2 * (25 * 56 + 56 * 12 + 4 * 9 * 12 * 12 + 12 * 56 + 81 * 56) == 2 * 12464
    assert executed == 2 * 6512


def test_measures_and_tabulates(tmp_path, capsys):
    runs = magnification.measure_magnification([(300, 280)], _phantom, (1, 2), PACE, lambda what: None)
    assert [(run["name"], run["threads"]) for run in runs] == [("frame", 1), ("breast", 1), ("frame", 2), ("breast", 2)]
    assert all(run["apart"] <= 1 and run["peak"] > 1e9 for run in runs)
    assert all(len(seconds) == 1 for run in runs for seconds in run["seconds"].values())
    assert runs[0]["pixels"] == 300 * 280 > runs[1]["pixels"] > 0
    fixed = {**runs[0], "seconds": {OURS: [1.0, 2.0, 4.0], magnification.PEER: [8.0] * 3}, "peak": 84000 * 13024.0}
    assert magnification.table([fixed])[1] == [
        "frame, 300 x 280", "1", "2.00", "1.00", "100 %", "100 %", "8.00", "8.00", "4.0x", "1", "1", "1", "50 %",
    ]  # fmt: skip
    report = Report({}, {}, magnification=runs)
    report.save(tmp_path / "x.json")
    assert Report.load(tmp_path / "x.json").magnification == runs
    magnification.print_magnification(runs)
    assert "onnxruntime in tiles of 256" in capsys.readouterr().out


def test_another_answer_is_not_timed(monkeypatch):
    genuine = magnification._call

    def wrong(image, mask, network, threads):
        run = genuine(image, mask, network, threads)
        return (lambda: run() + numpy.uint16(2)) if network.runtime == magnification.PEER else run

    monkeypatch.setattr(magnification, "_call", wrong)
    with pytest.raises(ValueError, match="onnxruntime gives another answer, by [23] counts"):
        magnification.measure_magnification([(64, 64)], _phantom, (1,), PACE, lambda what: None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.1), r"peak_flops\(threads\): expected 1 to 256, got 0"),
        ((1, 0), r"peak_flops\(seconds\): expected 0.001 to 10, got 0"),
    ],
)
def test_peak_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        _core.peak_flops(*arguments)
