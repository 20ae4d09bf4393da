"""Patches of a grid: where they lie, what they are called, and where they come from."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mcfast.detect.classify import candidate_patches
from mcfast.detect.mask import breast_mask
from mcfast.detect.propose import propose
from mcfast.errors import InputError, UnreadableError
from mcfast.evaluate.truth import ImageTruth, Mark, point
from mcfast.phantom import mammogram
from mcfast.rasters import read_array
from mcfast.train.classifier import sources
from mcfast.train.classifier.patches import BREAST, GridPatches, cut_patches, deal, grid, patch_labels
from mcfast.train.classifier.sources import from_marked, from_phantoms, from_table
from mcfast.train.scenes import in_noise


@pytest.fixture(scope="module")
def phantom():
    return mammogram(5, shape=(420, 330), spacing_mm=0.1, clusters=1)


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.integers(1, 40),
)
def test_patches_lie_inside_and_apart(shape, ends, side) -> None:
    mask = numpy.zeros(shape, bool)
    rows, columns = (
        slice(*sorted(round(end * length) for end in pair))
        for pair, length in ((ends[:2], shape[0]), (ends[2:], shape[1]))
    )
    mask[rows, columns] = True
    seen = numpy.zeros(shape, int)
    for row, column in grid(mask, side):
        assert 0 <= row <= shape[0] - side
        assert 0 <= column <= shape[1] - side
        assert mask[row : row + side, column : column + side].mean() >= BREAST
        seen[row : row + side, column : column + side] += 1
    assert seen.max(initial=0) <= 1


def test_the_grid_covers_the_breast() -> None:
    mask = numpy.zeros((100, 70), bool)
    mask[20:75, 0:33] = True  # 55 rows want 3 patches of 20 on their middle, 33 columns want 2 from the border
    assert grid(mask, 20).tolist() == [[17, 0], [17, 20], [37, 0], [37, 20], [57, 0], [57, 20]]
    mask[20:75, 25:33] = False  # the second column holds 5 of 20: a quarter
    mask[20:37, 20:25] = False  # and nothing in the first row
    assert grid(mask, 20).tolist() == [[17, 0], [37, 0], [37, 20], [57, 0]]
    assert len(grid(mask, 101)) == 0
    assert len(grid(numpy.zeros((50, 50), bool), 10)) == 0


def test_labels_by_hand() -> None:
    """Four patches of 10: rows and columns 0 .. 9 and 10 .. 19, whose pixels reach from -0.5 to 9.5 and on to 19.5."""
    origins = numpy.array([(0, 0), (0, 10), (10, 0), (10, 10)])

    def labels(*boxes):
        return patch_labels(origins, 10, numpy.array(boxes, float).reshape(-1, 3, 2)).tolist()

    assert labels() == [0, 0, 0, 0]
    assert labels([(3, 4), (2, 3), (4, 5)]) == [1, 0, 0, 0]
    assert labels([(3, 9.4), (1, 7.4), (5, 11.4)]) == [1, -1, 0, 0]
    assert labels([(3, 9.6), (1, 7.6), (5, 11.6)]) == [-1, 1, 0, 0]
    assert labels([(9.5, 9.5), (9, 9), (10, 10)]) == [-1, -1, -1, 1]
    assert labels([(9.6, 9.4), (9, 9), (10, 10)], [(3, 12), (2, 11), (4, 13)]) == [-1, 1, 1, -1]
    assert labels([(30, 30), (29, 29), (31, 31)]) == [0, 0, 0, 0]


def test_a_mammogram_cut(phantom) -> None:
    image = read_array(phantom.image, "drawn", spacing_mm=0.1, bits=phantom.bits)
    # The grid follows from the breast's outline; marks are put where it lies.
    mask = breast_mask(phantom.image, 0.1, max_value=4095.0)
    origins = grid(mask, 64)
    (row, column), (down, along) = origins[1], origins[4]
    middle = [(down + i, along + j) for i, j in ((20, 20), (40, 20), (40, 40))]
    truth = ImageTruth("drawn", (point(row + 30, column + 30),), (Mark(numpy.array(middle, float)),), "someone")
    patches = cut_patches(image, truth, 64)
    assert patches.positive.tolist() == [index in (1, 4) for index in range(len(origins))]
    assert set(patches.patients) == {"someone"}
    # Of a cluster whose calcifications are marked these tell where; its middle holds none here.
    wide = Mark(numpy.array([(row, column), (row, along + 60), (down + 60, along + 60), (down + 60, column)], float))
    marked = cut_patches(image, ImageTruth("drawn", (point(row + 30, column + 30),), (wide,)), 64)
    assert marked.positive.tolist() == [index == 1 for index in range(len(origins))]
    seen = in_noise(phantom.image, mask, 4095.0)
    for patch, (top, left) in zip(patches.pixels, origins, strict=True):
        assert numpy.allclose(patch[0], seen[top : top + 64, left : left + 64], atol=0.02)
    # A point within its radius of the border of two patches may lie in both, so the other one is left out.
    places = [tuple(one) for one in origins.tolist()]
    right = next(index for index, (top, left) in enumerate(places) if (top, left - 64) in places)
    (top, edge), other = places[right], places.index((places[right][0], places[right][1] - 64))
    beside = cut_patches(image, ImageTruth("drawn", (point(top + 30, edge + 1),)), 64)
    assert beside.positive.tolist() == [index == right for index in range(len(places)) if index != other]


def test_marks_follow_the_spacing(phantom) -> None:
    """An image of twice the pixels holds the same patches, marks counted in its own pixels."""
    fine = numpy.repeat(numpy.repeat(phantom.image, 2, axis=0), 2, axis=1)
    marks = tuple(point(one.row, one.column) for one in phantom.calcifications)
    doubled = tuple(point(2 * one.row + 0.5, 2 * one.column + 0.5) for one in phantom.calcifications)
    coarse, other = (
        cut_patches(read_array(image, "x", spacing_mm=spacing, bits=12), ImageTruth("x", some), 64)
        for image, spacing, some in ((phantom.image, 0.1, marks), (fine, 0.05, doubled))
    )
    assert 0 < coarse.positive.sum() < len(coarse.positive)
    assert numpy.array_equal(coarse.positive, other.positive)
    assert numpy.allclose(coarse.pixels, other.pixels, atol=0.05)


def test_networks_see_what_the_detector_sees(phantom) -> None:
    mask = breast_mask(phantom.image, 0.1, max_value=4095.0)
    candidates = propose(phantom.image, mask, threshold=2.0, limit=200, max_value=4095.0, even_tone=False)
    seen = in_noise(phantom.image, mask, 4095.0)
    middle = candidate_patches(candidates, side=3, scales=1)[:, 0, 1, 1]
    assert numpy.allclose(seen[tuple(candidates.positions.T)], middle, rtol=1e-5)
    assert (seen[~mask] == 0).all()
    assert (in_noise(phantom.image, numpy.zeros_like(mask), 4095.0) == 0).all()


def test_no_patient_is_in_two_parts() -> None:
    patients = numpy.array([f"{index // 3}" for index in range(90)])
    positive = numpy.arange(90) % 3 == 0
    positive[60:] = False  # patients 20 to 29 have none
    patches = GridPatches(numpy.zeros((90, 1, 1, 1), numpy.float16), positive, patients)
    part = deal(patches, 4)
    for name in set(patients):
        assert len(set(part[patients == name])) == 1
    counts = [[len(set(patients[some & (part == index)])) for index in range(3)] for some in _halves(60)]
    assert counts == [[14, 2, 4], [7, 1, 2]]
    assert numpy.array_equal(deal(patches, 4), part)
    assert any(not numpy.array_equal(deal(patches, seed), part) for seed in range(5, 8))
    assert (deal(patches.part(patients < "1"), 0) == 0).all(), "one patient is trained on"


def _halves(number):
    first = numpy.arange(90) < number
    return first, ~first


def test_phantoms(monkeypatch) -> None:
    monkeypatch.setattr(
        sources, "small_phantom", lambda seed: mammogram(seed, shape=(420, 330), spacing_mm=0.1, clusters=1)
    )
    told = []
    patches = from_phantoms(1, 3, 64, progress=lambda *one: told.append(one))
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert sorted(set(patches.patients)) == ["phantom 4001000", "phantom 4001001", "phantom 4001002"]
    assert patches.pixels.shape[1:] == (1, 64, 64)
    assert 0 < patches.positive.sum() < len(patches.positive)


def test_marked_mammograms(phantom, tmp_path) -> None:
    Image.fromarray(phantom.image).save(tmp_path / "one.png")
    truth = [ImageTruth("one", tuple(point(one.row, one.column) for one in phantom.calcifications))]
    files = [tmp_path / "other.png", tmp_path / "one.png"]
    patches = from_marked(files, truth, 64, spacing_mm=0.1)
    assert patches.positive.any()
    assert set(patches.patients) == {"one"}
    with pytest.raises(InputError, match=r"none of 1 images has marks; name them like the files"):
        from_marked(files[:1], truth, 64, spacing_mm=0.1)
    with pytest.raises(InputError, match=r"no patch of 500 x 500 pixels of 0.1 mm in 1 images; give larger images"):
        from_marked(files, truth, 500, spacing_mm=0.1)


@pytest.fixture
def table(tmp_path):
    rng = numpy.random.default_rng(0)
    for name in ("a.png", "b.pgm", "c.tif"):
        Image.fromarray(rng.integers(90, 160, (40, 40)).astype(numpy.uint8)).save(tmp_path / name)
    path = tmp_path / "patches.csv"
    path.write_text("image,label,patient\na.png,1,anna\nb.pgm,0,berta\nc.tif,no,\n")
    return path


def test_a_table_of_patches(table) -> None:
    patches = from_table(table)
    assert patches.pixels.shape == (3, 1, 40, 40)
    assert patches.positive.tolist() == [True, False, False]
    assert patches.patients.tolist() == ["anna", "berta", "c.tif"]
    inner = patches.pixels[:, 0, 3:-3, 3:-3].astype(float)
    assert inner.std(axis=(1, 2)) == pytest.approx([1, 1, 1], abs=0.15)
    assert from_table(table, spacing_mm=0.05).pixels.shape == (3, 1, 20, 20)


def test_a_folder_of_patches(table, tmp_path) -> None:
    for part, label, name in (("Train", "0", "b.pgm"), ("Test", "1", "a.png"), ("Test", "more", "c.tif")):
        folder = tmp_path / "set" / part / label
        folder.mkdir(parents=True)
        (folder / name).write_bytes((tmp_path / name).read_bytes())
    (tmp_path / "set" / "Test" / "1" / ".hidden").write_bytes(b"")
    patches = from_table(tmp_path / "set")
    assert patches.patients.tolist() == ["Test/1/a.png", "Train/0/b.pgm"]
    assert patches.positive.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\na.png,1\n", r"patches.csv: expected columns image and label, got name, label"),
        ("image,label\n", r"patches.csv: no patch there; give a CSV file, or a folder"),
        ("image,label\na.png,1\n\nb.pgm,2\n", r"line 3: expected an image and a label of 0 or 1, got 'b.pgm', '2'"),
        ("image,label\na.png\n", r"line 2: expected an image and a label of 0 or 1, got 'a.png', ''"),
        ("image,label\ngone.png,1\n", r"gone.png: "),
        ("image,label\ngone.pgm,1\n", r"gone.pgm: cannot be read \(No such file or directory\); mend the table"),
        ("image,label\na.png,1\nlarge.png,0\n", r"large.png: expected patches of one size, got \(50, 50\) after \(40"),
        (
            "image,label\nwide.png,1\n",
            r"wide.png: expected a square patch of at least 16 pixels of 0.1 mm, got \(40, 5",
        ),
        ("image,label\ntiny.png,1\n", r"tiny.png: expected a square patch of at least 16 .*, got \(8, 8\); cut it so"),
        ("image,label\nflat.png,1\n", r"flat.png: every pixel has the value 0; give an image with content"),
    ],
)
def test_bad_tables_are_named(text, message, table, tmp_path) -> None:
    noise = numpy.random.default_rng(1).integers(0, 255, (50, 50)).astype(numpy.uint8)
    for name, image in (
        ("large.png", noise),
        ("wide.png", noise[:40]),
        ("tiny.png", noise[:8, :8]),
        ("flat.png", 0 * noise),
    ):
        Image.fromarray(image).save(tmp_path / name)
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        from_table(table)


def test_what_is_no_table(table, tmp_path) -> None:
    with pytest.raises(UnreadableError, match=r"gone.csv: cannot be read \(No such file or directory\)"):
        from_table(tmp_path / "gone.csv")
    table.write_bytes(b"image,label\n\xff\xfe,1\n")
    with pytest.raises(UnreadableError, match=r"patches.csv: is no CSV file in UTF-8"):
        from_table(table)
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=r"bare: no patch there; .* folders called 0 and 1"):
        from_table(tmp_path / "bare")
    table.write_text("image,label\nb.pgm,1\n")
    (tmp_path / "b.pgm").write_bytes(b"P5\n40 40\n255\nshort")
    with pytest.raises(InputError, match=r"b.pgm: the picture cannot be read; fetch the file again"):
        from_table(table)


def test_real_patches(real_data) -> None:
    patches = from_table(real_data / "mc_patches", spacing_mm=0.07)
    assert patches.pixels.shape == (797, 1, 42, 42)
    assert patches.positive.sum() == 383
