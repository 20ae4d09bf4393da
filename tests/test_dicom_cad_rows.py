"""TID 4000 and the templates it includes (DICOM PS3.16), checked row by row: validators do not look at templates."""

import pydicom
import pytest

from mcfast import phantom
from mcfast.errors import PixelDataError
from mcfast.report import write_result

SIDES = {"80248007", "73056007"}
KINDS = {"129769006", "129770007"}
INTENTS = {"111150", "111151", "111152"}
STATUS = {"111222", "111223", "111224", "111225"}

# name of a row: (relationship, value type, concept code, codes of the value or None, must there be one, rows below)
ALGORITHM = [
    ("HAS PROPERTIES", "TEXT", "111001", None, True, []),
    ("HAS PROPERTIES", "TEXT", "111003", None, True, []),
    ("HAS PROPERTIES", "TEXT", "111002", None, False, []),
]
SELECTED = [("SELECTED FROM", "reference", None, None, True, [])]
FINDING = [
    ("HAS CONCEPT MOD", "CODE", "111056", INTENTS, True, []),
    *ALGORITHM,
    ("HAS PROPERTIES", "NUM", "111012", None, False, []),
    ("HAS PROPERTIES", "SCOORD", "111010", None, True, SELECTED),
    ("HAS PROPERTIES", "SCOORD", "111041", None, False, SELECTED),
    ("HAS PROPERTIES", "NUM", "111038", None, False, []),
]
IMPRESSION = [
    ("HAS CONCEPT MOD", "CODE", "111056", INTENTS, True, []),
    ("CONTAINS", "CODE", "111059", KINDS, True, FINDING),
]
DETECTION = [
    ("CONTAINS", "CODE", "111022", KINDS, True, [*ALGORITHM, ("HAS PROPERTIES", "reference", None, None, True, [])])
]
ENTRY = [
    ("HAS ACQ CONTEXT", "CODE", "111027", SIDES, True, []),
    ("HAS ACQ CONTEXT", "CODE", "111031", None, True, []),
    ("HAS ACQ CONTEXT", "NUM", "111026", None, False, []),
    ("HAS ACQ CONTEXT", "NUM", "111066", None, False, []),
]
ROOT = [
    ("HAS CONCEPT MOD", "CODE", "121049", None, True, []),
    ("CONTAINS", "CONTAINER", "111028", None, True, [("CONTAINS", "IMAGE", None, None, True, ENTRY)]),
    (
        *("CONTAINS", "CODE", "111017", {"111241", "111242", "111245"}, True),
        [("INFERRED FROM", "CONTAINER", "111034", None, False, IMPRESSION)],
    ),
    (
        *("CONTAINS", "CODE", "111064", STATUS, True),
        [
            ("INFERRED FROM", "CONTAINER", "111063", None, False, DETECTION),
            ("INFERRED FROM", "CONTAINER", "111025", None, False, DETECTION),
        ],
    ),
    ("CONTAINS", "CODE", "111065", STATUS, True, []),
]


def faults(item, rows, place="1"):
    """Where the items below differ from the rows: their order is significant, and nothing else may be there."""
    expected = list(rows)
    seen = set()
    for position, child in enumerate(item.get("ContentSequence", ()), start=1):
        here = f"{place}.{position}"
        found = signature(child)
        while expected and found != expected[0][:3]:
            expected.pop(0)
        if not expected:
            yield f"{here}: {found} is not in its row"
            return
        seen.add(expected[0][:3])
        codes = expected[0][3]
        if codes is not None and child.ConceptCodeSequence[0].CodeValue not in codes:
            yield f"{here}: {child.ConceptCodeSequence[0].CodeValue} is not among {codes}"
        yield from faults(child, expected[0][5], here)
    for row in rows:
        if row[4] and row[:3] not in seen:
            yield f"{place}: {row[:3]} is missing"


def signature(child):
    if "ReferencedContentItemIdentifier" in child:
        return child.RelationshipType, "reference", None
    name = child.ConceptNameCodeSequence[0].CodeValue if "ConceptNameCodeSequence" in child else None
    return child.RelationshipType, child.ValueType, name


@pytest.fixture(scope="module")
def written(engine, tmp_path_factory):
    """Reports of an image with findings, one without, and one that failed."""
    folder = tmp_path_factory.mktemp("cad")
    reports = {}
    for name, clusters in (("found", 1), ("nothing", 0)):
        path = folder / f"{name}.dcm"
        phantom.mammogram(4, shape=(900, 700), clusters=clusters).save_dicom(path)
        result = engine(path)
        if name == "nothing":
            from dataclasses import replace

            result = replace(result, status="no findings", calcifications=(), clusters=())
        write_result(result, folder / name, outputs=["cad-sr"])
        reports[name] = pydicom.dcmread(folder / name / "cad.dcm")
    write_result(engine.failed(path, PixelDataError("x")), folder / "failed", outputs=["cad-sr"])
    return reports | {"failed": pydicom.dcmread(folder / "failed" / "cad.dcm")}


@pytest.mark.parametrize("name", ["found", "nothing", "failed"])
def test_rows(written, name):
    report = written[name]
    assert report.ConceptNameCodeSequence[0].CodeValue == "111036"
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "4000"
    assert list(faults(report, ROOT)) == []
    summary = {"found": ("111242", "111222"), "nothing": ("111241", "111222"), "failed": ("111245", "111224")}[name]
    codes = [child.ConceptCodeSequence[0].CodeValue for child in report.ContentSequence if child.ValueType == "CODE"]
    assert codes[1:] == [*summary, "111225"]


def test_conditions(written):
    """Rows that must be there, or must not, because of others: TID 4001 row 3, TID 4015 rows 1 and 3."""

    def below(report, code):
        (item,) = [
            one
            for one in report.ContentSequence
            if one.ValueType == "CODE" and one.ConceptNameCodeSequence[0].CodeValue == code
        ]
        return [child.ConceptNameCodeSequence[0].CodeValue for child in item.get("ContentSequence", ())]

    assert below(written["found"], "111017") == ["111034"]
    assert below(written["nothing"], "111017") == below(written["failed"], "111017") == []
    assert below(written["found"], "111064") == below(written["nothing"], "111064") == ["111063"]
    assert below(written["failed"], "111064") == ["111025"]


def test_references_point_at_the_image(written):
    def references(item):
        for child in item.get("ContentSequence", ()):
            if "ReferencedContentItemIdentifier" in child:
                yield list(child.ReferencedContentItemIdentifier)
            yield from references(child)

    report = written["found"]
    found = list(references(report))
    assert found
    for path in found:
        item = report
        for step in path[1:]:
            item = item.ContentSequence[step - 1]
        assert item.ValueType == "IMAGE"


def test_the_checker_sees_faults(written):
    from copy import deepcopy

    broken = deepcopy(written["found"])
    del broken.ContentSequence[1]
    assert any("111028" in fault for fault in faults(broken, ROOT))
    swapped = deepcopy(written["found"])
    swapped.ContentSequence[3], swapped.ContentSequence[4] = swapped.ContentSequence[4], swapped.ContentSequence[3]
    assert list(faults(swapped, ROOT))
