"""The durable queue: whatever ends the process, an image that was taken in is there, once, and whole."""

import errno
import json
import os
import shutil

import dicom_files
import pytest
from dicom_peers import dataset, names

from mcfast.errors import ConfigError
from mcfast.node.entry import Entry
from mcfast.node.identity import Identity, dataset_start
from mcfast.node.queue import STATES, Queue
from mcfast.node.status import summary


def described(_):
    return Entry(origin="TEST", received="2026-01-01T00:00:00Z")


def add(queue, content):
    return queue.add((content[:20], content[20:]), described)


class Killed(BaseException):
    """What `kill -9` is to the code that runs: an end in the middle."""


@pytest.fixture
def dying(monkeypatch):
    """A function that lets the process "die" at the n-th call that changes the disk; later ones do nothing at all."""
    calls = {"left": None}

    def deadly(function):
        def call(*arguments, **options):
            if calls["left"] is not None:
                if calls["left"] <= 0:
                    raise Killed
                calls["left"] -= 1
            return function(*arguments, **options)

        return call

    for name in ("fsync", "replace", "unlink", "rename"):
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))

    def at(number):
        calls["left"] = number

    return at


def state_of(root, name):
    found = [state for state in STATES if (root / state / f"{name}.json").exists()]
    assert len(found) == 1, f"{name} is in {found}"
    return found[0]


def test_the_way_of_an_image(tmp_path):
    with Queue(tmp_path / "q") as queue:
        entry, new = add(queue, b"one")
        assert new
        assert queue.image(entry).read_bytes() == b"one"
        assert state_of(queue.root, entry.name) == "incoming"
        taken = queue.take()
        assert (taken.name, taken.origin, taken.size) == (entry.name, "TEST", 3)
        assert queue.take() is None
        scratch = queue.scratch()
        (scratch / "result.json").write_text("{}")
        queue.keep_results(taken, scratch)
        queue.move(taken, "processing", "done")
        assert names(queue.root) == [
            f"done/{entry.name}.json",
            f"images/{entry.name}.dcm",
            f"results/{entry.name}/result.json",
        ]


def test_the_same_image_is_taken_in_once_in_whatever_state_it_is(tmp_path):
    with Queue(tmp_path) as queue:
        entry, _ = add(queue, b"one")
        queue.take()
        before = "processing"
        for state in ("processing", "sending", "failed", "done"):
            if state != before:
                queue.move(entry, before, state)
            before = state
            assert add(queue, b"one") == (entry, False)
            assert state_of(tmp_path, entry.name) == state
        assert add(queue, b"another")[1]
        assert not list((tmp_path / "temporary").iterdir())


def _values(entry):
    return {name: getattr(entry, name) for name in Entry.__slots__}


def test_oldest_first(tmp_path):
    with Queue(tmp_path) as queue:
        entries = [add(queue, bytes([number]) * 9)[0].name for number in range(5)]
        for number, name in enumerate(entries):
            os.utime(tmp_path / "incoming" / f"{name}.json", ns=(0, number))
    with Queue(tmp_path) as queue:
        assert [queue.take().name for _ in range(5)] == entries


@pytest.mark.parametrize("point", range(12))
def test_killed_while_taking_in(tmp_path, dying, point):
    """At every call that changes the disk. If `add` had returned, the image is there; if not, it is there or not."""
    with Queue(tmp_path) as queue:
        dying(point)
        try:
            name = add(queue, b"content")[0].name
        except Killed:
            name = None
        dying(None)
    with Queue(tmp_path) as queue:
        assert not list((tmp_path / "temporary").iterdir())
        images = [path.stem for path in (tmp_path / "images").iterdir()]
        assert len(images) <= 1 and (name is None or images == [name])
        for image in images:
            assert state_of(tmp_path, image) == "incoming"
            assert (tmp_path / "images" / f"{image}.dcm").read_bytes() == b"content"
        entry, new = add(queue, b"content")  # as the sender does that got no answer
        assert new is (not images)
        assert state_of(tmp_path, entry.name) == "incoming"


@pytest.mark.parametrize("point", range(20))
def test_killed_while_processing(tmp_path, dying, point):
    """The image is incoming again, or it is done and its results are whole; never both, never neither."""
    with Queue(tmp_path) as queue:
        name = add(queue, b"content")[0].name
        dying(point)
        try:
            taken = queue.take()
            scratch = queue.scratch()
            (scratch / "result.json").write_text("new")
            queue.keep_results(taken, scratch)
            queue.move(taken, "processing", "done")
        except Killed:
            pass
        dying(None)
    with Queue(tmp_path) as queue:
        state = state_of(tmp_path, name)
        assert state in ("incoming", "done")
        if state == "done":
            assert (tmp_path / "results" / name / "result.json").read_text() == "new"
        else:
            taken = queue.take()
            scratch = queue.scratch()
            (scratch / "result.json").write_text("again")
            queue.keep_results(taken, scratch)
            queue.move(taken, "processing", "done")
            assert (tmp_path / "results" / name / "result.json").read_text() == "again"
        assert not list((tmp_path / "temporary").iterdir())


