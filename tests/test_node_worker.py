"""Working off the queue: results like the engine's own, and images or disks that are bad."""

import errno
import json
import os
import signal
import threading
import time

import pytest
from dicom_peers import wait_until

import mcfast
from mcfast import phantom
from mcfast.errors import DeviceError
from mcfast.node.analysis import Analysis, Died, Outcome, analyse
from mcfast.node.entry import Entry
from mcfast.node.queue import Queue
from mcfast.node.worker import Worker
from mcfast.report import write_result

CONFIG = mcfast.Config(magnify="none")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "one.dcm"
    phantom.mammogram(1, shape=(300, 220), clusters=1, label=False).save_dicom(path)
    return path


@pytest.fixture
def queue(tmp_path):
    with Queue(tmp_path / "queue") as made:
        yield made


def worker(queue, look, **options):
    settings = {"send": False, "stopping": threading.Event(), "grace": 0.0} | options
    return Worker(queue, look, **settings)


def add(queue, content):
    return queue.add([content], lambda _: Entry(origin="TEST"))[0]


def frozen(look):
    """Have the process started and held where it is."""
    look.start()
    os.kill(look._process.pid, signal.SIGSTOP)


def only(queue, state):
    (entry,) = queue.entries(state)
    return entry


def test_the_engines_own_results_in_a_process_of_its_own(queue, image, tmp_path):
    """Two images and something else, by one process; then its death, at which another is started."""
    look = Analysis(CONFIG, ("json", "cad-sr", "sr"), threads=1)
    working = worker(queue, look, send=True)
    try:
        good, bad = add(queue, image.read_bytes()), add(queue, b"this is no image" * 20)
        assert working.step() and working.step() and not working.step()
        entry = only(queue, "sending")
        assert (entry.name, entry.status, entry.reason) == (good.name, "ok", "")
        assert entry.reports == ("cad.dcm", "report.dcm")
        engine = mcfast.Engine(CONFIG, threads=1)
        expected = engine(queue.image(good))
        assert entry.sop_instance_uid == expected.mammogram.source.sop_instance_uid
        write_result(expected, tmp_path / "own", outputs=("json", "cad-sr", "sr"))
        for name in ("cad.dcm", "report.dcm"):
            assert (queue.results(good) / name).read_bytes() == (tmp_path / "own" / name).read_bytes()
        ours = json.loads((queue.results(good) / "result.json").read_text())
        theirs = expected.as_dict() | {"seconds": ours["seconds"]}
        assert ours == json.loads(json.dumps(theirs))
        failed = only(queue, "failed")
        assert (failed.name, failed.status) == (bad.name, "failed")
        assert "is of an unknown format" in failed.reason
        assert json.loads((queue.results(bad) / "result.json").read_text())["status"] == "failed"
        look._process.kill()
        look._process.join()
        add(queue, image.read_bytes() + b"\0\0")
        assert working.step()
        assert queue.count("sending") + queue.count("failed") == 3
    finally:
        look.stop()


def test_a_process_that_dies_while_it_looks(queue, image):
    """Killed from outside each time it has been given the image."""
    look = Analysis(CONFIG, ("json",), threads=1)

    def dies(path, folder, _):
        frozen(look)
        return look(path, folder, lambda: look._process.kill())  # asked once it has the image

    try:
        add(queue, image.read_bytes())
        working = worker(queue, dies)
        assert working.step()
        assert (only(queue, "incoming").deaths, queue.count("failed")) == (1, 0)
        assert working.step()
        entry = only(queue, "failed")
        assert (entry.deaths, entry.status) == (2, "failed")
        assert "the process that looked at it died" in entry.reason
        assert not list((queue.root / "temporary").iterdir())
    finally:
        look.stop()


def test_an_engine_that_does_not_start_is_not_the_images_fault(queue, image, monkeypatch):
    """The reason is told, and the image waits."""
    look = Analysis("no configuration", ("json",), threads=1)
    with pytest.raises(DeviceError, match=r"does not start: TypeError: Engine\(config\): expected"):
        look.start()
    assert look._process is None
    add(queue, image.read_bytes())
    working = worker(queue, look)
    monkeypatch.setattr(working, "_pause", 0.01)
    assert working.step()
    assert (only(queue, "incoming").deaths, queue.count("failed")) == (0, 0)


