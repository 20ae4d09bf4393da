"""The table of stages that `mcfast run` prints."""

import shutil

from mcfast import stream
from mcfast.cli import main


def test_writing_is_a_stage_like_the_others(small_dicom, tmp_path, capsys, monkeypatch):
    """In the stream's counters, and in the table with both quantiles where there are several images."""
    made, begin = [], stream.Stream.__init__
    monkeypatch.setattr(stream.Stream, "__init__", lambda self, *a, **k: (made.append(self), begin(self, *a, **k))[1])
    other = shutil.copy(small_dicom, tmp_path / "other.dcm")
    arguments = ["--out", str(tmp_path / "out"), "--write", "json", "--magnify", "none"]
    assert main(["run", str(small_dicom), str(other), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "median of 2, ms" in printed and "p99, ms" in printed
    (own,) = made
    stages = own.counters().stages
    assert stages["write"].count == stages["total"].count == 2
    (row,) = (line.split() for line in printed.splitlines() if line.startswith("write "))
    assert row[1:3] == [f"{1000 * value:.1f}" for value in (stages["write"].p50, stages["write"].p99)]
