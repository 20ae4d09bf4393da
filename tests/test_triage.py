"""Triage of an archive: a row for each file, the same rows after any number of kills, and a worklist of them."""

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet
import pytest

from mcfast import Config, phantom
from mcfast.cli import main
from mcfast.errors import ConfigError, DependencyError
from mcfast.triage.local import run_local
from mcfast.triage.manifest import Manifest, listed, parquet
from mcfast.triage.run import opened
from mcfast.triage.shard import process_shard
from mcfast.triage.tables import TABLES, schema, shard_folder, write_shard
from mcfast.triage.worklist import worklist


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """27 files in three folders: four mammograms under different names, and five kinds of bad ones."""
    folder = tmp_path_factory.mktemp("archive")
    kinds = []
    for seed in range(4):
        path = folder / f"one-{seed}.dcm"
        phantom.mammogram(seed, shape=(300, 220), clusters=seed % 2, label=False).save_dicom(path)
        kinds.append(path.read_bytes())
        path.unlink()
    bad = {"empty.dcm": b"", "cut.dcm": kinds[0][:5000], "notes.txt": b"no mammogram", "head.dcm": kinds[1][:200]}
    for sub in ("a", "b", "c"):
        (folder / sub).mkdir()
        for number in range(8):
            (folder / sub / f"{number}.dcm").write_bytes(kinds[(number + len(sub)) % 4])
    for name, content in bad.items():
        (folder / "b" / name).write_bytes(content)
    (folder / ".hidden.dcm").write_bytes(kinds[0])
    (folder / "loop").symlink_to(folder / "a")
    return folder


def rows(results, table="images", seconds=False):
    found = []
    for shard in sorted((results / "shards").glob("shard-*")):
        found += pyarrow.parquet.read_table(shard / f"{table}.parquet").to_pylist()
    return [{k: v for k, v in row.items() if seconds or not k.startswith("seconds")} for row in found]


@pytest.fixture(scope="module")
def clean(archive, tmp_path_factory):
    """Results of an uninterrupted run."""
    results = tmp_path_factory.mktemp("clean") / "results"
    assert main(["triage", str(archive), "--out", str(results), "--shard-size", "5", "--workers", "2"]) == 1
    return results


def test_a_row_for_each_file(clean, archive):
    images = rows(clean)
    assert [row["file"] for row in images] == list(listed(archive))
    assert len(images) == 28
    failed = {Path(row["file"]).name: row for row in images if row["status"] == "failed"}
    assert set(failed) == {"empty.dcm", "cut.dcm", "notes.txt", "head.dcm"}
    assert all(row["failure_type"] and row["failure_message"] and row["failure_stage"] for row in failed.values())
    assert "is empty" in failed["empty.dcm"]["failure_message"]


def test_rows_are_what_the_engine_says(clean, archive):
    import mcfast

    engine = mcfast.Engine(Config(magnify="none"))
    images = {row["file"]: row for row in rows(clean, seconds=True)}
    findings = rows(clean, "calcifications")
    clusters = rows(clean, "clusters")
    for number in range(4):
        path = str(archive / "a" / f"{number}.dcm")
        values = engine(path).as_dict()
        row = images[path]
        assert (row["score"], row["status"]) == (values["score"], values["status"])
        assert (row["rows"], row["columns"], row["laterality"]) == (300, 220, values["image"]["laterality"])
        assert row["seconds_total"] > 0
        mine = [
            {k: v for k, v in one.items() if k not in ("file", "number")} for one in findings if one["file"] == path
        ]
        assert mine == values["calcifications"]
        groups = [{k: v for k, v in one.items() if k != "file"} for one in clusters if one["file"] == path]
        assert groups == [{**one, "outline": [list(corner) for corner in one["outline"]]} for one in values["clusters"]]
        assert (row["calcifications"], row["clusters"]) == (len(mine), len(groups))


