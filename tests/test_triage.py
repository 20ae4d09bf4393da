"""Triage of an archive: a row for each file, whatever it is; what is refused; lists of files."""

import json
import os
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
from triage_archive import rows

from mcfast import Config
from mcfast.cli import main
from mcfast.errors import ConfigError, DependencyError
from mcfast.triage.manifest import Manifest, listed, parquet
from mcfast.triage.run import opened
from mcfast.triage.shard import process_shard
from mcfast.triage.tables import TABLES, schema, shard_folder, write_shard


def test_a_row_for_each_file(triaged, archive):
    images = rows(triaged)
    assert [row["file"] for row in images] == list(listed(archive))
    assert len(images) == 28
    failed = {Path(row["file"]).name: row for row in images if row["status"] == "failed"}
    assert set(failed) == {"empty.dcm", "cut.dcm", "notes.txt", "head.dcm"}
    assert all(row["failure_type"] and row["failure_message"] and row["failure_stage"] for row in failed.values())
    assert "is empty" in failed["empty.dcm"]["failure_message"]


def test_rows_are_what_the_engine_says(triaged, archive):
    import mcfast

    engine = mcfast.Engine(Config(magnify="none"))
    images = {row["file"]: row for row in rows(triaged, seconds=True)}
    findings = rows(triaged, "calcifications")
    clusters = rows(triaged, "clusters")
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
        flat = [{k: v for k, v in one.items() if k in schema("clusters").names} for one in values["clusters"]]
        assert groups == [{**one, "outline": [list(corner) for corner in one["outline"]]} for one in flat]
        assert (row["calcifications"], row["clusters"]) == (len(mine), len(groups))


def test_another_configuration_is_refused(triaged, archive, capsys):
    assert main(["triage", str(archive), "--out", str(triaged), "--shard-size", "7"]) == 1
    assert "holds the results of another run (shard_size was 5, is 7)" in capsys.readouterr().err
    with (
        pytest.raises(ConfigError, match="configuration_hash was"),
        opened(archive, triaged, Config(omega=0.5, magnify="none"), shard_size=5),
    ):
        pass


def test_two_at_once_are_refused(triaged, archive):
    config = Config(magnify="none")
    with (
        opened(archive, triaged, config, shard_size=5) as plan,
        pytest.raises(ConfigError, match="another triage works here"),
        opened(archive, triaged, config, shard_size=5),
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
    with pytest.raises(ConfigError, match="is no list of files; give a folder, or paths as text, CSV or Parquet"):
        list(listed(next(archive.rglob("*.dcm"))))
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


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DependencyError, match=r"pip install 'mcfast\[triage\]'"):
        parquet()


def test_what_made_the_results_is_beside_them(triaged):
    about = json.loads((triaged / "triage.json").read_text())
    assert about["engine"]["configuration"]["magnify"] == "none"
    assert about["identity"]["shard_size"] == 5
