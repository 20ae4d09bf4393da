"""Images and marks of one's own: what counts as a calcification, what as none, and what is left out."""

import numpy
import pytest
from PIL import Image

from mcfast.detect.propose import propose
from mcfast.errors import InputError
from mcfast.evaluate.truth import ImageTruth, Mark, distance_to, point
from mcfast.phantom import mammogram
from mcfast.train.detector.own_images import _outlined, from_images
from mcfast.train.patches import chosen

EVERY = 100_000


@pytest.fixture(scope="module")
def drawn():
    return mammogram(53, shape=(900, 700), spacing_mm=0.1, clusters=2)


@pytest.fixture(scope="module")
def file(drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "one.png"
    Image.fromarray(drawn.image).save(path)
    return path


def outline_of(drawn) -> Mark:
    """A box around the first cluster."""
    members = numpy.array([(one.row, one.column) for one in drawn.calcifications if one.cluster == 0])
    (top, left), (bottom, right) = members.min(axis=0) - 5, members.max(axis=0) + 5
    return Mark(numpy.array([[top, left], [top, right], [bottom, right], [bottom, left]]))


def test_outlines_and_their_surroundings() -> None:
    square = Mark(numpy.array([[200, 200], [200, 300], [300, 300], [300, 200]], float))
    places = numpy.array([[125, 125], [111, 111], [90, 125], [89, 125], [92, 92], [93, 93]], numpy.int32)
    # At half the pixels the square reaches from 99.75 to 149.75; the last two lie 1.1 and 0.95 mm from its corner.
    assert _outlined(places, [square], (0.5, 0.5)).tolist() == [True, True, True, False, False, True]
    assert not _outlined(places, [], (0.5, 0.5)).any()
    ring = square.corners[numpy.arange(4).repeat(1000)]
    assert _outlined(places, [Mark(ring)], (0.5, 0.5)).tolist() == [True, True, True, False, False, True]


def test_what_lies_in_an_outline_is_no_negative(drawn, file) -> None:
    marks = tuple(point(one.row, one.column) for one in drawn.calcifications if one.cluster != 0)
    outline = outline_of(drawn)
    bare = from_images([file], [ImageTruth("one", marks)], negatives=EVERY, spacing_mm=0.1)
    left = from_images([file], [ImageTruth("one", marks, (outline,))], negatives=EVERY, spacing_mm=0.1)
    assert bare.positive.sum() == left.positive.sum() > 0
    inside = [one for one in drawn.calcifications if one.cluster == 0]
    assert (~bare.positive).sum() - (~left.positive).sum() >= 0.3 * len(inside)
    # The strongest negatives without the outline were its calcifications; no patch of them is left.
    kept = {patch.tobytes() for patch in left.pixels[~left.positive]}
    gone = [patch for patch in bare.pixels[~bare.positive] if patch.tobytes() not in kept]
    assert len(gone) == (~bare.positive).sum() - (~left.positive).sum()


def test_marks_in_an_outline_stay_positive(drawn, file) -> None:
    marks = tuple(point(one.row, one.column) for one in drawn.calcifications)
    with_outline = ImageTruth("one", marks, (outline_of(drawn),))
    plain, outlined = (
        from_images([file], [truth], negatives=EVERY, spacing_mm=0.1)
        for truth in (ImageTruth("one", marks), with_outline)
    )
    assert numpy.array_equal(plain.pixels[plain.positive], outlined.pixels[outlined.positive])
    assert (~outlined.positive).sum() < (~plain.positive).sum()


def test_unknown_candidates_are_taken_neither_way(drawn) -> None:
    candidates = propose(drawn.image, drawn.mask, threshold=1.5, limit=500, max_value=4095, even_tone=False)
    distance = distance_to(outline_of(drawn), candidates.positions, (0.1, 0.1))
    taken = chosen(candidates, (), EVERY, numpy.random.default_rng(0), distance <= 1)
    assert len(taken.positive) == (distance > 1).sum() < len(candidates)
    assert not taken.positive.any()


def test_outlines_alone_are_refused(drawn, file, tmp_path, capsys) -> None:
    truth = ImageTruth("one", (), (outline_of(drawn),))
    with pytest.raises(InputError, match=r"got none in 1 images with 0 marks and 1 outlines of clusters; mark single"):
        from_images([file], [truth], spacing_mm=0.1)
    pytest.importorskip("torch", reason="training needs torch")
    from mcfast.cli import main

    overlay = tmp_path / "one.OVERLAY"
    steps = "2 " * 80 + "4 " * 80 + "6 " * 80 + "0 " * 80
    overlay.write_text(
        "TOTAL_ABNORMALITIES 1\nABNORMALITY 1\nLESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED\n"
        f"TOTAL_OUTLINES 1\nBOUNDARY\n300 300 {steps}#\n"
    )
    command = ["train", "detector", "--images", str(file), "--truth", str(overlay), "--spacing-mm", "0.1"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert "0 marks and 1 outlines of clusters; mark single calcifications" in capsys.readouterr().err
