"""`mcfast serve` and `mcfast watch` as users run them: real peers, kills, signals."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import dicom_files
import pydicom
import pytest
from dicom_peers import Archive, Orthanc, association, dcmtk, names, wait_until

import mcfast
from mcfast import phantom
from mcfast.cli import main
from mcfast.report import write_result

FAST = ("--magnify", "none", "--threads", "1", "--min-free-mb", "1")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Six mammograms of two patients, with findings and without."""
    folder = tmp_path_factory.mktemp("images")
    for seed in range(6):
        made = phantom.mammogram(seed, shape=(300, 220), clusters=seed % 2, label=False)
        made.save_dicom(folder / f"{seed}.dcm")
    return sorted(folder.iterdir())


class Running:
    """The command in a process of its own, with the events that it logs."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "mcfast", *map(str, arguments), "--log-json"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.events, self.other = [], []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            (self.events.append(json.loads(line)) if line.startswith("{") else self.other.append(line))

    def named(self, event):
        return [one for one in self.events if one["event"] == event]

    def wait_for(self, event, number=1):
        def holds():
            assert self.process.poll() is None or len(self.named(event)) >= number, "".join(self.other)
            return len(self.named(event)) >= number

        wait_until(holds, f"{number} x {event}")
        return self.named(event)

    @property
    def port(self):
        return self.wait_for("started")[0]["port"]

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(300)
        self._reader.join(60)
        self.process.stderr.close()
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)


def states(queue):
    found = {state: len(list((queue / state).glob("*.json"))) for state in ("incoming", "processing", "sending")}
    found |= {state: len(list((queue / state).glob("*.json"))) for state in ("done", "failed")}
    return {state: number for state, number in found.items() if number}


def test_from_storescu_to_orthanc(images, tmp_path, capsys):
    """DCMTK sends, Orthanc gets the structured reports and shows them by REST."""
    send, echo = dcmtk("storescu"), dcmtk("echoscu")
    with Orthanc(tmp_path) as orthanc:
        arguments = ("serve", "--port", 0, "--host", "127.0.0.1", "--queue", tmp_path / "queue", *FAST)
        to = f"ORTHANC@127.0.0.1:{orthanc.port}"
        with Running(*arguments, "--send-to", to, "--report", "json,html,sr,cad-sr") as node:
            subprocess.run([echo, "127.0.0.1", str(node.port)], check=True, timeout=300)
            subprocess.run([send, "-xs", "127.0.0.1", str(node.port), *images[:2]], check=True, timeout=300)
            node.wait_for("done", 2)
            assert node.end() == 0
            assert node.named("stopped")[0]["done"] == 2
            assert len(node.named("sent")) == 4
        found = orthanc.rest("/tools/find", {"Level": "Instance", "Query": {"Modality": "SR"}, "Expand": True})
        sources = {pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path) for path in images[:2]}
        assert len(found) == 4
        titles = []
        for one in found:
            tags = orthanc.rest(f"/instances/{one['ID']}/simplified-tags")
            referred = tags["CurrentRequestedProcedureEvidenceSequence"][0]["ReferencedSeriesSequence"][0]
            source = sources[referred["ReferencedSOPSequence"][0]["ReferencedSOPInstanceUID"]]
            assert tags["StudyInstanceUID"] == source.StudyInstanceUID
            assert tags["PatientID"] == source.PatientID
            titles.append(tags["ConceptNameCodeSequence"][0]["CodeMeaning"])
        assert sorted(titles) == ["Imaging Measurement Report"] * 2 + ["Mammography CAD Report"] * 2
    assert main(["serve", "--status", str(tmp_path / "queue")]) == 0
    assert "done             2" in capsys.readouterr().out
    results = [path for path in names(tmp_path / "queue") if path.startswith("results/")]
    assert {path.rpartition("/")[2] for path in results} == {"result.json", "report.html", "report.dcm", "cad.dcm"}


def test_killed_again_and_again(images, tmp_path):
    """kill -9 while images come, are processed and are sent: each has one result, and every report arrives."""
    queue = tmp_path / "queue"
    to_send = list(images)
    archive = Archive()
    arguments = ("serve", "--port", 0, "--host", "127.0.0.1", "--queue", queue, *FAST)
    arguments += ("--send-to", f"ARCHIVE@127.0.0.1:{archive.port}", "--report", "json,cad-sr")
    with archive:
        for event in ("received", "processed", "sent", "stopped"):
            with Running(*arguments) as node:
                with association(
                    node.port, [(dicom_files.FOR_PRESENTATION, [dicom_files.JPEG_LOSSLESS_SV1])]
                ) as opened:
                    for path in list(to_send) if event == "stopped" else to_send[:2]:
                        if opened.send_c_store(pydicom.dcmread(path)).get("Status") == 0:
                            to_send.remove(path)
                    if event != "stopped":
                        node.wait_for(event)
                        node.end(signal.SIGKILL)
                if event == "stopped":
                    wait_until(lambda: states(queue) == {"done": len(images)}, f"all to be done, now {states(queue)}")
                    assert node.end() == 0
        received = {str(one.SOPInstanceUID): one for one in archive.received}
    assert not to_send
    engine = mcfast.Engine(mcfast.Config(magnify="none"), threads=1)
    expected = {}
    for entry in (queue / "done").iterdir():
        image = queue / "images" / f"{entry.stem}.dcm"
        result = engine(image)
        write_result(result, tmp_path / "own", outputs=("cad-sr",))
        expected[str(pydicom.dcmread(tmp_path / "own" / "cad.dcm").SOPInstanceUID)] = 1
        kept = json.loads((queue / "results" / entry.stem / "result.json").read_text())
        assert kept == json.loads(json.dumps(result.as_dict() | {"seconds": kept["seconds"]}))
    assert set(received) == set(expected)
    assert len(list((queue / "results").iterdir())) == len(images)
    assert not list((queue / "temporary").iterdir())


def test_a_watched_folder(images, tmp_path):
    """Files that are there, one that comes later, one that is no image; SIGINT ends it; a second run has nothing to do."""
    folder, queue = tmp_path / "in", tmp_path / "queue"
    folder.mkdir()
    (folder / "one.dcm").write_bytes(images[0].read_bytes())
    (folder / "notes.txt").write_text("no image, but nothing is passed over in silence")
    arguments = ("watch", folder, "--settle", 0.1, "--queue", queue, "--report", "json", *FAST)
    with Running(*arguments) as node:
        node.wait_for("processed")
        (folder / "two.part").write_bytes(images[1].read_bytes())
        (folder / "two.part").rename(folder / "two.dcm")
        node.wait_for("processed", 2)
        (failed,) = node.wait_for("failed")
        assert "is of an unknown format" in failed["reason"]
        assert node.end(signal.SIGINT) == 0
    assert states(queue) == {"done": 2, "failed": 1}
    with Running(*arguments) as node:
        (started,) = node.wait_for("started")
        assert (started["incoming"], started["sending"]) == (0, 0)
        (folder / "three.dcm").write_bytes(images[2].read_bytes())
        node.wait_for("processed")
        assert len(node.named("received")) == 1
        assert node.end() == 0
    assert states(queue) == {"done": 3, "failed": 1}


def test_one_node_for_each_queue(tmp_path):
    with Running("watch", tmp_path, "--queue", tmp_path / "queue", *FAST) as node:
        node.wait_for("started")
        second = subprocess.run(
            [sys.executable, "-m", "mcfast", "watch", tmp_path, "--queue", tmp_path / "queue", *FAST],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert second.returncode == 1
        assert "another process works on this queue" in second.stderr
        assert "Traceback" not in second.stderr
        os.kill(node.process.pid, signal.SIGTERM)
        assert node.end() == 0


def test_a_part_that_breaks_ends_the_node(tmp_path, monkeypatch):
    """Half a node would look like a whole one."""
    from mcfast.node.service import Node, NodeConfig

    node = Node(NodeConfig(tmp_path / "queue", min_free=0))
    monkeypatch.setattr(node._look, "start", lambda: None)

    def broken():
        raise RuntimeError("a bug")

    node._loops.append(broken)
    node.start()
    assert node.stopping.wait(60)
    node.stop()
    assert str(node.error) == "a bug"


def test_reports_that_wait_without_a_peer_are_told_of(tmp_path, monkeypatch, caplog):
    from mcfast.node.entry import Entry
    from mcfast.node.queue import Queue
    from mcfast.node.service import Node, NodeConfig

    with Queue(tmp_path) as queue:
        entry, _ = queue.add([b"x"], lambda _: Entry())
        queue.take()
        queue.move(entry, "processing", "sending")
    node = Node(NodeConfig(tmp_path, min_free=0, keep_days=1.0))
    monkeypatch.setattr(node._look, "start", lambda: None)
    node.start()
    node.stop()
    assert "reports wait to be sent; give --send-to" in [
        getattr(one, "fields", {}).get("reason") for one in caplog.records
    ]


WRONG = {
    "--report nothing": "--report: expected some of",
    "--report json --send-to A@b:1": "to send, got 'json'",
    "--send-to pacs": "--send-to: expected AE@host:port, got 'pacs'",
    "--port 70000": "--port: expected 0 to 65535, got 70000",
    "--max-associations 0": "--max-associations: expected at least 1, got 0",
    "--max-object-mb 0": "--max-object-mb: expected a number of at least 1, got 0",
    "--keep-days -1": "--keep-days: expected a number of at least 0, got -1.0",
    "--ae-title MUCH-TOO-LONG-A-TITLE": "--ae-title: expected an AE title",
    "--watch /no/such/folder": "there is no such folder",
    "--status /no/such/queue": "is no queue",
}


@pytest.mark.parametrize("options", WRONG)
def test_wrong_options(options, tmp_path, capsys):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert main(["serve", "--queue", str(tmp_path / "queue"), *options.split()]) == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert WRONG[options] in capsys.readouterr().err


def test_lines_of_the_log():
    """What a peer may put into its title or UID ends no line and forges no field."""
    import logging

    from mcfast.node.log import _Json, _Lines

    record = logging.LogRecord("mcfast.node", logging.WARNING, "", 0, "refused", (), None)
    record.fields = {"origin": 'EVIL\n2026 info received" id=7', "bytes": 5, "seconds": 0.12345, "path": "a\udce9"}
    line = _Lines().format(record)
    assert line.endswith(
        'warning refused origin="EVIL\\n2026 info received\\" id=7" bytes=5 seconds=0.123 path="a\\udce9"'
    )
    assert line.count("\n") == 0
    values = json.loads(_Json().format(record))
    assert (values["event"], values["origin"]) == ("refused", 'EVIL\n2026 info received" id=7')
    assert time.strptime(values["time"], "%Y-%m-%dT%H:%M:%SZ")
