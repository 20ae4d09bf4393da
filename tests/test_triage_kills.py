"""The same rows after any number of kills, of the run or of its workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import numpy
import pytest
from triage_archive import rows

from mcfast import Config, phantom
from mcfast.cli import main
from mcfast.triage.layout import Layout
from mcfast.triage.local import run_local
from mcfast.triage.manifest import Manifest, listed
from mcfast.triage.shard import process_shard
from mcfast.triage.tables import TABLES


def test_killed_at_any_moment_it_goes_on(triaged, archive, tmp_path):
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
        assert rows(results, table) == rows(triaged, table)
    after = {path.name: path.stat().st_mtime_ns for path in (results / "shards").glob("shard-*")}
    assert before.items() <= after.items()  # what was done is not done again
    assert len(after) == 6


def test_a_worker_that_dies_costs_its_file_alone(archive, tmp_path, engine):
    """The worker is killed from outside while it works; the shard is done again, whole."""
    import multiprocessing

    Manifest.write(tmp_path / "manifest.parquet", listed(archive), 14, None)
    config = Config(magnify="none")
    running = run_local(tmp_path, [0, 1], config, engine.record, Layout(1))

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
    found = local._alone(tmp_path, 0, Config(), engine.record, Layout(1))
    images = [row for one in found for row in one["images"]]
    assert [row["file"] for row in images] == list(listed(archive / "b"))
    assert [row["file"] for row in images if row["failure_type"] == "WorkerDied"] == [killer]
    assert len(started) == 2


def test_a_worker_that_outlives_its_master_spoils_nothing(triaged, archive, tmp_path, monkeypatch):
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
