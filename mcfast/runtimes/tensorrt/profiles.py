"""For which shapes engines are built: batches of patches, tiles, and whole frames."""

from __future__ import annotations

from dataclasses import dataclass

from mcfast.errors import ConfigError
from mcfast.runtimes.network import Shape

__all__ = ["BUCKETS", "FRAME", "TILE", "TILES", "Plan", "Profile", "plans_for"]

BUCKETS = (128, 1024, 4096)
"""Patches of a batch. One profile, and later one CUDA graph, for each; a batch takes the smallest that holds it."""

TILE = 256
TILES = (1, 16, 64)
FRAME = ((16, 16), (3328, 2560), (4096, 3328))
"""Rows and columns of the smallest, usual and largest whole frame. In float32 the largest needs 4 GB of scratch memory
on the GPU; larger frames go in tiles."""

Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """Smallest, usual and largest NCHW shape of the input."""

    smallest: Sizes
    usual: Sizes
    largest: Sizes

    def holds(self, shape: Sizes) -> bool:
        """Whether an input of this shape fits."""
        return len(shape) == len(self.smallest) and all(
            low <= side <= high for low, side, high in zip(self.smallest, shape, self.largest, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """One engine: what it is for, and its profiles, the first that holds an input being the one to use."""

    name: str
    profiles: tuple[Profile, ...]

    @property
    def sides(self) -> tuple[int, int] | None:
        """Rows and columns, if all profiles agree on them; such an engine needs no shapes at run time."""
        shapes = {shape[2:] for one in self.profiles for shape in (one.smallest, one.usual, one.largest)}
        rows, columns = shapes.pop()
        return None if shapes else (rows, columns)

    def profile_for(self, shape: Sizes) -> int:
        """Index of the profile for an input. Raises `ConfigError` if none holds it."""
        for index, profile in enumerate(self.profiles):
            if profile.holds(shape):
                return index
        largest = ", ".join(str(profile.largest) for profile in self.profiles)
        raise ConfigError(f"engine {self.name!r}: expected a shape of at most {largest}, got {shape}; cut it up")


def plans_for(input_shape: Shape) -> tuple[Plan, ...]:
    """Engines for a network, by what its input leaves open.

    Open in the batch alone: `"patches"`, a profile for each of `BUCKETS`. Open in batch, rows and columns: `"tiles"`
    of a fixed size in batches, and `"frame"`, one whole image.

    Raises
    ------
    ConfigError
        If the input is neither.
    """
    if len(input_shape) == 4 and input_shape[0] is None and input_shape[1] is not None:
        channels, rows, columns = input_shape[1:]
        assert channels is not None
        if rows is not None and columns is not None:
            one = (1, channels, rows, columns)
            full = ((size, channels, rows, columns) for size in BUCKETS)
            return (Plan("patches", tuple(Profile(one, shape, shape) for shape in full)),)
        if rows is None and columns is None:
            small, usual, large = ((count, channels, TILE, TILE) for count in TILES)
            frame = Profile(*((1, channels, *size) for size in FRAME))
            return Plan("tiles", (Profile(small, usual, large),)), Plan("frame", (frame,))
    raise ConfigError(
        f"engine: expected an input of (any, channels, rows, columns) or (any, channels, any, any), got {input_shape}"
    )
