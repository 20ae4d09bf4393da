"""The watched folder: files that are finished go into the queue, each once."""

import os
import threading

import dicom_files
import pytest
from dicom_peers import dataset

from mcfast.errors import ConfigError
from mcfast.node.entry import Entry
from mcfast.node.queue import Queue
from mcfast.node.watch import Watch


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def queue(tmp_path):
    with Queue(tmp_path / "queue") as made:
        yield made


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when a test says so."""
    now = [0.0]
    monkeypatch.setattr("mcfast.node.watch.monotonic", lambda: now[0])

    def later(seconds=3.0):
        now[0] += seconds

    return later


def watching(queue, folder, **options):
    return Watch(queue, folder, stopping=threading.Event(), **options)


def test_taken_when_it_has_settled(queue, folder, clock):
    file = folder / "a.dcm"
    watch = watching(queue, folder)
    file.write_bytes(b"x" * 100)
    assert watch.step() == 0
    clock(1.0)
    assert watch.step() == 0  # not long enough
    with file.open("ab") as more:
        more.write(b"y")
    clock()
    assert watch.step() == 0  # it has grown
    clock()
    assert watch.step() == 1
    clock()
    assert watch.step() == 0
    (entry,) = queue.entries("incoming")
    assert queue.image(entry).read_bytes() == b"x" * 100 + b"y"
    assert entry.origin == str(file)
    assert file.exists()


def test_written_over_after_it_was_taken(queue, folder, clock):
    file = folder / "a.dcm"
    file.write_bytes(b"one")
    watch = watching(queue, folder, settle=0.0)
    assert [watch.step(), watch.step(), watch.step()] == [0, 1, 0]
    (folder / ".new").write_bytes(b"two")
    (folder / ".new").rename(file)
    assert [watch.step(), watch.step(), watch.step()] == [0, 1, 0]
    os.utime(file, ns=(5, 5))  # touched only: looked at, and known
    assert [watch.step(), watch.step()] == [0, 0]
    assert queue.count("incoming") == 2


def test_a_restart_does_not_begin_again(queue, folder, clock, monkeypatch):
    for number in range(3):
        (folder / f"{number}.dcm").write_bytes(bytes([number]))
    first = watching(queue, folder, settle=0.0)
    assert [first.step(), first.step()] == [0, 3]
    ledger = queue.root / "watched.jsonl"
    ledger.write_text(ledger.read_text()[:-4])  # killed while it noted the last one down
    second = watching(queue, folder, settle=0.0)
    read = []
    monkeypatch.setattr(queue, "add", lambda *_: read.append(1) or (Entry(), False))
    assert [second.step(), second.step()] == [0, 0]
    assert len(read) == 1
    third = watching(queue, folder, settle=0.0)
    assert [third.step(), third.step()] == [0, 0]
    assert len(read) == 1


def test_what_is_left_alone(queue, folder, clock, tmp_path):
    for name in (".hidden", "a.dcm.part", "b.TMP", "c~"):
        (folder / name).write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "d.dcm").write_bytes(b"x")
    os.mkfifo(folder / "pipe")
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "sub").mkdir()
    (folder / "sub" / "e.dcm").write_bytes(b"y")
    (folder / "sub" / "loop").symlink_to(folder)
    watch = watching(queue, folder, settle=0.0)
    assert [watch.step(), watch.step(), watch.step()] == [0, 1, 0]
    with Queue(folder / "sub" / "queue") as inner:
        watch = watching(inner, folder, settle=0.0)
        assert [watch.step(), watch.step(), watch.step()] == [0, 1, 0]


def test_names_that_are_no_text(queue, folder, clock):
    name = os.fsencode(folder) + b"/caf\xe9.dcm"
    os.close(os.open(name, os.O_CREAT))
    for _ in range(2):
        watch = watching(queue, folder, settle=0.0)
        watch.step()
        watch.step()
    assert queue.count("incoming") == 1


def test_too_large_full_and_unreadable(queue, folder, clock, caplog, monkeypatch):
    caplog.set_level("INFO", "mcfast.node")
    (folder / "large").write_bytes(b"x" * 2000)
    (folder / "small").write_bytes(b"x" * 10)
    queue.min_free = 1 << 62
    watch = watching(queue, folder, settle=0.0, longest=1000)
    assert [watch.step(), watch.step()] == [0, 0]
    queue.min_free = 0
    assert watch.step() == 0  # not at once
    clock(20.0)
    assert watch.step() == 1
    told = [(one.getMessage(), one.fields["reason"]) for one in caplog.records if "reason" in one.fields]
    assert told == [
        ("refused", "larger than 0 MiB"),
        ("not taken", "less than 17592186044416 MiB would be left on the disk".replace("17592186044416", str(1 << 42))),
    ]


def test_changed_while_it_was_read(queue, folder, clock, monkeypatch):
    file = folder / "a.dcm"
    file.write_bytes(b"x" * 100)
    watch = watching(queue, folder, settle=0.0)
    watch.step()
    real = queue.add

    def grows(pieces, describe):
        def slowly():
            for piece in pieces:
                with file.open("ab") as more:  # with each piece: a file that never ends
                    more.write(b"more" * (1 << 19))
                yield piece

        return real(slowly(), describe)

    with monkeypatch.context() as patch:
        patch.setattr(queue, "add", grows)
        assert watch.step() == 0
    assert queue.count("incoming") == 0
    clock(20.0)
    watch.step()
    clock(20.0)
    assert watch.step() == 1
    (entry,) = queue.entries("incoming")
    assert entry.size == file.stat().st_size > 100


def test_removed_once_it_is_in_the_queue(queue, folder, clock):
    data = dicom_files.as_bytes(dataset())
    for name in ("a.dcm", "b.dcm"):
        (folder / name).write_bytes(data)
    watch = watching(queue, folder, settle=0.0, remove=True)
    assert [watch.step(), watch.step()] == [0, 1]
    assert not list(folder.iterdir())
    (entry,) = queue.entries("incoming")
    assert queue.image(entry).read_bytes() == data
    assert entry.transfer_syntax_uid == dicom_files.EXPLICIT


def test_no_folder(queue, tmp_path):
    with pytest.raises(ConfigError, match="there is no such folder"):
        watching(queue, tmp_path / "gone")


def test_a_folder_that_goes_and_comes(queue, folder, clock):
    watch = watching(queue, folder, settle=0.0)
    folder.rename(folder.with_name("away"))
    assert watch.step() == 0
    folder.with_name("away").rename(folder)
    (folder / "a.dcm").write_bytes(b"x")
    assert [watch.step(), watch.step()] == [0, 1]
