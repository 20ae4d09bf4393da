"""The tables of the trial of inputs, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcfast.train.inputs import PLAIN

__all__ = ["input_tables"]

_WORDS = {"intensity": "intensities, standardised over the training patches", "noise": "units of the local noise"}


def input_tables(report: Mapping[str, Any]) -> str:
    """A heading, what was measured, and a table for each set of images of what `input_trial` returns.

    S(1e-6, 1e-1) in percent with its 95 % interval; in the other columns the p-value of no difference to the input
    named. One false positive among all places is the lowest rate that is seen: below it a calcification that outscores
    all of them counts as found.
    """
    recipe = report["recipe"]
    lines = [
        f"Patches in {_WORDS[report['units']]}; trained on {report['positives']} calcifications and as many of "
        f"{report['patches'] - report['positives']} other places in each of {recipe['epochs']} epochs; seed "
        f"{report['seed']}.",
    ]
    for name, part in report["sets"].items():
        rarest = f"{1 / max(part['negatives'], 1):.1e}"
        lines += [
            "",
            f"{name}: {part['images']} images of {part['patients']}, {part['calcifications']} calcifications, "
            f"{part['negatives']} other places (the lowest rate that is seen: {rarest}).",
            "",
            *_table(part["networks"]),
        ]
    return "\n".join(lines) + "\n"


def _table(networks: Mapping[str, Any]) -> list[str]:
    labels = list(next(iter(networks.values()))["inputs"])
    against = [PLAIN, *(label for label in labels if label != PLAIN)][:-1]
    heads = ["network", "input", "S(1e-6, 1e-1)", *(f"p, {label}" for label in against)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for network, part in networks.items():
        for label, one in part["inputs"].items():
            shown = f"{100 * one['value']:.1f} ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
            p_values = [part["p_values"].get(f"{other}, {label}") for other in against]
            cells = ["" if value is None else f"{value:.3f}" for value in p_values]
            lines.append("| " + " | ".join([network, label, shown, *cells]) + " |")
    return lines
