"""The receiving side against pynetdicom as a sender, well behaved and not: success only for what is on disk."""

import threading

import dicom_files
import pytest
from dicom_peers import CT, Receiving, association, dataset, encoded, names, noise, request, store, wait_until

from mcfast.dicom.suitability import MAMMOGRAMS
from mcfast.errors import ConfigError, DependencyError
from mcfast.node.identity import dataset_start
from mcfast.node.queue import Queue
from mcfast.node.receiver import Limits, Receiver
from mcfast.node.served import transfer_syntaxes

MG = dicom_files.FOR_PRESENTATION


def test_every_class_in_every_syntax_is_agreed_upon(receiving_node):
    syntaxes = transfer_syntaxes()
    assert len(set(syntaxes)) >= 45
    for sop_class in MAMMOGRAMS:
        with association(receiving_node.port, [(sop_class, [syntax]) for syntax in syntaxes]) as opened:
            agreed = {str(one.transfer_syntax[0]) for one in opened.accepted_contexts}
            assert agreed == set(syntaxes)
            assert not opened.rejected_contexts
    with association(receiving_node.port, [("1.2.840.10008.1.1", [dicom_files.IMPLICIT])]) as opened:
        assert opened.send_c_echo().Status == 0


def test_of_several_syntaxes_the_senders_first(receiving_node):
    offered = [dicom_files.JPEG_LOSSLESS_SV1, dicom_files.EXPLICIT, dicom_files.IMPLICIT]
    for turn in range(3):
        mine = offered[turn:] + offered[:turn]
        with association(receiving_node.port, [(MG, mine)]) as opened:
            assert str(opened.accepted_contexts[0].transfer_syntax[0]) == mine[0]


@pytest.mark.parametrize(
    "syntax", [dicom_files.IMPLICIT, dicom_files.EXPLICIT, dicom_files.DEFLATED, dicom_files.BIG_ENDIAN]
)
def test_the_bytes_are_those_that_came(receiving_node, node_events, syntax):
    made = dataset(syntax=syntax)
    sent = encoded(made)
    with association(receiving_node.port, [(MG, [syntax])]) as opened:
        assert store(opened, request(sent)).Status == 0
    (image,) = receiving_node.images()
    written = image.read_bytes()
    kind, start = dataset_start(written)
    assert (kind, written[start:]) == (syntax, sent)
    (entry,) = receiving_node.queue.entries("incoming")
    assert (entry.sop_instance_uid, entry.transfer_syntax_uid, entry.size) == ("1.2.3.4.1", syntax, len(written))
    assert entry.origin == "TEST@127.0.0.1"
    event, fields = node_events()[0]
    assert (event, fields["id"], fields["bytes"]) == ("received", entry.name, len(written))


def test_compressed_and_unknown_content_stay_as_they_are(receiving_node):
    """No pixel is looked at: what is in the fragments, and tomosynthesis in a syntax of video, are the worker's."""
    made = dicom_files.compressed(dataset(), dicom_files.JPEG_2000, [noise(5001)])
    sent = encoded(made)
    video = "1.2.840.10008.1.2.4.102"
    tomosynthesis = dataset(1, sop_class="1.2.840.10008.5.1.4.1.1.13.1.3")
    with association(receiving_node.port, [(MG, [dicom_files.JPEG_2000])]) as opened:
        assert store(opened, request(sent)).Status == 0
    with association(receiving_node.port, [(tomosynthesis.SOPClassUID, [video])]) as opened:
        answer = store(opened, request(encoded(tomosynthesis), tomosynthesis.SOPClassUID, "1.2.3.4.2"))
        assert answer.Status == 0
    contents = [path.read_bytes() for path in receiving_node.images()]
    assert any(content.endswith(sent) for content in contents)


def test_twice_is_once_unless_it_differs(receiving_node, node_events):
    with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
        for seed in (0, 0, 1):
            assert opened.send_c_store(dataset(seed=seed)).Status == 0
    assert [event for event, _ in node_events()] == ["received", "duplicate", "received"]
    assert len(receiving_node.images()) == 2


def test_classes_that_are_not_served(receiving_node, node_events):
    with association(receiving_node.port, [(CT, [dicom_files.EXPLICIT])]) as opened:
        assert not opened.is_established
        assert [one.result for one in opened.rejected_contexts] == [3]  # abstract syntax not supported
    wait_until(lambda: any(event == "refused" for event, _ in node_events()), "the log line")
    assert "not served: CT Image Storage" in node_events()[0][1]["reason"]


