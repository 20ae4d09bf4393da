"""Clusters found in the mini-MIAS database: digitised film at 0.2 mm, circles around clusters as the truth.

Suckling et al., "The Mammographic Image Analysis Society digital mammogram database", Excerpta Medica ICS 1069, 1994.
The images have half the resolution that the detector was made for, 8 bits, and film grain: a hard test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from mcfast import runtimes
from mcfast.detect import DetectorConfig, detect
from mcfast.errors import InputError
from mcfast.ops import resample

__all__ = ["Circle", "evaluate_mini_mias", "read_circles"]

SPACING_MM = 0.2
CANONICAL_MM = 0.1
ROWS = 1024


@dataclass(frozen=True, slots=True)
class Circle:
    """A cluster of calcifications; row and column in pixels from the top left, radius in pixels."""

    row: float
    column: float
    radius: float


def read_circles(information: str) -> dict[str, list[Circle]]:
    """Circles by image from the text of `Info.txt`: lines such as `mdb209 G CALC M 647 503 87`.

    The file counts y from the bottom. Images whose calcifications are everywhere have no numbers and get no circle.
    """
    circles: dict[str, list[Circle]] = {}
    for line in information.splitlines():
        words = line.split()
        if len(words) >= 4 and words[2] == "CALC":
            found = circles.setdefault(words[0], [])
            if len(words) >= 7 and all(word.isdigit() for word in words[4:7]):
                x, y, radius = (float(word) for word in words[4:7])
                found.append(Circle(ROWS - 1 - y, x, radius))
    return circles


def evaluate_mini_mias(
    folder: str | Path, network: bytes, *, config: DetectorConfig | None = None, threads: int = 2
) -> dict[str, Any]:
    """Find clusters in every image of the folder and compare them with the circles.

    A circle is hit if a cluster has a member in it or within 2 mm of it; a cluster with no member there is false.
    Images without circles take no part.

    Returns
    -------
    Number of images and circles, share of circles hit by a cluster, share hit by any calcification, false clusters per
    image.

    Raises
    ------
    InputError
        If the folder holds no `Info.txt` or an image that it names is missing.
    """
    from PIL import Image

    folder = Path(folder)
    try:
        circles = {name: found for name, found in read_circles((folder / "Info.txt").read_text()).items() if found}
    except OSError as error:
        raise InputError(
            f"{folder}/Info.txt: cannot be read ({error.strerror}); give the folder of mini-MIAS"
        ) from error
    loaded = runtimes.load(network, threads=threads)
    scale = SPACING_MM / CANONICAL_MM
    hit, touched, false, total = 0, 0, 0, 0
    for name, truth in sorted(circles.items()):
        path = folder / f"{name}.pgm"
        if not path.exists():
            raise InputError(f"{path}: missing; give the folder of mini-MIAS with all images of calcifications")
        pixels = resample(numpy.asarray(Image.open(path)), scale)
        found = detect(pixels, CANONICAL_MM, max_value=255, network=loaded, config=config)
        places = numpy.array([(one.row, one.column) for one in found.calcifications]).reshape(-1, 2)
        places = (places + 0.5) / scale - 0.5
        clusters = numpy.array([-1 if one.cluster is None else one.cluster for one in found.calcifications], int)
        near = numpy.array([_near(places, circle) for circle in truth]).reshape(len(truth), len(places))
        hit += int((near & (clusters >= 0)).any(axis=1).sum())
        touched += int(near.any(axis=1).sum())
        total += len(truth)
        false += sum(not near[:, clusters == one.id].any() for one in found.clusters)
    images = len(circles)
    return {
        "images": images,
        "circles": total,
        "hit_by_cluster": hit / max(total, 1),
        "hit_by_calcification": touched / max(total, 1),
        "false_clusters_per_image": false / max(images, 1),
    }


def _near(places: Any, circle: Circle) -> Any:
    distance = numpy.hypot(places[:, 0] - circle.row, places[:, 1] - circle.column)
    return distance <= circle.radius + 2.0 / SPACING_MM
