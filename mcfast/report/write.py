"""Result files in a folder, each written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection
from contextlib import nullcontext, suppress
from pathlib import Path

from mcfast.errors import ConfigError, DependencyError, InputError
from mcfast.report.marks import marks_picture
from mcfast.report.png import encode_png, full_range
from mcfast.result import Result

__all__ = ["OUTPUTS", "PICTURES", "write_file", "write_result"]

PICTURES = ("json", "marks", "enhanced", "magnified")
"""What is written unless something else is asked for."""
DICOM = ("mg", "sr", "cad-sr", "sc", "seg")
OUTPUTS = (*PICTURES, "html", "features", *DICOM)


def write_result(result: Result, folder: str | os.PathLike[str], *, outputs: Collection[str] = PICTURES) -> list[Path]:
    """Write a result into a folder, which is made if it is not there.

    Parameters
    ----------
    result
        Of an engine. A failed one has a `result.json` and no pictures.
    folder
        Files in it of the same names are replaced; those of an earlier result that this one has not, removed.
    outputs
        Which files: `"json"` (result.json), `"marks"` (marks.png, 8 bit: the mammogram with circled findings),
        `"enhanced"` (enhanced.png, 16 bit: dehazed), `"magnified"` (magnified.png, magnified-2.png, ..., 16 bit: one
        for each region in the JSON, in the same order: the best cluster first). 16-bit pictures fill the whole range
        0 .. 65535. `"mg"` (magnified.dcm, magnified-2.dcm, ..., enhanced.dcm) writes the same regions and the enhanced
        image as derived Digital Mammography objects in their source's study; see `mcfast.dicom.derived`. `"html"`
        (report.html) is a viewer in one file; `"features"` (features.csv) has a line for each calcification with all
        that `mcfast.describe` measures of it.
        `"sr"` (report.dcm), `"cad-sr"` (cad.dcm, of a failed result too if its header identifies it), `"sc"`
        (marks.dcm) and `"seg"` (calcifications.dcm) are DICOM reports; see `mcfast.dicom.measurement_report`,
        `cad_report`, `pictures`.

    Returns
    -------
    The files written.

    Raises
    ------
    ConfigError
        For an unknown output.
    DependencyError
        If an output needs a package that is not installed; the other files are written.
    InputError
        If a DICOM output cannot be made of this input; the other files are written.
    OSError
        If a file cannot be written; files written before stay whole.
    """
    unknown = set(outputs) - set(OUTPUTS)
    if unknown:
        raise ConfigError(f"outputs: expected some of {', '.join(OUTPUTS)}, got {', '.join(sorted(unknown))}")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    files = _encoded(result, outputs)
    written = [write_file(target / name, content) for name, content in files.items()]
    failures: list[InputError | DependencyError] = []
    for kind in DICOM:
        if kind in outputs:
            try:
                written += _write_dicom(kind, result, target)
            except (InputError, DependencyError) as error:
                failures.append(error)
    for stale in _results_in(target, outputs) - {path.name for path in written}:
        (target / stale).unlink(missing_ok=True)
    if failures:
        raise failures[0]
    return written


def _encoded(result: Result, outputs: Collection[str]) -> dict[str, bytes]:
    """The files that are not DICOM, by name."""
    files: dict[str, bytes] = {}
    if "json" in outputs:
        files["result.json"] = result.to_json().encode()
    if result.mammogram is None:
        return files
    bits = result.mammogram.bits
    if "marks" in outputs:
        files["marks.png"] = encode_png(marks_picture(result))
    if "enhanced" in outputs and result.enhanced is not None:
        files["enhanced.png"] = encode_png(full_range(result.enhanced, bits))
    if "magnified" in outputs:
        for number, region in enumerate(result.magnified, start=1):
            files[_numbered("png", number)] = encode_png(full_range(region.pixels, bits))
    if "html" in outputs:
        from mcfast.report.html import html_report

        files["report.html"] = html_report(result).encode()
    if "features" in outputs:
        from mcfast.description import describe

        files["features.csv"] = describe(result).to_csv().encode()
    return files


def _write_dicom(kind: str, result: Result, folder: Path) -> list[Path]:
    """Write the DICOM objects of a kind, none if there is nothing to say."""
    if kind == "cad-sr":
        from mcfast.dicom.cad_report import write_cad_report

        with suppress(InputError) if result.mammogram is None else nullcontext():  # why it failed is told already
            return [write_cad_report(result, folder / "cad.dcm")]
    if result.mammogram is None:
        return []
    if kind == "mg":
        return _write_derived(result, folder)
    if kind == "sr":
        from mcfast.dicom.measurement_report import write_measurement_report

        return [write_measurement_report(result, folder / "report.dcm")]
    from mcfast.dicom.pictures import write_capture, write_segmentation

    if kind == "sc":
        return [write_capture(result, marks_picture(result), folder / "marks.dcm")]
    written = write_segmentation(result, folder / "calcifications.dcm")
    return [] if written is None else [written]


def _write_derived(result: Result, folder: Path) -> list[Path]:
    from mcfast.dicom.derived import source_header, write_enhanced, write_magnified

    header = source_header(result)
    regions = {folder / _numbered("dcm", number): one for number, one in enumerate(result.magnified, start=1)}
    for path, region in regions.items():
        write_magnified(path, region, result, header)
    if result.enhanced is None:
        return list(regions)
    write_enhanced(folder / "enhanced.dcm", result, header)
    return [*regions, folder / "enhanced.dcm"]


def _numbered(suffix: str, number: int) -> str:
    return f"magnified.{suffix}" if number == 1 else f"magnified-{number}.{suffix}"


def _results_in(folder: Path, outputs: Collection[str]) -> set[str]:
    """Names of the files of these outputs that an earlier result left: beside a new one they would tell untruths."""
    patterns = {
        "json": r"result\.json",
        "marks": r"marks\.png",
        "enhanced": r"enhanced\.png",
        "magnified": r"magnified(-[0-9]+)?\.png",
        "html": r"report\.html",
        "features": r"features\.csv",
        "mg": r"(enhanced|magnified(-[0-9]+)?)\.dcm",
        "sr": r"report\.dcm",
        "cad-sr": r"cad\.dcm",
        "sc": r"marks\.dcm",
        "seg": r"calcifications\.dcm",
    }
    wanted = re.compile("|".join(patterns[name] for name in outputs) or r"\b\B")
    return {path.name for path in folder.iterdir() if wanted.fullmatch(path.name)}


def write_file(path: Path, content: bytes) -> Path:
    """Write a file by way of a temporary one beside it, so that no reader ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # "no space left" names no file by itself
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    return path
