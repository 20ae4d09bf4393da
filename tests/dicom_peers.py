"""Peers of a DICOM node for tests: pynetdicom as sender and as archive, DCMTK, Orthanc, and ways to misbehave."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request

import dicom_files
import numpy
import pynetdicom
import pytest
from pydicom.uid import UID
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE

from mcfast.node.library import pynetdicom as ours
from mcfast.node.queue import Queue
from mcfast.node.receiver import Receiver

CT = "1.2.840.10008.5.1.4.1.1.2"


def wait_until(holds, what, seconds=300.0):
    """Poll until something holds; its value."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
    return value


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def dataset(number=0, syntax=dicom_files.EXPLICIT, sop_class=dicom_files.FOR_PRESENTATION, seed=0, **attributes):
    """A small mammogram with a UID of its own."""
    uid = attributes.pop("SOPInstanceUID", f"1.2.3.4.{number + 1}")
    made = dicom_files.mammogram_dataset(
        dicom_files.ramp(seed=seed), SOPInstanceUID=uid, SOPClassUID=sop_class, **attributes
    )
    made.file_meta.TransferSyntaxUID = UID(syntax)
    return made


def encoded(made):
    """The dataset alone, in its transfer syntax."""
    return dicom_files.without_preamble(dicom_files.as_bytes(made, str(made.file_meta.TransferSyntaxUID)))


@contextlib.contextmanager
def association(port, contexts, title="TEST"):
    """An association of ours with a node."""
    ours()
    entity = pynetdicom.AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 300
    opened = entity.associate("127.0.0.1", port, contexts=[pynetdicom.build_context(*one) for one in contexts])
    connection = opened.dul.socket.socket
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()
        if opened.is_alive():
            opened.join(60)
        if connection is not None:
            connection.close()  # pynetdicom forgets to where the other side was first


def request(data, sop_class=dicom_files.FOR_PRESENTATION, sop_instance="1.2.3.4.1"):
    """A C-STORE request that may say anything about its dataset."""
    made = C_STORE()
    made.MessageID, made.Priority = 1, 2
    made.AffectedSOPClassUID, made.AffectedSOPInstanceUID = UID(sop_class), UID(sop_instance)
    made.DataSet = io.BytesIO(data)
    return made


def store(opened, made):
    """Send a request under the first context; the status of the answer."""
    opened._reactor_checkpoint.clear()
    wait_until(lambda: opened._is_paused, "the association to listen")
    opened.dimse.send_msg(made, opened.accepted_contexts[0].context_id)
    _, answer = opened.dimse.get_msg(block=True)
    opened._reactor_checkpoint.set()
    return answer


def store_part(opened, made, share=0.5):
    """Send the beginning of a request."""
    message = C_STORE_RQ()
    message.primitive_to_message(made)
    parts = list(message.encode_msg(opened.accepted_contexts[0].context_id, 1 << 14))
    for part in parts[: max(2, int(len(parts) * share))]:
        opened.dul.send_pdu(part)
    wait_until(lambda: opened.dul.to_provider_queue.empty(), "the parts to be sent")


class Archive:
    """A Storage SCP that keeps the data sets that it gets; `answers` are given first, one by one, instead of success."""

    def __init__(self, port=0, answers=(), classes=None, syntaxes=pynetdicom.ALL_TRANSFER_SYNTAXES):
        ours()
        entity = pynetdicom.AE("ARCHIVE")
        for context in pynetdicom.AllStoragePresentationContexts:
            if classes is None or context.abstract_syntax in classes:
                entity.add_supported_context(context.abstract_syntax, syntaxes)
        entity.add_supported_context("1.2.840.10008.1.1")
        self.received, self.answers = [], list(answers)
        self.server = entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(pynetdicom.evt.EVT_C_STORE, self._store)]
        )
        self.entity, self.port = entity, self.server.server_address[1]

    def _store(self, event):
        if self.answers and (status := self.answers.pop(0)):
            return status
        kept = event.dataset
        kept.file_meta = event.file_meta
        self.received.append(kept)
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.entity.shutdown()


def dcmtk(name):
    """DCMTK's program of that name: pynetdicom brings others of the same names."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = shutil.which(name, path=folder)
        if path and "dcmtk" in subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout:
            return path
    pytest.skip(f"{name} of DCMTK is not installed (Debian: apt install dcmtk)")


class Orthanc:
    """An Orthanc server in a folder; `rest` asks it."""

    def __init__(self, folder):
        program = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
        if program is None:
            pytest.skip("Orthanc is not installed (Debian: apt install orthanc)")
        self.http, self.port = free_port(), free_port()
        settings = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "HttpPort": self.http,
            "DicomPort": self.port,
            "DicomAet": "ORTHANC",
            "AuthenticationEnabled": False,
            "Plugins": [],
        }
        (folder / "orthanc.json").write_text(json.dumps(settings))
        self.log = (folder / "orthanc.log").open("w")
        self.process = subprocess.Popen([program, folder / "orthanc.json"], stdout=self.log, stderr=self.log)

    def rest(self, path, query=None):
        data = None if query is None else json.dumps(query).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", data, timeout=120) as answer:
            return json.load(answer)

    def _answers(self):
        assert self.process.poll() is None, "Orthanc has ended"
        try:
            return self.rest("/system")
        except OSError:
            return None

    def __enter__(self):
        wait_until(self._answers, "Orthanc")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(300)
        self.log.close()


def names(root):
    """All files below a folder that are no bookkeeping."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def noise(size):
    """Bytes that are nothing."""
    return numpy.random.default_rng(1).bytes(size)


class Receiving:
    """A queue and the receiver that fills it, on a port of its own."""

    def __init__(self, root, limits=None, min_free=0):
        self.queue = Queue(root, min_free=min_free)
        self.receiver = Receiver(self.queue, host="127.0.0.1", port=0, limits=limits)
        self.receiver.start()
        self.port = self.receiver.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.receiver.stop(0.5)
        self.queue.close()

    def images(self):
        return sorted((self.queue.root / "images").iterdir())
