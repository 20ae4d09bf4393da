"""What the benchmarks do with their measurements: tables, targets, comparisons, growth, the chart."""

import importlib.util
import json
import pathlib
import sys

import pytest

import mcfast  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))  # mcfast is imported already; this finds the benchmarks only

from benchmarks import chart, command, growth, machine, markdown, table, targets
from benchmarks.cases import CASES
from benchmarks.compare import changes, print_changes
from benchmarks.results import ALONE, COPY, OURS, Entry, Report, Row


def row_of(case="lookup", seconds=(1.0, 1.0, 1.0), threads=1, shape=(2000, 4000), peer=2.0, copy=0.5, alone=4.0):
    entries = [Entry(OURS, "timed", list(seconds)), Entry(COPY, "timed", [copy] * 3)]
    entries.append(Entry("opencv", "timed", [peer] * 3))
    if threads > 1:
        entries.append(Entry(ALONE, "timed", [alone] * 3))
    return Row(case, *shape, threads, 4 * shape[0] * shape[1], entries)


def report_of(*rows, **more):
    return Report(machine.describe(), machine.peer_versions(), list(rows), **more)


def test_numbers_of_the_table():
    row = row_of(seconds=(0.9, 1.0, 1.1))
    assert row.ours.median == 1.0 and row.ours.minimum == 0.9
    assert row.share_of_copy == 0.5
    assert row.ratio() == row.ratio("opencv") == 2.0
    assert table.cells(row) == [
        "lookup",
        "1000.00",
        "900.00",
        "125.00",
        "0.0",
        "50 %",
        "OpenCV",
        "2000.0",
        "2.0x",
        "2.0x",
    ]
    row.entry("opencv").status = "extrapolated"
    assert table.cells(row)[7:9] == ["~2000.0", "~2.0x"]


def test_targets():
    rows = [row_of("erode_disk d=15", peer=5.5), row_of("erode_disk d=31", peer=9.0)]
    rows += [row_of("dehaze", (4.0,) * 3), row_of("dehaze", (3.0,) * 3, threads=2)]
    found = {words: (value, verdict) for words, _, value, verdict in targets.verdicts(rows)}
    assert found["erode_disk d=15: at least 5x OpenCV"] == ("5.5x", "met")
    assert found["erode_disk d=31: at least 10x OpenCV"] == ("9.0x", "missed")
    assert found["dehaze: two threads 1.6x one"] == ("1.33x", "missed")
    assert targets.verdicts([row_of("erode_disk d=15", shape=(100, 100))]) == []
    named = {target.case for target in targets.TARGETS}
    assert named <= {case.name for case in CASES}


def test_results_are_kept(tmp_path):
    row = row_of()
    row.entry("opencv").difference = 0.25
    row.error, row.fresh = 1.5e-4, 4096
    report = report_of(row, sizes=[row_of()], pipeline=[{"name": "file to findings", "seconds": {"total": 1.0}}])
    report.save(tmp_path / "new" / "run.json")
    assert Report.load(tmp_path / "new" / "run.json") == report
    (tmp_path / "other.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(ValueError, match=r"other\.json: expected a benchmark of schema 1; run it again with --out"):
        Report.load(tmp_path / "other.json")


def test_brief_table():
    rows = [row_of("dehaze", (2e-3,) * 3), row_of("dehaze", (1e-3,) * 3, threads=2), row_of("lookup", (3e-3,) * 3)]
    page = markdown.brief(report_of(*rows))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    assert [line[0] for line in lines[2:]] == ["dehaze", "lookup"]
    by_column = dict(zip(lines[0], lines[2], strict=True))
    (one,) = [cell for title, cell in by_column.items() if title.endswith("1 thr")]
    assert one == f"2.0 ({rows[0].ratio('opencv'):.1f}x)"
    assert "-" in lines[3]  # lookup was not measured with two threads


def test_compare(capsys):
    before = report_of(row_of(), row_of("dehaze", (1.0, 1.1, 1.2)), row_of("box_mean r=12", (4.0, 4.0, 4.0)))
    after = report_of(
        row_of(seconds=(2.0, 2.0, 2.1)), row_of("dehaze", (0.9, 1.15, 1.3)), row_of("box_mean r=12", (1.0, 1.0, 1.0))
    )
    slower, same, faster = changes(before, after)
    assert (slower.ratio, slower.words) == (2.0, "2.00x SLOWER")
    assert same.words == "same" and same.low < 1 < same.high
    assert (faster.ratio, faster.words) == (0.25, "4.00x faster")
    print_changes(before, after)
    assert "2.00x SLOWER" in capsys.readouterr().out
    print_changes(before, report_of(row_of("lookup", threads=2)))
    assert "no case in common" in capsys.readouterr().out


def test_growth_is_fitted():
    slope, start, residual = growth.fit([10**6, 2 * 10**6, 4 * 10**6], [0.003, 0.005, 0.009])
    assert (slope, start, residual) == pytest.approx((2.0, 1.0, 0.0), abs=1e-9)
    assert growth.fit([10**6, 2 * 10**6, 4 * 10**6], [0.001, 0.004, 0.016])[2] > 0.1


def windows():
    return [
        row_of(f"{operation} {parameter}={value}" + (" eps=25" if parameter == "r" else ""), shape=(512, 512))
        for operation, (parameter, values) in growth.SWEEPS.items()
        for value in values
    ]


def test_growth_is_printed(capsys):
    sizes = [
        row_of(name, (rows * columns * 2e-9,), threads, (rows, columns), alone=rows * columns * 3e-9)
        for name in growth.SIZE_CASES
        for rows, columns in growth.SIZES + growth.LARGE_SIZES
        for threads in (1, 2)
    ]
    growth.print_growth(report_of(sizes=sizes, windows=windows()))
    printed = capsys.readouterr().out
    assert printed.count("2.00 ns/px +0.00 ms") + printed.count("2.00 ns/px -0.00 ms") == len(growth.SIZE_CASES)
    assert "2.00/1.50" in printed
    assert printed.count("OpenCV") == len(growth.SWEEPS)


def test_chart(tmp_path):
    if importlib.util.find_spec("matplotlib") is None:
        with pytest.raises(ValueError, match=r"--chart: matplotlib is not installed; pip install 'mcfast\[bench\]'"):
            chart.draw(report_of(windows=windows()), tmp_path / "chart.png")
        return
    chart.draw(report_of(windows=windows()), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="expected results with growth; run with --growth"):
        chart.draw(report_of(), tmp_path / "none.png")


def test_markdown(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{markdown.BEGIN}\nold\n{markdown.END}\nafter\n")
    markdown.insert_markdown(page, markdown.markdown(report_of(row_of(), row_of(threads=2))))
    written = page.read_text()
    assert written.startswith("before\n") and written.endswith("\nafter\n") and "old" not in written
    assert "| lookup | 1000.00 | 1000.00 | 125.00 | 0.0 | 50 % | OpenCV | 2000.0 | 2.0x | 2.0x |" in written
    assert "| lookup: two threads 1.6x one | 2000 x 4000 | 4.00x | met |" in written
    page.write_text("no marks")
    with pytest.raises(ValueError, match="expected the lines"):
        markdown.insert_markdown(page, "")


def test_a_peer_that_disagrees_is_an_exit_code_of_1(tmp_path, capsys):
    row = row_of()
    row.entry("opencv").status, row.entry("opencv").seconds = "different", []
    report_of(row).save(tmp_path / "run.json")
    assert command.main(["--load", str(tmp_path / "run.json")]) == 1
    assert "OpenCV gives another answer" in capsys.readouterr().out
