"""What a configuration asks of dehazing, in pixels of an image."""

from __future__ import annotations

from typing import Any

from mcfast.config import Config

__all__ = ["dehazing"]


def dehazing(config: Config, spacing_mm: tuple[float, float]) -> dict[str, Any]:
    """Options of `mcfast.dehaze` for an image of that (row, column) spacing."""
    rows_mm, columns_mm = spacing_mm
    return {
        "size": (_odd(config.dark_channel_mm / rows_mm), _odd(config.dark_channel_mm / columns_mm)),
        "radius": round(config.guided_radius_mm / ((rows_mm + columns_mm) / 2)),
        "omega": config.omega,
        "eps": config.eps,
        "t_min": config.t_min,
    }


def _odd(pixels: float) -> int:
    """The odd number nearest to `pixels`, at least 1."""
    return max(1, 2 * round((pixels - 1) / 2) + 1)
