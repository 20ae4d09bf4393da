"""The competitors on a GPU, one module each: `VERSION`, and `calls(image)`, what they offer of `benchmarks.gpu`.

`calls` takes the image on the host, puts it on the GPU, and gives pairs of an operation's name and a
`benchmarks.call.Call` whose `answer` brings the result back to the host. Nothing is timed whose answer does not agree
with ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy

from benchmarks.call import Call

__all__ = ["PEERS", "available", "checked"]

PEERS = {"cupy": "CuPy", "torch": "torch", "cucim": "cuCIM", "kornia": "Kornia"}


def available() -> dict[str, ModuleType | str]:
    """The peers' modules by title, or why one cannot take part here."""
    found: dict[str, ModuleType | str] = {}
    for name, title in PEERS.items():
        try:
            found[title] = import_module(f"benchmarks.peers.gpu.{name}")
        except (ImportError, OSError, RuntimeError) as error:
            found[title] = f"cannot take part: {(str(error) or type(error).__name__).splitlines()[0]}"
    return found


def checked(peer: ModuleType, image: numpy.ndarray, answers: Mapping[str, numpy.ndarray]) -> Iterator[Any]:
    """(operation, call, verdict) of everything that a peer offers and `answers` has; `verdict` is plain values.

    `status` is `"agrees"`; `"different"`, beyond the call's agreement; or `"failed"`, with the reason in `note`. Where
    the peer cannot even begin, as for want of a GPU, that is told of `"everything"`.
    """
    try:
        for operation, call in peer.calls(image):
            if operation in answers:
                yield operation, call, _verdict(call, answers[operation])
    except Exception as error:
        yield "everything", None, {"status": "failed", "note": _words(error)}


def _verdict(call: Call, answer: numpy.ndarray) -> dict[str, Any]:
    told = {"agreement": str(call.agreement), "note": call.note}
    try:
        difference = call.agreement.difference(answer, call.answer(call.run()))
    except Exception as error:  # whatever another library raises, the others are still to be timed
        return {**told, "status": "failed", "note": _words(error)}
    if difference > call.agreement.tolerance:
        return {**told, "status": "different", "difference": difference if numpy.isfinite(difference) else None}
    return {**told, "status": "agrees", "difference": difference}


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error) or 'no reason').splitlines()[0]}"