REFUSED = {
    "another class under this context": ((CT, "1.2.3.4.1"), 0x0122, "is not served under this presentation context"),
    "a path in the UID": ((MG, "../../../../etc/evil"), 0x0117, "is no UID"),
    "a UID with a line break": ((MG, "1.2\n3"), 0x0117, "is no UID"),
    "an instance that the dataset is not": ((MG, "1.2.3.4.99"), 0xA900, "is not the SOP instance"),
    "a class that the dataset is not": ((MAMMOGRAMS[1], "1.2.3.4.1"), 0xA900, "is not the SOP instance"),
}


@pytest.mark.filterwarnings("ignore")  # pydicom warns of the UIDs that are none
@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_a_status(receiving_node, node_events, what):
    (sop_class, sop_instance), status, reason = REFUSED[what]
    context = sop_class if sop_class != CT else MG
    with association(receiving_node.port, [(context, [dicom_files.EXPLICIT])]) as opened:
        answer = store(opened, request(encoded(dataset()), sop_class, sop_instance))
        assert answer.Status == status
        assert answer.ErrorComment and len(answer.ErrorComment) <= 64
        assert opened.send_c_store(dataset(5)).Status == 0 if context == MG else True  # the association lives on
    event, fields = node_events()[0]
    assert (event, fields["status"]) == ("refused", f"{status:04X}")
    assert reason in fields["reason"]
    assert len(receiving_node.images()) == (context == MG)
    outside = [path.name for path in receiving_node.queue.root.parent.iterdir()]
    assert outside == ["queue"]


@pytest.mark.parametrize("content", [b"\x08", noise(3000), b"\xff" * 3000], ids=["a byte", "noise", "ones"])
@pytest.mark.parametrize("syntax", [dicom_files.EXPLICIT, dicom_files.DEFLATED, dicom_files.IMPLICIT])
def test_what_is_no_dataset(receiving_node, content, syntax):
    with association(receiving_node.port, [(MG, [syntax])]) as opened:
        answer = store(opened, request(content))
        assert answer.Status in (0xC000, 0xA900)
    assert names(receiving_node.queue.root) == []


def test_a_hundred_at_once(receiving_node):
    """Four associations, 25 images each, every tenth of them sent by all."""
    answers = []

    def send(sender):
        with association(receiving_node.port, [(MG, [dicom_files.EXPLICIT])]) as opened:
            for number in range(25):
                mine = 1000 + number if number % 10 == 0 else sender * 100 + number
                answers.append(opened.send_c_store(dataset(mine)).Status)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    assert answers == [0] * 100
    uids = [entry.sop_instance_uid for entry in receiving_node.queue.entries("incoming")]
    assert len(uids) == len(set(uids)) == 100 - 3 * 3
    assert len(receiving_node.images()) == len(uids)


def test_too_many_associations(receiving_node, node_events):
    contexts = [(MG, [dicom_files.EXPLICIT])]
    with (
        association(receiving_node.port, contexts),
        association(receiving_node.port, contexts),
        association(receiving_node.port, contexts),
        association(receiving_node.port, contexts) as fourth,
    ):
        assert fourth.is_established
        with association(receiving_node.port, contexts) as fifth:
            assert fifth.is_rejected
            assert fifth.acceptor.primitive.reason_str == "Local limit exceeded"
    assert "rejected" in [event for event, _ in node_events()]


def test_titles(tmp_path):
    with Receiving(tmp_path, limits=Limits(titles=("FRIEND",))) as node:
        with association(node.port, [(MG, [dicom_files.EXPLICIT])], title="FOE") as opened:
            assert opened.is_rejected
        with association(node.port, [(MG, [dicom_files.EXPLICIT])], title="FRIEND") as opened:
            assert opened.is_established


def test_what_cannot_be_set_up(tmp_path, monkeypatch, receiving_node):
    with Queue(tmp_path / "other") as queue:
        for title in ("", "  ", "seventeen letters", "back\\slash", "Ünlaut", "new\nline"):
            with pytest.raises(ConfigError, match="--ae-title: expected an AE title of 1 to 16 plain characters"):
                Receiver(queue, ae_title=title)
        other = Receiver(queue, host="127.0.0.1", port=receiving_node.port)
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{receiving_node.port}"):
            other.start()
        other.stop()
        monkeypatch.setitem(__import__("sys").modules, "pynetdicom", None)
        with pytest.raises(DependencyError, match=r"pip install 'mcfast\[node\]'"):
            Receiver(queue)
