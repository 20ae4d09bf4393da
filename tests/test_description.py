"""What is measured of a whole result: table, sentences, JSON, CSV."""

import csv
import math
from dataclasses import asdict, fields, replace

import jsonschema
import numpy
import pytest

import mcfast
from mcfast.detect.features import CalcificationFeatures
from mcfast.errors import UnreadableError
from mcfast.report import write_result
from mcfast.result import schema

VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.fixture(scope="module")
def result(engine, small_dicom):
    found = engine(small_dicom)
    assert found.clusters, "the phantom's cluster must be found for these tests to mean something"
    return found


@pytest.fixture(scope="module")
def description(result):
    return mcfast.describe(result)


def test_every_calcification_has_every_feature(result, description):
    table = description.calcifications
    known = {one.name for one in fields(CalcificationFeatures)} - {"rows", "columns", "equivalent_diameter_mm"}
    assert known < set(table)
    assert {len(column) for column in table.values()} == {len(result.calcifications)}
    for name in ("row", "col", "x_mm", "y_mm", "diameter_mm", "contrast", "contrast_to_noise", "score"):
        assert table[name].tolist() == [getattr(one, name) for one in result.calcifications]
    assert table["number"].tolist() == list(range(1, len(result.calcifications) + 1))
    assert table["cluster"].tolist() == [one.cluster or 0 for one in result.calcifications]


def test_clusters_are_made_of_the_table(result, description):
    table = description.calcifications
    for cluster, found in zip(result.clusters, description.clusters, strict=True):
        members = table["cluster"] == cluster.id
        assert found == cluster.features
        assert found.count == cluster.count == members.sum()
        assert found.mean_eccentricity == pytest.approx(table["eccentricity"][members].mean(), abs=1e-6)
        diameters = table["diameter_mm"][members]
        assert found.size_variation == pytest.approx(diameters.std() / diameters.mean())
        assert found.hull_area_mm2 == pytest.approx(cluster.area_mm2)
        places = numpy.column_stack([table["x_mm"], table["y_mm"]])[members]
        apart = numpy.linalg.norm(places[:, None] - places[None], axis=-1)
        assert found.length_mm == pytest.approx(apart.max(), rel=1e-6)
        assert found.nearest_mean_mm == pytest.approx((apart + numpy.diag([9e9] * len(apart))).min(axis=1).mean())


def test_counts_are_the_image_s(result, description):
    """Means of the windows are of the order of what is around, not of the 16 bits that detection works with."""
    table = description.calcifications
    for index, one in enumerate(result.calcifications):
        row, col = round(one.row), round(one.col)
        around = result.image[max(0, row - 22) : row + 23, max(0, col - 22) : col + 23]
        assert table["mean"][index] == pytest.approx(around.mean(), rel=0.1)


def test_sentences(result, description):
    first = description.sentences[0]
    assert first == result.clusters[0].description
    assert first.startswith(f"cluster of {result.clusters[0].count} calcifications, mean eccentricity 0.")
    assert str(description).splitlines()[0] == f"1: {first}"


def test_json_has_features_and_words(result):
    values = result.as_dict()
    VALIDATOR.validate(values)
    assert values["schema"] == "mcfast-result/1.1"
    cluster, expected = values["clusters"][0], result.clusters[0]
    assert cluster["description"] == expected.description
    assert set(cluster["features"]) == set(asdict(expected.features))
    assert cluster["features"]["length_mm"] == round(expected.features.length_mm, 6)
    for lacking in ("features", "description"):
        short = {key: value for key, value in cluster.items() if key != lacking}
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(values | {"clusters": [short]})
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(values | {"clusters": [cluster | {"features": {"count": 3}}]})


def test_results_of_the_first_schema_stay_valid(result):
    values = result.as_dict()
    new = ("features", "description")
    clusters = [{key: value for key, value in one.items() if key not in new} for one in values["clusters"]]
    VALIDATOR.validate(values | {"schema": "mcfast-result/1.0", "clusters": clusters})


def test_what_is_not_defined_is_null(result):
    cluster = result.clusters[0]
    unknown = replace(cluster.features, mean_eccentricity=math.nan, fractal_dimension=math.nan)
    values = replace(result, clusters=(replace(cluster, features=unknown),)).as_dict()
    VALIDATOR.validate(values)
    assert values["clusters"][0]["features"]["mean_eccentricity"] is None
    assert "eccentricity" not in values["clusters"][0]["description"]


def test_csv(result, description, tmp_path):
    single = replace(
        result, calcifications=(*result.calcifications[1:], replace(result.calcifications[0], cluster=None))
    )
    (path,) = write_result(single, tmp_path, outputs=["features"])
    assert path.name == "features.csv"
    lines = list(csv.DictReader(path.read_text().splitlines()))
    table = mcfast.describe(single).calcifications
    assert list(lines[0]) == list(table)
    assert len(lines) == len(result.calcifications)
    assert lines[-1]["cluster"] == ""
    for index, line in enumerate(lines):
        for name, text in line.items():
            if name != "cluster":
                value = float(text) if text else math.nan
                assert value == pytest.approx(table[name][index], rel=1e-5, nan_ok=True), name
    with_gap = {**description.calcifications, "skewness": numpy.full(len(lines), numpy.nan)}
    gaps = csv.DictReader(replace(description, calcifications=with_gap).to_csv().splitlines())
    assert {line["skewness"] for line in gaps} == {""}


def test_nothing_found(engine, tmp_path):
    flat = numpy.full((300, 200), 900, numpy.uint16)
    flat[:, 100:] = 0
    empty = engine(flat)
    assert empty.status == "no findings"
    found = mcfast.describe(empty)
    assert (found.clusters, found.sentences, str(found)) == ((), (), "no clusters")
    assert {len(column) for column in found.calcifications.values()} == {0}
    (path,) = write_result(empty, tmp_path, outputs=["features"])
    assert path.read_text() == ",".join(found.calcifications) + "\n"


def test_what_cannot_be_described(engine, result, tmp_path):
    failed = engine.failed("x.dcm", UnreadableError("x.dcm: is empty; fetch the file again"))
    with pytest.raises(ValueError, match=r"describe\(result\): expected one that did not fail, got x.dcm: is empty"):
        mcfast.describe(failed)
    with pytest.raises(ValueError, match="expected one with its image, got none; describe it before dropping that"):
        mcfast.describe(replace(result, image=None))
    with pytest.raises(TypeError, match=r"describe\(result\): expected a mcfast.Result, got str"):
        mcfast.describe("result.json")
    (tmp_path / "features.csv").write_text("of an earlier result")
    assert write_result(failed, tmp_path, outputs=["features"]) == []
    assert list(tmp_path.iterdir()) == []