def test_killed_at_any_moment_it_goes_on(clean, archive, tmp_path):
    """kill -9 of the master after each of the first shards, in turn; its workers go with it."""
    results = tmp_path / "results"
    command = [sys.executable, "-m", "mcfast", "triage", str(archive), "--out", str(results), "--shard-size", "5"]
    for shards in (0, 1, 3):
        run = subprocess.Popen([*command, "--workers", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while run.poll() is None and len(list((results / "shards").glob("shard-*"))) <= shards:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
    before = {path.name: path.stat().st_mtime_ns for path in (results / "shards").glob("shard-*")}
    assert main([*command[3:], "--workers", "2"]) == 1
    for table in TABLES:
        assert rows(results, table) == rows(clean, table)
    after = {path.name: path.stat().st_mtime_ns for path in (results / "shards").glob("shard-*")}
    assert before.items() <= after.items()  # what was done is not done again
    assert len(after) == 6


def test_a_worker_that_dies_costs_its_file_alone(archive, tmp_path, engine):
    """The worker is killed from outside while it works; the shard is done again, whole."""
    import multiprocessing

    Manifest.write(tmp_path / "manifest.parquet", listed(archive), 14, None)
    config = Config(magnify="none")
    running = run_local(tmp_path, [0, 1], config, engine.record, 1)

    def kill():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            children = multiprocessing.active_children()
            if children:
                time.sleep(0.3)
                children[0].kill()
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill)
    killer.start()
    assert sorted(running) == [0, 1]
    killer.join()
    images = rows(tmp_path)
    assert [row["file"] for row in images] == list(listed(archive))
    assert "WorkerDied" not in {row["failure_type"] for row in images}


def test_a_file_that_kills_its_process_is_a_failed_row(archive, tmp_path, engine, monkeypatch):
    """Processes that die of one file: it alone is given up, and every other has its row."""
    from mcfast.triage import local

    killer = str(archive / "b" / "3.dcm")
    started = []

    class Mortal:
        """A pool of one process, here in this one."""

        dead = False

        def submit(self, function, path):
            answer = Future()
            self.dead = self.dead or path == killer
            if self.dead:
                answer.set_exception(BrokenProcessPool("died"))
            else:
                answer.set_result(process_shard(engine, [path]))
            return answer

    @contextmanager
    def pool(*_):
        started.append(1)
        yield Mortal()

    monkeypatch.setattr(local, "_pool", pool)
    Manifest.write(tmp_path / "manifest.parquet", listed(archive / "b"), 100, None)
    found = local._alone(tmp_path, 0, Config(), engine.record)
    images = [row for one in found for row in one["images"]]
    assert [row["file"] for row in images] == list(listed(archive / "b"))
    assert [row["file"] for row in images if row["failure_type"] == "WorkerDied"] == [killer]
    assert len(started) == 2


def test_a_worker_that_outlives_its_master_spoils_nothing(clean, archive, tmp_path, monkeypatch):
    """What is half written is taken away under another name: its writer can no longer make a shard of it."""
    from mcfast.triage.run import _clear

    half = tmp_path / ".shard-000000.abc"
    half.mkdir()
    (half / "images.parquet").write_bytes(b"")
    removed = []

    def remove(folder, **_):
        removed.append(folder.name)
        assert not half.exists()  # an orphan that renames it now fails instead of giving half of it a name

    monkeypatch.setattr("shutil.rmtree", remove)
    _clear(tmp_path)
    assert [name.startswith(".dead-") for name in removed] == [True]


def test_another_configuration_is_refused(clean, archive, capsys):
    assert main(["triage", str(archive), "--out", str(clean), "--shard-size", "7"]) == 1
    assert "holds the results of another run (shard_size was 5, is 7)" in capsys.readouterr().err
    with (
        pytest.raises(ConfigError, match="configuration_hash was"),
        opened(archive, clean, Config(omega=0.5, magnify="none"), shard_size=5),
    ):
        pass


def test_two_at_once_are_refused(clean, archive):
    config = Config(magnify="none")
    with (
        opened(archive, clean, config, shard_size=5) as plan,
        pytest.raises(ConfigError, match="another triage works here"),
        opened(archive, clean, config, shard_size=5),
    ):
        pass
    assert plan.left == []


def test_folders_that_hold_other_things_stay_as_they_are(archive, tmp_path):
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match="holds other files"), opened(archive, tmp_path, Config()):
        pass
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="holds no files"), opened(empty, tmp_path / "out", Config()):
        pass
    with (
        pytest.raises(ConfigError, match="no such folder or list"),
        opened(tmp_path / "gone", tmp_path / "o", Config()),
    ):
        pass


