"""What `mcfast run`, `serve` and `watch` make of the options that they share."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["chosen_outputs", "engine_config"]


def engine_config(options: argparse.Namespace) -> Any:
    """The `Config` of `--spacing-mm`, `--any-modality`, `--min-score` and `--magnify`.

    Raises `ConfigError` if one of them is out of range.
    """
    from dataclasses import replace

    from mcfast.config import Config
    from mcfast.detect.detector import DetectorConfig
    from mcfast.errors import ConfigError

    detector = DetectorConfig()
    if options.min_score is not None:
        if not 0 <= options.min_score <= 1:
            raise ConfigError(f"--min-score: expected 0 to 1, got {options.min_score:g}")
        detector = replace(detector, min_score=options.min_score)
    return Config(
        spacing_mm=options.spacing_mm,
        any_modality=options.any_modality,
        detector=detector,
        magnify=options.magnify,
    )


def chosen_outputs(text: str) -> tuple[str, ...]:
    """The names in a `--report LIST`.

    Raises
    ------
    ConfigError
        If there is none, or one that is not in `mcfast.report.OUTPUTS`.
    DependencyError
        If one of them needs highdicom and it is not installed: said now rather than after the first image.
    """
    from mcfast.errors import ConfigError
    from mcfast.report import OUTPUTS

    outputs = tuple(name for name in text.split(",") if name)
    if not outputs or not set(outputs) <= set(OUTPUTS):
        raise ConfigError(f"--report: expected some of {','.join(OUTPUTS)}, got {text!r}")
    if {"sr", "sc", "seg"} & set(outputs):
        from mcfast.dicom.evidence import highdicom

        highdicom()
    return outputs
