"""Sending reports on: a peer that is down, refuses, lacks resources, and in the end has each report."""

import threading
import time
from dataclasses import replace

import dicom_files
import pytest
from dicom_peers import CT, Archive, dataset, free_port, wait_until

from mcfast.errors import ConfigError
from mcfast.node.entry import Entry
from mcfast.node.peer import Address, Backoff, Peer
from mcfast.node.queue import Queue
from mcfast.node.sender import Sender
from mcfast.node.status import summary

# pynetdicom forgets to close a socket that could not be connected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def queue(tmp_path):
    with Queue(tmp_path / "queue") as made:
        yield made


def waiting(queue, number, reports=("a.dcm", "b.dcm"), reason="", **options):
    """An image whose reports wait to be sent."""
    entry, _ = queue.add([b"image %d" % number], lambda _: Entry())
    assert queue.take() == entry
    scratch = queue.scratch()
    for place, name in enumerate(reports):
        (scratch / name).write_bytes(dicom_files.as_bytes(dataset(10 * number + place, **options)))
    queue.keep_results(entry, scratch)
    entry = replace(entry, reports=tuple(reports), reason=reason)
    queue.move(entry, "processing", "sending")
    return entry


def sender(queue, port, **pauses):
    backoff = Backoff(queue.root / "peer.json", **({"first": 0.01, "longest": 0.05} | pauses))
    peer = Peer(Address("ARCHIVE", "127.0.0.1", port), "MCFAST", seconds=30.0)
    return Sender(queue, peer, stopping=threading.Event(), backoff=backoff)


def uids(archive):
    return [str(one.SOPInstanceUID) for one in archive.received]


def states(queue):
    return {state: queue.count(state) for state in ("sending", "done", "failed") if queue.count(state)}


def test_sent_whole_and_once(queue, node_events):
    entries = [waiting(queue, 1), waiting(queue, 2, reason="no side")]
    with Archive() as archive:
        sending = sender(queue, archive.port)
        assert sending.step()
        assert not sending.step()
    assert uids(archive) == ["1.2.3.4.11", "1.2.3.4.12", "1.2.3.4.21", "1.2.3.4.22"]
    original = dataset(10)
    got = archive.received[0]
    assert got.PixelData == original.PixelData
    assert got.file_meta.TransferSyntaxUID == dicom_files.EXPLICIT
    assert states(queue) == {"done": 1, "failed": 1}
    (failed,) = queue.entries("failed")
    assert (failed.name, failed.reason, failed.sent) == (entries[1].name, "no side", ("a.dcm", "b.dcm"))
    assert [event for event, _ in node_events()] == ["sent", "sent", "done", "sent", "sent", "failed"]


def test_a_peer_that_knows_the_default_syntax_only(queue):
    waiting(queue, 1, ("a.dcm",))
    with Archive(syntaxes=[dicom_files.IMPLICIT]) as archive:
        sender(queue, archive.port).step()
    (got,) = archive.received
    assert (got.file_meta.TransferSyntaxUID, got.PixelData) == (dicom_files.IMPLICIT, dataset(10).PixelData)
    assert states(queue) == {"done": 1}


def test_a_peer_that_is_down_and_comes_up(queue, node_events):
    waiting(queue, 1)
    port = free_port()
    sending = sender(queue, port)
    running = threading.Thread(target=sending.run)
    running.start()
    wait_until(lambda: sending._backoff.failures >= 3, "failures")
    with Archive(port) as archive:
        wait_until(lambda: states(queue) == {"done": 1}, "the reports to be sent")
        sending._stopping.set()
        running.join(60)
    assert uids(archive) == ["1.2.3.4.11", "1.2.3.4.12"]
    assert sending._backoff.failures == 0
    reasons = {fields["reason"] for event, fields in node_events() if event == "not sent"}
    assert reasons == {f"ARCHIVE@127.0.0.1:{port} cannot be reached"}


