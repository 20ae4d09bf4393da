"""Truth and images that belong together: by name, by INbreast's number; and whose images they are."""

import json

import numpy
import pytest
from PIL import Image

from mcfast.cli import main
from mcfast.errors import InputError
from mcfast.evaluate.pairing import paired, patient_in_name
from mcfast.evaluate.truth import ImageTruth, point

RIGHT = "20586908_6c613a14b80a8591_MG_R_CC_ANON"
LEFT = "20586934_6c613a14b80a8591_MG_L_CC_ANON"
OTHER = "20587054_b6a4f750c6df4f90_MG_R_CC_ANON"


def inbreast(*places) -> str:
    """A file of marks as INbreast has them: x before y."""
    regions = "".join(
        "<dict><key>Name</key><string>Calcification</string><key>Point_px</key>"
        f"<array><string>({column}, {row})</string></array></dict>"
        for row, column in places
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Images</key><array><dict>'
        f"<key>ROIs</key><array>{regions}</array></dict></array></dict></plist>"
    )


def test_names_and_numbers() -> None:
    truth = [ImageTruth(name, (), (), name) for name in ("20586908", "plain", LEFT, "20587054", "2058", "absent")]
    pairs = paired(truth, ["plain", RIGHT, LEFT, OTHER, "20587054"])
    assert [name for _, name in pairs] == [RIGHT, "plain", LEFT, "20587054", None, None]
    assert [image.patient for image, _ in pairs] == [
        "6c613a14b80a8591",
        "plain",
        "6c613a14b80a8591",
        "20587054",
        "2058",
        "absent",
    ]
    assert [image.name for image, _ in pairs] == [image.name for image in truth]


def test_a_patient_that_is_told_stays() -> None:
    ((image, _),) = paired([ImageTruth("20586908", (), (), "anna")], [RIGHT])
    assert image.patient == "anna"


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        (RIGHT, "6c613a14b80a8591"),
        ("20586908_6c613a14b80a8591_MG_L_ML", "6c613a14b80a8591"),
        ("1_L_CC", None),
        ("gmic_0_L-CC", None),
        ("20586908", None),
        ("20586908_6c613a14b80a8591_US_R_CC", None),
    ],
)
def test_patient_in_a_name(name, patient) -> None:
    assert patient_in_name(name) == patient


def test_numbers_that_fit_several_images_are_named() -> None:
    with pytest.raises(InputError, match=rf"20586908: expected one image .* with 20586908_, got 2 \({RIGHT}, 20586"):
        paired([ImageTruth("20586908")], [RIGHT, "20586908_copy"])
    with pytest.raises(InputError, match=rf"{RIGHT}: has two truths, 20586908 and {RIGHT}; leave one of them out"):
        paired([ImageTruth("20586908"), ImageTruth(RIGHT)], [RIGHT])


@pytest.fixture
def results(tmp_path):
    """What `mcfast run` leaves of images with INbreast's names: the first calcification of each is found."""
    for index, name in enumerate((RIGHT, LEFT, OTHER)):
        folder = tmp_path / "results" / name
        folder.mkdir(parents=True)
        found = [{"row": 10 + index, "col": 20, "score": 0.9 - 0.1 * index, "cluster": None}]
        content = {
            "source": {"name": f"INbreast/{name}.dcm"},
            "image": {"rows": 400, "columns": 300, "spacing_mm": [0.07, 0.07]},
            "score": 0.9 - 0.1 * index,
            "calcifications": found,
            "clusters": [],
        }
        (folder / "result.json").write_text(json.dumps(content))
        marks = [] if name == OTHER else [(10 + index, 20), (200, 200)]
        (tmp_path / f"{name[:8]}.xml").write_text(inbreast(*marks))
    return tmp_path / "results"


def test_inbreast_is_evaluated_by_patient(results, tmp_path, capsys) -> None:
    assert main(["evaluate", "detection", str(results), str(tmp_path), "--draws", "20"]) == 0
    printed = capsys.readouterr().out
    assert "3 images of 2 patients, 4 calcifications" in printed
    assert "20 false positives per image    50.0" in printed
    (results / "copy").mkdir()
    content = (results / RIGHT / "result.json").read_text().replace(RIGHT, "20586908_copy")
    (results / "copy" / "result.json").write_text(content)
    assert main(["evaluate", "detection", str(results), str(tmp_path), "--draws", "20"]) == 1
    assert "20586908: expected one image whose name begins with 20586908_, got 2" in capsys.readouterr().err


def test_inbreast_is_trained_on(tmp_path, small_phantom) -> None:
    from mcfast.evaluate.truth_files import read_truth
    from mcfast.train.detector.own_images import from_images, marked

    first = small_phantom.calcifications[0]
    top, left = max(int(first.row) - 300, 0), max(int(first.column) - 300, 0)
    Image.fromarray(small_phantom.image[top : top + 600, left : left + 600]).save(tmp_path / f"{RIGHT}.png")
    inside = [(one.row - top, one.column - left) for one in small_phantom.calcifications]
    shown = [(row, column) for row, column in inside if 10 < row < 590 and 10 < column < 590]
    (tmp_path / "20586908.xml").write_text(inbreast(*shown))
    files, truth = [tmp_path / f"{RIGHT}.png"], read_truth(tmp_path / "20586908.xml")
    ((_, _, marks),) = marked(files, truth)
    assert marks.patient == "6c613a14b80a8591"
    own = from_images(files, truth, negatives=20, spacing_mm=0.07)
    assert 1 <= own.positive.sum() <= len(shown)
    with pytest.raises(InputError, match="got 2"):
        marked([*files, tmp_path / "20586908_again.png"], truth)


def test_marks_keep_their_places() -> None:
    ((image, _),) = paired([ImageTruth("20586908", (point(1, 2),))], [RIGHT])
    assert numpy.array_equal(image.calcifications[0].corners, [[1.0, 2.0]])
