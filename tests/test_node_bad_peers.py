"""A receiver and peers that misbehave: nothing is lost that was promised, nothing stays of what was not."""

import errno
import os
import socket
import struct

import dicom_files
import pytest
from dicom_peers import Receiving, association, dataset, encoded, names, request, store, store_part, wait_until

from mcfast.node.receiver import Limits

MG = dicom_files.FOR_PRESENTATION


def test_too_large(receiving_node, node_events):
    """Received to its end and not kept; the next one of the same association is."""
    large = dataset(0)
    large.add_new(0x00091010, "OB", b"x" * (3 << 20))
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        assert store(opened, request(encoded(large))).Status == 0xA700
        assert names(receiving_node.queue.root) == []
        assert opened.send_c_store(dataset(1)).Status == 0
    assert "larger than 1048576 bytes" in node_events()[0][1]["reason"]
    assert len(receiving_node.images()) == 1


def test_without_end_is_aborted(receiving_node):
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        message = request(b"x" * (12 << 20))
        assert store(opened, message) is None
        wait_until(lambda: opened.is_aborted, "the abort")
    assert names(receiving_node.queue.root) == []


def test_full_disk(tmp_path, node_events, monkeypatch):
    with Receiving(tmp_path / "a", min_free=1 << 62) as node:
        with association(node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
            assert opened.send_c_store(dataset()).Status == 0xA700
        assert names(node.queue.root) == []
    with Receiving(tmp_path / "b") as node, association(node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:

        def full(_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert opened.send_c_store(dataset()).Status == 0xA700
            assert names(node.queue.root) == []
        assert opened.send_c_store(dataset()).Status == 0
        assert len(node.images()) == 1
    assert [event for event, _ in node_events()] == ["refused", "refused", "received"]
    assert "No space left on device" in node_events()[1][1]["reason"]


def test_an_error_of_ours_is_answered(receiving_node, node_events, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(receiving_node.queue, "add", broken)
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        assert opened.send_c_store(dataset()).Status == 0x0110
    assert node_events()[0][1]["reason"] == "RuntimeError: a bug"


@pytest.mark.parametrize("how", ["abort", "cut"])
def test_ended_in_the_middle(receiving_node, node_events, how):
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        store_part(opened, request(encoded(dataset())[:3000] + b"x" * 500_000))
        if how == "abort":
            opened.abort()
        else:
            opened.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        wait_until(lambda: [one for one in node_events() if one[0] == "aborted"], "the log line")
    assert names(receiving_node.queue.root) == []
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        assert opened.send_c_store(dataset()).Status == 0


def test_what_speaks_no_dicom(tmp_path, node_events):
    """Noise, PDUs without end, silence: connections are closed, and the node goes on."""
    with Receiving(tmp_path, limits=Limits(associations=2, seconds=0.5)) as node:
        for said in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">BBL", 1, 0, 0xFFFFFFFF) + b"x" * 99, b"\x01\x00"):
            with socket.create_connection(("127.0.0.1", node.port)) as connection:
                connection.settimeout(60)
                connection.sendall(said)
                assert _closed(connection)
        silent = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(12)]
        for connection in silent:
            connection.settimeout(60)
            assert _closed(connection)
            connection.close()
        wait_until(lambda: not node.receiver._server.active_associations, "the connections to end")

        def sends():  # a busy machine may be slower than half a second
            with association(node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
                return opened.is_established and opened.send_c_store(dataset()).get("Status") == 0

        wait_until(sends, "success")


def test_a_pdu_without_end(tmp_path):
    """Refused by its announcement, not when it has become silent."""
    with Receiving(tmp_path, limits=Limits(seconds=300.0)) as node:
        with socket.create_connection(("127.0.0.1", node.port)) as connection:
            connection.settimeout(60)
            connection.sendall(struct.pack(">BBL", 4, 0, 0xFFFFFFFF) + b"x" * 99)
            assert _closed(connection)
        with association(node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
            assert opened.send_c_store(dataset()).Status == 0


def _closed(connection):
    """Whether the other side ends the connection."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    return True


def test_stopped_while_a_sender_hangs(tmp_path):
    node = Receiving(tmp_path)
    with association(node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        store_part(opened, request(b"x" * 500_000))
        node.receiver.stop(0.1)
        wait_until(lambda: not opened.is_established, "the association to end")
    node.queue.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", node.port), 5)
