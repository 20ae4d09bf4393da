"""When each image is where: events on the streams of the device engine, and the picture of their overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mcfast.device.runtime import Event
from mcfast.device.slot import Slot

__all__ = ["Span", "Timeline", "draw"]

COLOURS = {"upload": "#0072B2", "download": "#D55E00"}  # Okabe and Ito's; what is computed is grey


@dataclass(frozen=True, slots=True)
class Span:
    """A stage of an image on a stream, in milliseconds since the first image was begun."""

    stream: int
    image: int
    stage: str
    begin: float
    end: float


class Timeline:
    """Watches the slots of a device engine. What is watched is put on the streams launch by launch, without graphs."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._slots: tuple[Slot, ...] = engine._way.pipeline.slots
        self._runtime = engine._way.pipeline.gpu

    def stages(self, mammograms: Sequence[Any], repeats: int) -> dict[str, float]:
        """Best milliseconds of every stage on the GPU over so many images, one at a time; their sum as `total`."""
        best: dict[str, float] = {}
        for index in range(repeats):
            marks = self._watch()
            self._engine(mammograms[index % len(mammograms)])
            for span in self._spans(marks):
                best[span.stage] = min(best.get(span.stage, float("inf")), span.end - span.begin)
        self._let_go()
        return best | {"total": sum(best.values())}

    def streamed(self, mammograms: Sequence[Any], repeats: int) -> list[Span]:
        """The spans of so many images through `Engine.stream`."""
        marks = self._watch()
        items = (mammograms[index % len(mammograms)] for index in range(repeats))
        with self._engine.stream(items, in_flight=6) as stream:
            for _ in stream:
                pass
        spans = self._spans(marks)
        self._let_go()
        return spans

    def _watch(self) -> list[list[tuple[str, Event]]]:
        """An event at the beginning and after every stage, for each slot."""
        marks: list[list[tuple[str, Event]]] = []
        for slot in self._slots:
            own: list[tuple[str, Event]] = []
            marks.append(own)

            def mark(stage: str, slot: Slot = slot, own: list[tuple[str, Event]] = own) -> None:
                event = self._runtime.event()
                event.record(slot.stream.handle)
                own.append((stage, event))

            slot.on_mark = mark
        return marks

    def _let_go(self) -> None:
        for slot in self._slots:
            slot.on_mark = None

    def _spans(self, marks: list[list[tuple[str, Event]]]) -> list[Span]:
        firsts = [own[0][1] for own in marks if own]
        zero = min(firsts, key=lambda event: event.since(firsts[0]))
        spans = []
        for stream, own in enumerate(marks):
            image = -1
            for (_, before), (stage, after) in pairwise(own):
                if stage == "begin":
                    continue
                image += stage == "upload"
                spans.append(Span(stream, image, stage, before.since(zero), after.since(zero)))
        return spans


def draw(spans: Sequence[Span], path: str | Path, title: str) -> None:
    """Write a PNG: a row for each stream, a bar for each stage; uploads and downloads in colours of their own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import Patch

    figure, axes = pyplot.subplots(figsize=(9, 2.2), layout="constrained")
    for span in spans:
        grey = "#BBBBBB" if span.image % 2 else "#777777"
        axes.barh(span.stream, span.end - span.begin, left=span.begin, height=0.8, color=COLOURS.get(span.stage, grey))
    streams = sorted({span.stream for span in spans})
    axes.set_yticks(streams, [f"stream {stream}" for stream in streams])
    axes.set_xlabel("milliseconds")
    axes.set_title(title)
    legend = [Patch(color=colour, label=stage) for stage, colour in COLOURS.items()]
    axes.legend(handles=[*legend, Patch(color="#999999", label="kernels and networks")], loc="upper right", fontsize=8)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
