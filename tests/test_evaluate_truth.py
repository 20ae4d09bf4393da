"""Truth files of every kind, and distances to what they hold."""

import json

import numpy
import pytest

from mcfast.errors import UnreadableError
from mcfast.evaluate.truth import ImageTruth, Mark, distance_to, point
from mcfast.evaluate.truth_files import read_truth

SQUARE = Mark(numpy.array([[0, 0], [0, 10], [10, 10], [10, 0]], float))

INBREAST = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>Images</key><array><dict><key>ROIs</key><array>
<dict><key>Name</key><string>Calcification</string><key>Point_px</key><array><string>(1500.5, 200.25)</string></array></dict>
<dict><key>Name</key><string>Calcification</string><key>Point_px</key>
<array><string>(10, 20)</string><string>(14, 20)</string><string>(14, 25)</string></array></dict>
<dict><key>Name</key><string>Cluster</string><key>Point_px</key>
<array><string>(0, 0)</string><string>(90, 0)</string><string>(90, 90)</string><string>(0, 90)</string></array></dict>
<dict><key>Name</key><string>Mass</string><key>Point_px</key><array><string>(5, 5)</string></array></dict>
</array></dict></array></dict></plist>
"""

OVERLAY = """TOTAL_ABNORMALITIES 2
ABNORMALITY 1
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
ASSESSMENT 4
TOTAL_OUTLINES 1
BOUNDARY
100 50 2 2 4 4 6 6 0 0 #
ABNORMALITY 2
LESION_TYPE MASS SHAPE OVAL MARGINS ILL_DEFINED
TOTAL_OUTLINES 1
BOUNDARY
7 7 2 4 6 0 #
"""


def test_distance_to_an_outline() -> None:
    places = numpy.array([[5, 5], [-3, 5], [13, 14], [5, 12], [10, 10]])
    assert distance_to(SQUARE, places, (1, 1)) == pytest.approx([0, 3, 5, 2, 0])
    assert distance_to(SQUARE, places, (0.1, 0.2)) == pytest.approx([0, 0.3, numpy.hypot(0.3, 0.8), 0.4, 0])


def test_distance_to_a_point_and_a_line() -> None:
    assert distance_to(point(3, 4), numpy.zeros((1, 2)), (0.1, 0.1)) == pytest.approx([0.5])
    line = Mark(numpy.array([[0, 0], [0, 8]], float))
    assert line.is_point
    assert distance_to(line, numpy.array([[2, 4], [0, 11]]), (1, 1)) == pytest.approx([2, 3])


def test_inside_agrees_with_pillow() -> None:
    from PIL import Image, ImageDraw

    corners = numpy.array([[5, 5], [40, 12], [22, 30], [44, 44], [8, 40], [20, 22]]) + 0.5
    picture = Image.new("1", (64, 64))
    ImageDraw.Draw(picture).polygon([(x, y) for y, x in corners], fill=1, outline=0)
    places = numpy.stack(numpy.mgrid[:64, :64], axis=-1).reshape(-1, 2)
    distance = distance_to(Mark(corners), places, (1, 1))
    clear = distance_to(Mark(numpy.concatenate([corners, corners[:1]])), places, (1, 1)) == distance
    edge = numpy.abs(distance - 1) < 1  # Pillow fills what the line touches
    drawn = numpy.asarray(picture).ravel()
    assert ((distance == 0) == drawn)[clear & ~edge & ~((distance == 0) & ~drawn)].all()
    assert (drawn & (distance > 1.5)).sum() == 0


def test_json(tmp_path) -> None:
    images = [
        {"name": "a/two.png", "patient": "p", "spacing_mm": 0.1, "calcifications": [{"row": 1, "column": 2}]},
        {"name": "one", "clusters": [{"outline": [[0, 0], [0, 4], [4, 4]]}]},
    ]
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"images": images}))
    one, two = read_truth(path)
    assert (one.name, one.patient, one.spacing_mm) == ("one", "one", None)
    assert len(one.clusters) == 1
    assert (two.name, two.patient, two.spacing_mm) == ("two", "p", (0.1, 0.1))
    assert two.calcifications[0].corners.tolist() == [[1, 2]]


def test_a_phantoms_own_truth(tmp_path, small_phantom) -> None:
    path = tmp_path / "phantom.json"
    path.write_text(json.dumps(small_phantom.truth()))
    (image,) = read_truth(path)
    assert image.name == "phantom"
    assert len(image.calcifications) == len(small_phantom.calcifications)
    assert len(image.clusters) == len({one.cluster for one in small_phantom.calcifications} - {None})


def test_csv(tmp_path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("image,row,column,patient,cluster\nb.png,1,2,P,0\nb.png,3,9,P,0\nb.png,6,4,P,0\na.png,,,Q,\n")
    a, b = read_truth(path)
    assert (a.name, a.calcifications, a.patient) == ("a", (), "Q")
    assert [mark.corners[0].tolist() for mark in b.calcifications] == [[1, 2], [3, 9], [6, 4]]
    assert len(b.clusters) == 1


def test_inbreast(tmp_path) -> None:
    path = tmp_path / "20586908.xml"
    path.write_text(INBREAST)
    (image,) = read_truth(tmp_path)
    assert image.name == "20586908"
    assert image.calcifications[0].corners.tolist() == [[200.25, 1500.5]]
    assert image.calcifications[1].corners.tolist() == [[20, 10], [20, 14], [25, 14]]
    assert not image.calcifications[1].is_point
    assert len(image.outlined) == 1


def test_ddsm(tmp_path) -> None:
    path = tmp_path / "A_1141_1.LEFT_CC.OVERLAY"
    path.write_text(OVERLAY)
    (image,) = read_truth(path)
    assert (image.name, image.patient) == ("A_1141_1.LEFT_CC", "A_1141_1")
    (cluster,) = image.clusters
    assert cluster.corners[[0, 2, 4, 6, 8]].tolist() == [[50, 100], [50, 102], [52, 102], [52, 100], [50, 100]]


def test_clusters_are_hulls_of_three_at_least() -> None:
    marks = tuple(point(*place, cluster) for place, cluster in [((0, 0), 1), ((0, 4), 1), ((4, 0), 1), ((9, 9), 2)])
    (only,) = ImageTruth("x", marks).clusters
    assert {tuple(corner) for corner in only.corners} == {(0, 0), (0, 4), (4, 0)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", "{"),
        ("t.json", '{"images": [{"calcifications": [{"row": 1}]}]}'),
        ("t.json", '{"calcifications": [{"row": "x", "column": 1}]}'),
        ("t.json", "[1]"),
        ("t.json", '{"spacing_mm": -1}'),
        ("t.csv", "image,row\n"),
        ("t.csv", "picture,row,column\na,1,2\n"),
        ("t.csv", "image,row,column\na,1,\n"),
        ("t.xml", "<html>"),
        ("t.xml", INBREAST.replace("(1500.5, 200.25)", "nowhere")),
        ("t.overlay", "nothing"),
        ("t.overlay", OVERLAY.replace("#", "")),
    ],
)
def test_what_is_no_truth_is_named(tmp_path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(
        UnreadableError, match=rf"{name}: is no truth that this version can read .*; docs/evaluation.md"
    ):
        read_truth(path)


def test_columns_that_are_missing_are_told(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("image,row,col\na,1,2\n")
    with pytest.raises(UnreadableError, match="expected columns image, row and column, got image, row, col"):
        read_truth(tmp_path / "t.csv")


def test_missing_and_unknown_files_are_named(tmp_path) -> None:
    with pytest.raises(UnreadableError, match=r"gone.json: cannot be read"):
        read_truth(tmp_path / "gone.json")
    with pytest.raises(UnreadableError, match=r"x.txt: expected one of .json"):
        read_truth(tmp_path / "x.txt")
    with pytest.raises(UnreadableError, match=r"no .json, .csv, .xml, .overlay file in this folder"):
        read_truth(tmp_path)