def test_dry_run_and_limit(archive, tmp_path, capsys):
    options = ["triage", str(archive), "--out", str(tmp_path / "out"), "--workers", "3", "--limit", "10"]
    assert main([*options, "--shard-size", "4", "--dry-run"]) == 0
    assert "10 files in 3 shards, 3 workers; nothing done" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    for option in ("--limit", "--workers", "--shard-size"):
        assert main([*options, option, "0"]) == 1
        assert f"{option}: expected a number of at least 1, got 0" in capsys.readouterr().err


def test_lists(archive, tmp_path):
    (tmp_path / "x.txt").write_text("a.dcm\n\na.dcm\n/b/c.dcm\n")
    assert list(listed(tmp_path / "x.txt")) == [str(tmp_path / "a.dcm"), "/b/c.dcm"]
    (tmp_path / "x.csv").write_text('id,path\n1,"a,b.dcm"\n')
    assert list(listed(tmp_path / "x.csv")) == [str(tmp_path / "a,b.dcm")]
    table = pyarrow.table({"path": ["p.dcm", "q.dcm"]})
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    assert list(listed(tmp_path / "x.parquet")) == [str(tmp_path / "p.dcm"), str(tmp_path / "q.dcm")]
    (tmp_path / "y.csv").write_text("file\n1\n")
    with pytest.raises(ConfigError, match="expected a column 'path', got file"):
        list(listed(tmp_path / "y.csv"))
    assert archive / "b" not in {Path(name).parent for name in listed(archive, leave_out=archive / "b")}


def test_names_that_are_no_text(tmp_path, engine):
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.dcm")
    Manifest.write(tmp_path / "m.parquet", iter([name]), 5, None)
    manifest = Manifest(tmp_path / "m.parquet")
    assert (manifest.shard(0), manifest.files, manifest.shards) == ([name], 1, 1)
    write_shard(tmp_path, 0, process_shard(engine, [name]))
    (row,) = rows(tmp_path)
    assert row["file"].endswith("caf\\udce9.dcm")
    write_shard(tmp_path, 0, [])  # a second writer changes nothing
    assert len(rows(tmp_path)) == 1
    for table in TABLES:
        assert pyarrow.parquet.read_schema(shard_folder(tmp_path, 0) / f"{table}.parquet").equals(schema(table))


def test_worklist(clean, tmp_path, capsys):
    images = rows(clean)
    ranked = worklist(clean, by_exam=False)
    assert len(ranked) == len(images)
    scores = [entry.score for entry in ranked if entry.score is not None]
    assert scores == sorted((row["score"] for row in images if row["score"] is not None), reverse=True)
    assert [entry.score for entry in ranked[-4:]] == [None] * 4
    exams = worklist(clean)
    assert sum(entry.images + entry.failed for entry in exams) == len(images)
    by_study = {}
    for row in images:
        if row["study_instance_uid"]:
            by_study.setdefault(row["study_instance_uid"], []).append(row["score"])
    assert {entry.name: entry.score for entry in exams if entry.images} == {k: max(v) for k, v in by_study.items()}
    table, page = tmp_path / "list.csv", tmp_path / "list.html"
    assert main(["worklist", str(clean), "--by", "image", "--top", "3", "--csv", str(table), "--html", str(page)]) == 0
    lines = list(csv.DictReader(table.read_text().splitlines()))
    assert [line["file"] for line in lines] == [entry.file for entry in ranked[:3]]
    assert page.read_text().count("data:image/jpeg;base64,") == 3
    assert "Research use only" in page.read_text()
    assert ranked[0].name in capsys.readouterr().out.replace("\n", "")


def test_nothing_to_rank(tmp_path, capsys):
    assert main(["worklist", str(tmp_path)]) == 1
    assert "holds no results of mcfast triage" in capsys.readouterr().err
    assert main(["worklist", str(tmp_path), "--top", "0"]) == 1


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DependencyError, match=r"pip install 'mcfast\[triage\]'"):
        parquet()


def test_what_made_the_results_is_beside_them(clean):
    about = json.loads((clean / "triage.json").read_text())
    assert about["engine"]["configuration"]["magnify"] == "none"
    assert about["identity"]["shard_size"] == 5
