"""Triage over a Ray cluster of two workers on this machine: the same rows, whatever dies."""

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from triage_archive import rows

from mcfast import Config
from mcfast.cli import main
from mcfast.errors import DependencyError, DeviceError
from mcfast.triage import ray_runner
from mcfast.triage.ray_workers import Decoder, Ledger
from mcfast.triage.run import opened
from mcfast.triage.tables import TABLES, shard_folder

# Of Ray's own making: it leaves files and processes to the interpreter's end.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)
CONFIG = Config(magnify="none")


@pytest.fixture(scope="module")
def cluster():
    """Processors for two workers and for Ray itself, and a GPU that is one in name only."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'mcfast[ray]')")
    ray_runner._ray()
    folder = tempfile.mkdtemp(prefix="mcfast-", dir="/tmp")  # Ray's sockets need a short name
    ray.init(
        *("local",),
        num_cpus=3,
        num_gpus=1,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        _temp_dir=folder,
    )
    yield ray
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def actors(name):
    """Processes below this one in which Ray runs such actors."""
    parents, found = {}, set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if name.encode() in (entry / "cmdline").read_bytes():
                    found.add(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue

    def ours(process):
        while process in parents:
            process = parents[process]
            if process == os.getpid():
                return True
        return False

    return {process for process in found if ours(process)}


def test_an_actor_dies_in_the_middle_of_a_shard(cluster, archive, triaged, tmp_path):
    """Going on with what one machine began; killed when the first shard is done, while it does another."""
    results, killed, ended = tmp_path / "results", [], threading.Event()
    shutil.copytree(triaged, results)
    for number in (0, 1, 3, 5):
        shutil.rmtree(shard_folder(results, number))
    before = {path: path.stat().st_mtime_ns for path in (results / "shards").iterdir()}

    def kill():
        while not (killed or ended.is_set()):
            if len(list((results / "shards").glob("shard-*"))) > len(before):
                for process in list(actors("MapBatches(ShardWorker)"))[:1]:
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    options = ["triage", str(archive), "--out", str(results), "--shard-size", "5", "--runner", "ray", "--workers", "1"]
    try:
        assert main(options) == 1
    finally:
        ended.set()
        killer.join()
    assert killed
    for table in TABLES:
        assert rows(results, table) == rows(triaged, table)
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())  # what is there is not done again


class Mortal(Decoder):
    """A decoder that dies of one file."""

    def _read(self, path):
        if path.endswith("b/3.dcm"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._read(path)


def test_decoders_feed_a_finder_and_one_file_kills_them(cluster, archive, triaged, tmp_path, monkeypatch):
    """The layout for a GPU, whose engine computes on the processor here; the file alone is given up."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # actors do not see this file
    monkeypatch.setattr(ray_runner, "Decoder", Mortal)
    with opened(archive, tmp_path, CONFIG, shard_size=5) as plan:
        numbers = [
            number for number, _ in plan.run(lambda plan: ray_runner.run_ray(plan, cluster, ray_runner.Pools(2, 1)))
        ]
    assert sorted(numbers) == list(range(6))
    killer = str(archive / "b" / "3.dcm")
    images = {row["file"]: row for row in rows(tmp_path)}
    assert images[killer]["failure_type"] == "WorkerDied"
    expected = {row["file"]: row for row in rows(triaged)}
    assert list(images) == list(expected)
    assert {k: v for k, v in images.items() if k != killer} == {k: v for k, v in expected.items() if k != killer}
    for table in TABLES[1:]:
        assert rows(tmp_path, table) == [row for row in rows(triaged, table) if row["file"] != killer]
    timed = [row for row in rows(tmp_path, seconds=True) if row["status"] != "failed"]
    assert all(row["seconds_read"] >= row["seconds_decode"] > 0 for row in timed)


def test_pools(cluster):
    pools, record, reason = ray_runner.pools_and_record(cluster, CONFIG, "auto", None)
    assert (pools, record.device, reason) == (ray_runner.Pools(2), "cpu", None)  # an engine says where it computes
    pools, _, reason = ray_runner.pools_and_record(cluster, CONFIG, "cpu", 1)
    assert (pools, reason) == (ray_runner.Pools(1), None)


def test_a_machine_that_is_installed_otherwise_ends_the_run(cluster, archive, tmp_path, monkeypatch):
    from dataclasses import replace

    with opened(archive, tmp_path, CONFIG, shard_size=14) as plan:
        other = replace(plan, record=replace(plan.record, version="0.0.1"))
        with pytest.raises(DeviceError, match=r"a machine of the Ray cluster has version .*, expected 0\.0\.1"):
            list(ray_runner.run_ray(other, cluster, ray_runner.Pools(1)))


def test_the_ledger_counts_what_was_not_finished():
    ledger = Ledger()
    assert [ledger.begin("a"), ledger.begin("a"), ledger.begin(("a", 1))] == [1, 2, 1]
    ledger.finish("a")
    ledger.finish("never begun")
    assert [ledger.begin("a"), ledger.begin(("a", 1))] == [1, 2]


def test_without_ray(monkeypatch, archive, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match=r"pip install 'mcfast\[ray\]'"), ray_runner.connected(1):
        pass
    assert main(["triage", str(archive), "--out", str(tmp_path / "out"), "--runner", "ray"]) == 1
    assert "--runner ray needs Ray Data" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