def test_pauses_grow_and_outlive_a_restart(tmp_path):
    backoff = Backoff(tmp_path / "peer.json")
    assert [backoff.failed(1000.0) for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    again = Backoff(tmp_path / "peer.json")
    assert (again.failures, again.not_before) == (11, 1300.0)
    assert again.left(again.not_before, 1100.0) == 200.0
    assert again.left(again.not_before, -1e9) == 300.0  # a clock that was set back costs one pause, not years
    assert again.left(again.not_before, 2000.0) == 0.0
    assert again.pause(10_000) == 300.0
    again.succeeded()
    assert Backoff(tmp_path / "peer.json").failures == 0
    (tmp_path / "peer.json").write_text("spoilt")
    assert Backoff(tmp_path / "peer.json").failures == 0
    Backoff(tmp_path / "no folder" / "peer.json").failed(0.0)  # nowhere to write it: no reason to end


def test_out_of_resources_is_tried_for_ever(queue):
    waiting(queue, 1)
    with Archive(answers=[0xA700] * 12) as archive:
        sending = sender(queue, archive.port)
        wait_until(lambda: not sending.step() and states(queue) == {"done": 1}, "success")
    assert uids(archive) == ["1.2.3.4.11", "1.2.3.4.12"]


def test_refused_ten_times_is_failed(queue, node_events):
    """Others go on; what one peer took of an image is not sent again."""
    waiting(queue, 1)
    with Archive(answers=[0, *[0xC123] * 10]) as archive:
        sending = sender(queue, archive.port)
        wait_until(lambda: not sending.step() and states(queue) == {"failed": 1}, "failure")
        waiting(queue, 2)
        wait_until(lambda: not sending.step() and states(queue) == {"failed": 1, "done": 1}, "success")
    assert uids(archive) == ["1.2.3.4.11", "1.2.3.4.21", "1.2.3.4.22"]
    (failed,) = queue.entries("failed")
    assert (failed.refusals, failed.sent) == (10, ("a.dcm",))
    assert (failed.reason, failed.refusal) == ("", f"ARCHIVE@127.0.0.1:{archive.port} answers C123 to b.dcm")
    assert f"failed 1 x: {failed.refusal}" in summary(queue.root)
    assert len([1 for event, _ in node_events() if event == "not sent"]) == 9
    name = f"{failed.name}.json"
    (queue.root / "failed" / name).rename(queue.root / "sending" / name)  # by hand, when the peer has been mended
    with Archive() as archive:
        assert sender(queue, archive.port).step()
    assert uids(archive) == ["1.2.3.4.12"]
    assert states(queue) == {"done": 2}


def test_warnings_are_success(queue):
    waiting(queue, 1, ("a.dcm",))
    with Archive(answers=[0xB000]) as archive:
        sender(queue, archive.port).step()
    assert states(queue) == {"done": 1}


def test_kinds_that_the_peer_does_not_take(queue, node_events):
    """None of them, and one of two."""
    waiting(queue, 1, ("a.dcm",))
    with Archive(classes=[CT]) as archive:
        assert sender(queue, archive.port).step()
    event, fields = node_events()[-1]
    assert (event, fields["refusals"]) == ("not sent", 1)
    assert "takes no Digital Mammography X-Ray Image Storage - For Presentation" in fields["reason"]
    entry = waiting(queue, 2, ("a.dcm",))
    other = dataset(77, sop_class=CT, Modality="CT")
    other.file_meta.MediaStorageSOPClassUID = CT
    (queue.results(entry) / "b.dcm").write_bytes(dicom_files.as_bytes(other))
    queue.update(replace(entry, reports=("a.dcm", "b.dcm")), "sending")
    time.sleep(0.1)
    with Archive(classes=[dicom_files.FOR_PRESENTATION]) as archive:
        assert sender(queue, archive.port).step()
    assert sorted(uids(archive)) == ["1.2.3.4.11", "1.2.3.4.21"]
    assert "takes no CT Image Storage in Explicit VR Little Endian" in node_events()[-1][1]["reason"]


def test_killed_between_sending_and_noting_it(queue):
    """It is sent a second time, which is harmless: the instance is the same."""
    waiting(queue, 1)
    with Archive() as archive:
        sending = sender(queue, archive.port)

        class Killed(BaseException):
            pass

        def killed(*_):
            raise Killed

        sending._queue.update, kept = killed, sending._queue.update
        with pytest.raises(Killed):
            sending.step()
        sending._queue.update = kept
        sender(queue, archive.port).step()
    assert uids(archive) == ["1.2.3.4.11", "1.2.3.4.11", "1.2.3.4.12"]
    assert states(queue) == {"done": 1}


def test_a_report_that_somebody_removed(queue):
    entry = waiting(queue, 1)
    (queue.results(entry) / "b.dcm").unlink()
    gone = waiting(queue, 2, ("c.dcm",))
    (queue.results(gone) / "c.dcm").unlink()
    with Archive() as archive:
        sending = sender(queue, archive.port)
        wait_until(lambda: not sending.step(), "the end")
    assert uids(archive) == ["1.2.3.4.11"]
    reasons = {one.reason for one in queue.entries("failed")}
    assert reasons == {"b.dcm was removed before it was sent", "c.dcm was removed before it was sent"}


def test_reports_that_are_damaged_on_disk(queue, node_events):
    one, two = waiting(queue, 1), waiting(queue, 2, ("c.dcm",))
    (queue.results(one) / "b.dcm").write_bytes(b"no DICOM")
    (queue.results(two) / "c.dcm").write_bytes(b"")
    with Archive() as archive:
        sender(queue, archive.port).step()
    assert uids(archive) == ["1.2.3.4.11"]
    assert [(event, fields.get("reason")) for event, fields in node_events()] == [
        ("sent", None),
        ("not sent", "b.dcm is damaged on disk (InvalidDicomError)"),
        ("not sent", "c.dcm is damaged on disk (InvalidDicomError)"),
    ]
    with Queue(queue.root.with_name("other")) as other, Archive() as archive:
        entry = waiting(other, 3, ("d.dcm",))
        (other.results(entry) / "d.dcm").write_bytes(b"")
        sender(other, archive.port).step()
    assert node_events()[-1][1]["reason"] == "the reports are damaged on disk"


def test_a_host_that_is_not_known(queue, node_events):
    waiting(queue, 1)
    peer = Peer(Address("ARCHIVE", "no-such-host.invalid", 104), "MCFAST", seconds=30.0)
    assert Sender(queue, peer, stopping=threading.Event()).step()
    assert "ARCHIVE@no-such-host.invalid:104 cannot be reached" in node_events()[-1][1]["reason"]
    assert states(queue) == {"sending": 1}


@pytest.mark.parametrize(
    "text", ["", "AE", "AE@host", "@host:104", "AE@:104", "AE@host:0", "AE@host:65536", "AE@host:x"]
)
def test_addresses_that_are_none(text):
    with pytest.raises(ConfigError, match="--send-to: expected"):
        Address.parse(text)


def test_addresses():
    assert Address.parse("PACS@archive.local:104") == Address("PACS", "archive.local", 104)
    assert Address.parse("PACS@[::1]:11112") == Address("PACS", "::1", 11112)
    assert str(Address.parse("PACS@10.0.0.1:104")) == "PACS@10.0.0.1:104"