def test_an_image_that_takes_too_long(image, tmp_path):
    look = Analysis(CONFIG, ("json",), threads=1, seconds=0.0)
    frozen(look)
    with pytest.raises(Died, match="took longer than 0 s"):
        look(image, tmp_path, lambda: False)
    assert look._process is None


def test_stopped_in_the_middle(queue):
    """The image stays in the queue, and that is not held against it."""
    add(queue, b"one")
    stopping = threading.Event()
    started = threading.Event()

    def slow(path, folder, given_up):
        started.set()
        wait_until(given_up, "the end")
        raise Died("the node stops")

    running = threading.Thread(target=worker(queue, slow, stopping=stopping, grace=0.1).run)
    running.start()
    started.wait(60)
    stopping.set()
    queue.notify()
    running.join(60)
    assert not running.is_alive()
    assert only(queue, "incoming").deaths == 0


def test_results_that_cannot_be_written(queue, monkeypatch):
    """A full disk keeps the image waiting; afterwards it is done, and nothing says that it ever failed."""
    add(queue, b"one")
    outcomes = [Outcome("ok", retry="No space left on device"), Outcome("ok")]
    working = worker(queue, lambda *_: outcomes.pop(0))
    monkeypatch.setattr(working, "_pause", 0.01)
    assert working.step()
    assert only(queue, "incoming").reason == ""
    assert working.step()
    assert only(queue, "done").reason == ""


def test_a_queue_that_cannot_be_written(queue, monkeypatch):
    add(queue, b"one")
    working = worker(queue, lambda *_: Outcome("ok"))
    monkeypatch.setattr(working, "_pause", 0.01)
    calls = []

    def full(_):
        calls.append(1)
        if len(calls) < 6:
            raise OSError(errno.ENOSPC, "No space left on device")

    assert queue.take() is not None  # before the disk is full
    name = f"{only(queue, 'processing').name}.json"
    (queue.root / "processing" / name).rename(queue.root / "incoming" / name)
    with monkeypatch.context() as patch:
        patch.setattr("mcfast.node.queue.write_durably", lambda *_: full(0))
        assert working.step()
    assert calls
    assert working.step()
    assert only(queue, "done").status == "ok"


def test_one_report_that_cannot_be_made(tmp_path, image, engine):
    """The others are written, and the reason is told."""
    from mcfast.dicom.write import write_mammogram

    source = mcfast.read(image)
    path = tmp_path / "x.dcm"
    write_mammogram(path, source.pixels, spacing_mm=0.07, laterality="L", view="CC")
    import pydicom

    header = pydicom.dcmread(path)
    del header.ViewCodeSequence, header.ImageLaterality
    for name in ("ViewPosition", "Laterality"):
        header.pop(name, None)
    header.save_as(path)
    out = tmp_path / "out"
    out.mkdir()
    outcome = analyse(engine, path, out, ("json", "cad-sr", "sc"))
    assert outcome.status in ("ok", "no findings")
    assert "cad-sr must state side and view" in outcome.reason
    assert (out / "result.json").exists() and (out / "marks.dcm").exists()


def test_a_folder_that_cannot_be_written_is_not_the_images_fault(tmp_path, image, engine):
    (tmp_path / "file").write_text("")
    outcome = analyse(engine, image, tmp_path / "file" / "out", ("json",))
    assert outcome.retry
    assert not outcome.reason


def test_an_idle_worker_takes_what_comes(queue):
    stopping = threading.Event()
    running = threading.Thread(target=worker(queue, lambda *_: Outcome("ok"), stopping=stopping).run)
    running.start()
    time.sleep(0)
    add(queue, b"one")
    wait_until(lambda: queue.count("done"), "the image")
    stopping.set()
    queue.notify()
    running.join(60)
    assert not running.is_alive()
