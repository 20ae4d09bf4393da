"""Super-resolution on images of one's own: PSNR, SSIM and PIQE tables, beside interpolations and another FSRCNN.

PSNR and SSIM follow Honjo et al.: an image is binned by 2x2, magnified again, and compared with itself. PIQE needs no
truth: it is given for the image, and for the image magnified, all with the same white.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from mcfast.errors import ConfigError, DeviceError, PixelDataError, UnreadableError
from mcfast.evaluate.piqe import piqe
from mcfast.evaluate.sr import METHODS, bin2x2, interpolate, psnr
from mcfast.evaluate.ssim import ssim
from mcfast.magnify import super_resolve
from mcfast.runtimes import Network

__all__ = ["OURS", "PEER", "Scores", "evaluate_image", "read_image", "restorers", "tables"]

Array = NDArray[Any]
Restore = Callable[[Array], Array]

OURS = "fsrcnn"
PEER = "FSRCNN of natural images (OpenCV, 8 bit)"
PICTURES = (".png", ".tif", ".tiff", ".pgm")


@dataclass(frozen=True, slots=True)
class Scores:
    """One image's numbers.

    Attributes
    ----------
    name, peak
        Of the image; the intensity of white.
    psnr, ssim
        By method: (frame, breast), dB and -1 .. 1.
    piqe
        By method, and `"original"`; empty if it was not asked for.
    """

    name: str
    peak: float
    psnr: Mapping[str, tuple[float, float]]
    ssim: Mapping[str, tuple[float, float]]
    piqe: Mapping[str, float]


def read_image(path: str | Path) -> tuple[Array, float]:
    """Presentation values and their white: pictures as they are, DICOM through its window.

    The white of a picture is that of the fewest whole bits that hold its largest value, 4095 for 12 bit.

    Raises
    ------
    InputError
        If it cannot be read; a picture that is not one gray plane of 8 or 16 bit is a `PixelDataError`.
    """
    path = Path(path)
    if path.suffix.lower() in PICTURES:
        from PIL import Image

        try:
            with Image.open(path) as picture:
                image = numpy.asarray(picture)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnreadableError(f"{path}: the picture cannot be read; fetch the file again") from error
        if image.ndim != 2 or image.dtype not in (numpy.uint8, numpy.uint16):
            raise PixelDataError(f"{path}: expected one gray plane of 8 or 16 bit, got {image.dtype} {image.shape}")
        return image, max(1.0, 2.0 ** int(image.max()).bit_length() - 1)
    from mcfast.dicom.grayscale import window
    from mcfast.reading import read

    mammogram = read(path, spacing_mm=0.1, any_modality=True)  # the spacing has no part in any score
    return window(mammogram), float((1 << mammogram.bits) - 1)


def restorers(peak: float, *, network: Network | None = None, peer: str | Path | None = None) -> dict[str, Restore]:
    """Methods that double an image, by name; each gives the image's dtype, clipped to 0 .. peak.

    Parameters
    ----------
    peak
        Intensity of white.
    network
        What `mcfast.super_resolve` shall use; `None` is the network that ships.
    peer
        An `FSRCNN_x2.pb` for OpenCV's `dnn_superres`, which works on 8 bit.

    Raises
    ------
    DeviceError
        If the peer is asked for and OpenCV with its contributed modules is not installed.
    ConfigError
        If the peer's file cannot be used.
    """

    def ours(image: Array) -> Array:
        large: Array = super_resolve(image, max_value=peak, network=network)
        return large

    def by(method: str) -> Restore:
        return lambda image: numpy.rint(numpy.clip(interpolate(image, method), 0, peak)).astype(image.dtype)

    methods: dict[str, Restore] = {OURS: ours, **{method: by(method) for method in METHODS}}
    if peer is not None:
        methods[PEER] = _peer(Path(peer), peak)
    return methods


def evaluate_image(
    name: str, image: Array, peak: float, methods: Mapping[str, Restore], *, quality: bool = False
) -> Scores:
    """All scores of one image.

    Parameters
    ----------
    name
        What to call it.
    image
        (H, W) uint8 or uint16, values 0 .. peak; the breast is where it is not zero. An odd last line is dropped for
        PSNR and SSIM.
    peak
        Intensity of white.
    methods
        From `restorers(peak)`.
    quality
        Also PIQE of the image and of its magnifications, which takes longer.
    """
    truth = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    small, breast = bin2x2(truth), truth > 0
    ratios, similarities, scores = {}, {}, {}
    for method, restore in methods.items():
        estimate = restore(small)
        ratios[method] = psnr(truth, estimate, peak=peak), psnr(truth, estimate, peak=peak, mask=breast)
        similarities[method] = ssim(truth, estimate, peak=peak), ssim(truth, estimate, peak=peak, mask=breast)
    if quality:
        scores["original"] = piqe(image, white=peak).score
        for method, restore in methods.items():
            scores[method] = piqe(restore(image), white=peak).score
    return Scores(name, peak, ratios, similarities, scores)


def tables(scores: Sequence[Scores]) -> str:
    """The scores as Markdown tables, one row for each image."""
    methods = list(scores[0].psnr)
    names = [f"{one.name} (peak {one.peak:.0f})" for one in scores]
    parts = ["PSNR in dB after 2x2 binning, frame / breast:", ""]
    parts += _table(names, methods, [[_pair(one.psnr[method], 2) for method in methods] for one in scores])
    parts += ["", "SSIM after 2x2 binning, frame / breast:", ""]
    parts += _table(names, methods, [[_pair(one.ssim[method], 4) for method in methods] for one in scores])
    if scores[0].piqe:
        columns = list(scores[0].piqe)
        parts += ["", "PIQE (less is better), of the image and of its magnifications; white becomes 255:", ""]
        parts += _table(names, columns, [[f"{one.piqe[column]:.1f}" for column in columns] for one in scores])
    return "\n".join(parts)


def _table(names: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    return lines + [f"| {name} | " + " | ".join(row) + " |" for name, row in zip(names, cells, strict=True)]


def _pair(values: tuple[float, float], digits: int) -> str:
    return " / ".join(f"{value:.{digits}f}" for value in values)


def _peer(path: Path, peak: float) -> Restore:
    try:
        cv2: Any = import_module("cv2")
        model = cv2.dnn_superres.DnnSuperResImpl_create()
    except (ImportError, AttributeError) as error:
        raise DeviceError(
            f"the peer {path.name}: {error}; install OpenCV with pip install opencv-contrib-python-headless"
        ) from error
    try:
        model.readModel(str(path))
        model.setModel("fsrcnn", 2)
    except cv2.error as error:
        raise ConfigError(f"{path}: OpenCV cannot read it ({error}); give an FSRCNN_x2.pb") from error

    def restore(image: Array) -> Array:
        eight = numpy.rint(image * (255 / peak)).astype(numpy.uint8)
        large: Array = numpy.rint(model.upsample(eight) * (peak / 255)).astype(image.dtype)
        return large

    return restore
