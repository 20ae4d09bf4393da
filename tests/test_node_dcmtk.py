"""DCMTK sends real mammograms in the syntax that they are stored in; what is kept has the same pixels, bit for bit."""

import subprocess

import pydicom
import pytest
from dicom_peers import dcmtk

from mcfast.node.queue import Queue
from mcfast.node.receiver import Receiver

SYNTAXES = {
    "mg_deflated": "-xd",
    "mg_jpegls": "-xt",
    "mg_rle": "-xr",
    "mg_jpeg_lossless_sv1": "-xs",
    "mg_j2k_lossless": "-xv",
    "mg_mono1_j2k_lossless": "-xv",
}


@pytest.mark.parametrize("name", SYNTAXES)
def test_real_mammograms(real_data, tmp_path, name):
    send, file = dcmtk("storescu"), real_data / "ingest" / "derived" / f"{name}.dcm"
    with Queue(tmp_path) as queue:
        receiver = Receiver(queue, host="127.0.0.1", port=0)
        receiver.start()
        try:
            subprocess.run([send, SYNTAXES[name], "127.0.0.1", str(receiver.port), file], check=True, timeout=300)
        finally:
            receiver.stop()
        (entry,) = queue.entries("incoming")
        kept, sent = pydicom.dcmread(queue.image(entry)), pydicom.dcmread(file)
        assert kept.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
        assert kept.SOPInstanceUID == sent.SOPInstanceUID == entry.sop_instance_uid
        assert kept.PixelData == sent.PixelData
