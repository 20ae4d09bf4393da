"""The same rows after any number of kills, of the run or of its workers."""

import os
import re
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
from mcfast.triage.layout import Layout
from mcfast.triage.local import run_local
from mcfast.triage.manifest import Manifest, listed
from mcfast.triage.shard import process_shard
from mcfast.triage.tables import TABLES


def kinds(folder):
    """The bytes of 19 mammograms and of five kinds of broken files, and how many of the 2,000 each is."""
    whole = []
    for seed in range(19):
        shape = (300, 220) if seed % 4 == 0 else (200 + seed, 150)
        phantom.mammogram(seed, shape=shape, clusters=seed % 2, label=False).save_dicom(folder / "kind.dcm")
        whole.append((folder / "kind.dcm").read_bytes())
    broken = [b"", b"no mammogram", whole[0][:5000], whole[1][:200], whole[2][:-4000]]
    return [(content, 100) for content in whole] + [(content, 20) for content in broken]


@pytest.fixture(scope="module")
def large_archive(tmp_path_factory):
    """2,000 files in 20 folders, 100 of them broken, each mammogram with identifiers of its own."""
    folder = tmp_path_factory.mktemp("large")
    contents = [content for content, copies in kinds(folder) for _ in range(copies)]
    (folder / "kind.dcm").unlink()
    for number, place in enumerate(numpy.random.default_rng(5).permutation(len(contents))):
        content = contents[place]
        for uid in set(re.findall(rb"2\.25\.\d{12,}", content)):
            content = content.replace(uid, uid[:-6] + b"%06d" % number)
        path = folder / f"{number % 20:02d}" / f"{number:04d}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder


def test_ten_kills_give_the_rows_of_one_clean_run(large_archive, tmp_path):
    """kill -9 of the run and all its workers at ten random moments, some before anything is done."""
    command = [sys.executable, "-m", "mcfast", "triage", str(large_archive), "--shard-size", "20", "--workers", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    assert subprocess.run([*command, "--out", clean], **quiet, check=False).returncode == 1
    random = numpy.random.default_rng()
    kept = {}
    for turn in range(10):
        run = subprocess.Popen([*command, "--out", killed], **quiet, start_new_session=True)
        further = random.integers(1, 10) if turn % 3 else 0  # of the 100 shards; 90 at most before the last kill
        while run.poll() is None and len(done(killed)) < len(kept) + further:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.2 if further else 2.0))
        assert run.poll() is None, "it must be killed before it ends"
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        now = done(killed)
        assert kept.items() <= now.items()  # what was done is not done again
        kept = now
    assert subprocess.run([*command, "--out", killed], **quiet, check=False).returncode == 1
    assert kept.items() <= done(killed).items()
    for table in TABLES:
        assert rows(killed, table) == rows(clean, table)
    images = rows(killed)
    assert [row["file"] for row in images] == list(listed(large_archive))
    assert sum(row["status"] == "failed" for row in images) == 100
    assert sum(row["calcifications"] for row in images) > 100
    assert len({row["sop_instance_uid"] for row in images if row["status"] != "failed"}) == 1900
    assert sorted(path.name for path in killed.iterdir()) == [".lock", "manifest.parquet", "shards", "triage.json"]
    assert all(path.name.startswith("shard-") for path in (killed / "shards").iterdir())


def done(results):
    """Shards that are done, and when each was."""
    return {path.name: path.stat().st_mtime_ns for path in (results / "shards").glob("shard-*")}


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
