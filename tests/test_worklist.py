"""The worklist: a ranking of exams or images as a table, CSV and HTML."""

import csv

from triage_archive import rows

from mcfast.cli import main
from mcfast.triage.worklist import worklist


def test_worklist(triaged, tmp_path, capsys):
    images = rows(triaged)
    ranked = worklist(triaged, by_exam=False)
    assert len(ranked) == len(images)
    scores = [entry.score for entry in ranked if entry.score is not None]
    assert scores == sorted((row["score"] for row in images if row["score"] is not None), reverse=True)
    assert [entry.score for entry in ranked[-4:]] == [None] * 4
    exams = worklist(triaged)
    assert sum(entry.images + entry.failed for entry in exams) == len(images)
    by_study = {}
    for row in images:
        if row["study_instance_uid"]:
            by_study.setdefault(row["study_instance_uid"], []).append(row["score"])
    assert {entry.name: entry.score for entry in exams if entry.images} == {k: max(v) for k, v in by_study.items()}
    table, page = tmp_path / "list.csv", tmp_path / "list.html"
    assert (
        main(["worklist", str(triaged), "--by", "image", "--top", "3", "--csv", str(table), "--html", str(page)]) == 0
    )
    lines = list(csv.DictReader(table.read_text().splitlines()))
    assert [line["file"] for line in lines] == [entry.file for entry in ranked[:3]]
    assert page.read_text().count("data:image/jpeg;base64,") == 3
    assert "Research use only" in page.read_text()
    reasons = {row["file"]: row["failure_message"] for row in images}
    assert [entry.reason for entry in ranked] == [reasons[entry.file] or "" for entry in ranked]
    assert main(["worklist", str(triaged), "--by", "image", "--html", str(page)]) == 0
    assert page.read_text().count("<tr><td>") == len(images)
    assert "empty.dcm: is empty" in page.read_text()
    assert ranked[0].name in capsys.readouterr().out.replace("\n", "")


def test_nothing_to_rank(tmp_path, capsys):
    assert main(["worklist", str(tmp_path)]) == 1
    assert "holds no results of mcfast triage" in capsys.readouterr().err
    assert main(["worklist", str(tmp_path), "--top", "0"]) == 1
