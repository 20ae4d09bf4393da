"""The last few kinds of images that a slot has worked on: their arrays, graphs and networks, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from mcfast.device.frame import Frame
from mcfast.device.kind import FrameKind
from mcfast.device.networks import Executor
from mcfast.device.runtime import Graph

__all__ = ["KEPT_BYTES", "KINDS", "KeptKind", "KeptKinds"]

KINDS = 3
"""Kinds that a slot keeps: views on small and large plates, and a crop between them, find their graphs again."""
KEPT_BYTES = 2 << 30
"""Most bytes of arrays of a slot; a frame of 3328 x 2560 that is magnified as a whole has 0.3 GB. What is being worked
on may have more."""


@dataclass(eq=False)
class KeptKind:
    """What one kind of image needs.

    Attributes
    ----------
    frame
        Arrays and launches.
    upload
        Host memory that images are uploaded from.
    networks
        On the slot's stream. Where a graph is captured they are the kind's own: a captured call must find its execution
        context as it was left, and another shape or address would change it.
    graph
        Captured from the second image on.
    seen
        Whether an image has been put on the stream launch by launch.
    compiled
        Whether what was compiled for the kind is kept for the next process.
    """

    frame: Frame
    upload: dict[str, NDArray[Any]]
    networks: Sequence[Executor]
    graph: Graph | None = field(default=None)
    seen: bool = False
    compiled: bool = False


class KeptKinds:
    """The kinds used last, at most `KINDS` of them and `KEPT_BYTES` of arrays; the one used longest ago goes first."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[FrameKind, KeptKind] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kinds)

    def others(self, kind: FrameKind) -> int:
        """How many are kept besides that one."""
        return len(self._kinds.keys() - {kind})

    def take(self, kind: FrameKind, make: Callable[[], KeptKind]) -> KeptKind:
        """What is kept of a kind, or else what `make` gives, after one that is too many has been freed."""
        kept = self._kinds.get(kind)
        if kept is not None:
            self._kinds.move_to_end(kind)
            return kept
        while len(self._kinds) >= KINDS:
            self._kinds.popitem(last=False)
        kept = self._kinds[kind] = make()
        while len(self._kinds) > 1 and self._bytes() > KEPT_BYTES:
            self._kinds.popitem(last=False)
        return kept

    def clear(self) -> None:
        """Free everything."""
        self._kinds.clear()

    def _bytes(self) -> int:
        return sum(one.frame.arrays.size for one in self._kinds.values())