def test_disk_that_is_full_or_fails(tmp_path, monkeypatch):
    with (
        Queue(tmp_path, min_free=1 << 62) as queue,
        pytest.raises(OSError, match="would be left on the disk") as raised,
    ):
        add(queue, b"x" * 100)
    assert raised.value.errno == errno.ENOSPC
    with Queue(tmp_path) as queue:

        def full(_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left"):
                add(queue, b"x" * 100)
        assert names(tmp_path) == []
        assert add(queue, b"x" * 100)[1]


def test_one_process_for_each_queue(tmp_path):
    with Queue(tmp_path), pytest.raises(ConfigError, match="another process works on this queue"):
        Queue(tmp_path)
    Queue(tmp_path).close()
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"holds other files \(thesis.txt\)"):
        Queue(tmp_path)


def test_what_people_do_to_a_queue(tmp_path):
    """Spoilt and removed entries lose no image; a failed one is moved back by hand to be tried again."""
    with Queue(tmp_path) as queue:
        names_ = [add(queue, bytes([number]) * 9)[0].name for number in range(3)]
        (tmp_path / "incoming" / f"{names_[0]}.json").write_text("{ no json")
        (tmp_path / "incoming" / "readme.txt").write_text("x")
        assert {queue.take().name for _ in range(3)} == set(names_)
        queue.move(Entry(name=names_[1], reason="bad"), "processing", "failed")
        shutil.move(tmp_path / "failed" / f"{names_[1]}.json", tmp_path / "incoming" / f"{names_[1]}.json")
        assert queue.take().name == names_[1]
        add(queue, b"more")
        (path,) = (tmp_path / "incoming").glob("*.json")
        path.unlink()
        assert queue.take() is None
    assert Entry.load(_written(tmp_path, "[1]")) == Entry(name="x")
    assert Entry.load(_written(tmp_path, json.dumps({"origin": "A", "new field": 1, "sent": ["r"]}))) == Entry(
        name="x", origin="A", sent=("r",)
    )


def _written(folder, text):
    path = folder / "x.json"
    path.write_text(text)
    return path


def test_what_is_done_is_forgotten_after_its_time(tmp_path):
    with Queue(tmp_path) as queue:
        for number, state in enumerate(("done", "failed")):
            entry = add(queue, bytes([number]) * 9)[0]
            queue.take()
            scratch = queue.scratch()
            (scratch / "result.json").write_text("{}")
            queue.keep_results(entry, scratch)
            queue.move(entry, "processing", state)
        assert queue.forget(0.0) == 0
        assert queue.forget(4e9) == 1
        assert names(tmp_path) == [
            f"failed/{entry.name}.json",
            f"images/{entry.name}.dcm",
            f"results/{entry.name}/result.json",
        ]


@pytest.mark.parametrize("syntax", [dicom_files.EXPLICIT, dicom_files.IMPLICIT, dicom_files.DEFLATED])
def test_identity_is_that_of_the_dataset(syntax):
    """The file meta information that a sender's software wrote does not matter; syntax and content do."""
    one = dicom_files.as_bytes(dataset(0), syntax)
    other = dataset(0)
    other.file_meta.ImplementationVersionName = "ANOTHER"
    two = dicom_files.as_bytes(other, syntax)
    assert one != two

    def name(data, cut=3000):
        identity = Identity()
        for part in (data[:cut], data[cut:]):
            identity.update(part)
        return identity.name()

    assert name(one) == name(two) == name(one, 700)
    assert dataset_start(one)[0] == syntax
    assert one[dataset_start(one)[1] :] == dicom_files.without_preamble(one)
    assert name(one) != name(one[:-1] + bytes([one[-1] ^ 1]))
    assert name(one) != name(dicom_files.as_bytes(dataset(0), dicom_files.BIG_ENDIAN))
    assert dataset_start(b"") == dataset_start(b"no DICOM" * 40) == ("", 0)
    assert dataset_start(b"\0" * 128 + b"DICM\x02\0\x10\0UI\xff\xff") == ("", 132)


def test_summary(tmp_path):
    with pytest.raises(ConfigError, match="is no queue"):
        summary(tmp_path)
    with Queue(tmp_path) as queue:
        for number in range(4):
            entry = add(queue, bytes([number]) * 9)[0]
            queue.take()
            path = queue.image(entry)
            failed = Entry(**{**_values(entry), "reason": f"{path}: is of an unknown format", "status": "failed"})
            done = Entry(**{**_values(entry), "status": "ok"})
            queue.move(*((failed, "processing", "failed") if number < 2 else (done, "processing", "done")))
        add(queue, b"waiting")
        assert summary(tmp_path) == [
            *("incoming         1", "processing       0", "sending          0", "done             2"),
            *("failed           2", "2 ok", "waiting since 2026-01-01T00:00:00Z"),
            "failed 2 x: is of an unknown format",
        ]
