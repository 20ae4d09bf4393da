"""Damaged files: whatever is cut or flipped, the outcome is a mammogram or one sentence, and nothing is printed."""

from __future__ import annotations

import logging
import random
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy
import pytest
from dicom_files import DEFLATED, EXPLICIT, IMPLICIT, as_bytes, compressed, mammogram_dataset, ramp

from mcfast.dicom.encode import ENCODERS
from mcfast.errors import InputError
from mcfast.mammogram import Mammogram
from mcfast.reading import read


def sample(kind: str) -> bytes:
    pixels = ramp(61, 47)
    if kind == "png":
        return imagecodecs.png_encode(pixels)
    if kind == "tiff":
        return imagecodecs.tiff_encode(pixels)
    dataset = mammogram_dataset(pixels, WindowCenter=[2000, 2100], WindowWidth=[4000, 3000], ViewPosition="CC")
    if kind in ENCODERS:
        return as_bytes(compressed(dataset, kind, [ENCODERS[kind](pixels, 12)], fragments_per_frame=2))
    return as_bytes(dataset, kind)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut, or change one to twenty bytes or bits, half of the time in the header; sometimes lose a few bytes."""
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        at = rng.randrange(min(len(changed), 900) if rng.random() < 0.5 else len(changed))
        changed[at] = changed[at] ^ 1 << rng.randrange(8) if rng.random() < 0.7 else rng.randrange(256)
        if rng.random() < 0.05:
            del changed[at : at + rng.randrange(1, 9)]
    return bytes(changed)


def outcome(data: bytes) -> str:
    try:
        mammogram = read(data, spacing_mm=0.07, any_modality=True)
    except InputError as error:
        message = str(error)
        assert message.startswith("<bytes>: "), message
        assert "; " in message, message
        assert "\n" not in message, message
        assert message.isprintable(), message
        return type(error).__name__
    assert isinstance(mammogram, Mammogram)
    assert mammogram.pixels.max() < len(mammogram.table)
    assert mammogram.table.max() < 1 << mammogram.bits
    return "read"


@pytest.mark.parametrize("kind", [IMPLICIT, EXPLICIT, DEFLATED, *ENCODERS, "png", "tiff"])
def test_damaged_files(kind, capfd):
    data = sample(kind)
    assert outcome(data) == "read"
    rng = random.Random(kind)
    outcomes = {outcome(damaged(data, rng)) for _ in range(300)}
    assert len(outcomes) > (1 if kind != "png" else 0)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize("kind", [IMPLICIT, EXPLICIT, DEFLATED, *ENCODERS, "png"])
def test_no_image_from_the_first_half(kind):
    data = sample(kind)
    for length in range(0, len(data) // 2, 97):
        assert outcome(data[:length]) != "read"


def test_reading_in_threads_leaves_warnings_and_hooks_alone(caplog):
    """Sixteen threads read sound and damaged files; the filters, hooks and logs of the process stay as they are."""
    rng = random.Random(1)
    samples = [sample(kind) for kind in (EXPLICIT, *ENCODERS)]
    files = [damaged(rng.choice(samples), rng) if index % 2 else samples[index % len(samples)] for index in range(160)]
    before = (list(warnings.filters), warnings.showwarning, sys.unraisablehook, threading.excepthook)
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(16) as pool:
        parallel = list(pool.map(outcome, files))
    assert (list(warnings.filters), warnings.showwarning, sys.unraisablehook, threading.excepthook) == before
    assert not caplog.records
    assert parallel == [outcome(data) for data in files]


def test_real_files_cut_and_flipped(real_data, capfd):
    files = sorted((real_data / "ingest").glob("*/*"))
    if not files:
        pytest.skip("no DICOM files in the folder of real mammograms")
    rng = random.Random(2)
    for path in files:
        data = path.read_bytes()
        for length in [0, 1, 131, 132, 140, 300, 900, *(rng.randrange(len(data)) for _ in range(4)), len(data) - 20]:
            assert outcome(data[:length]) != "read", (path.name, length)
        changed = bytearray(data)
        for _ in range(20):
            changed[rng.randrange(1200)] ^= 1 << rng.randrange(8)
        outcome(bytes(changed))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_pixels_belong_to_the_caller():
    """Neither the file's bytes nor another reading share memory with the pixels."""
    data = bytearray(as_bytes(mammogram_dataset(ramp())))
    first, second = read(bytes(data)), read(data)
    first.pixels[:] = 1
    data[-10:] = b"\xff" * 10
    numpy.testing.assert_array_equal(second.pixels, ramp())
