"""What, besides the seed, decides a detector's weights; and the recipes that have a name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from mcfast.errors import ConfigError
from mcfast.phantom.mixture import MIXTURES, MixtureName
from mcfast.phantom.tiles import INGREDIENTS as OF_TILES
from mcfast.train.course import Course

__all__ = ["INGREDIENTS", "RECIPES", "SHIPPED", "UNEARNED", "DetectorRecipe", "teachers_of", "told"]

INGREDIENTS = {
    "noise units": "each patch in units of its own mean and deviation",
    "exports": "tiles as exposed: no processing, no other grid, 16 bits",
    "hard windows": "no window leaves the darkest tissue black",
    "skin": "tissue everywhere, no edge of the breast",
    "metal": "no balls, clips, rings, wires",
    "vascular calcification": "no calcified arteries",
    "shapes": "irregular calcifications alone",
    "line crossings": "no thin lines through one place",
    "hardest negatives": "all negatives at random, instead of half of them",
    "gain and level": "neither is varied",
    "turns and mirrors": "patches as they lie",
    "whole phantoms": "tiles alone",
    "dropout": "all hidden units always",
    "soft specks": "no round densities wider than calcifications",
    "film marks": "no dust, scratches, hot pixels",
    "pectoral edge": "no soft steps",
}
"""What a training can leave out, and what is then done instead; those of tiles as `mcfast.phantom.tiles` has them."""

UNEARNED = ("line crossings", "pectoral edge", "soft specks")
"""What no recipe has: no detector marks such places, whether it was trained on them or not (docs/training.md)."""

_NOUGHT: dict[str, tuple[str, ...]] = {
    "gain and level": ("gain", "level"),
    "whole phantoms": ("phantoms",),
    "dropout": ("dropout",),
}


@dataclass(frozen=True)
class DetectorRecipe(Course):
    """How a detector is trained.

    Attributes
    ----------
    network
        `"vgg24"`, `"vgg12"` or `"alexnet12"` of `mcfast.nets`.
    maps, hidden, dropout
        Its widths, and the share of hidden units left out while training.
    start
        How its weights begin, `"he"` or `"glorot"` of `mcfast.nets.initialise`.
    scales
        Of `"vgg24"`: 1 looks at 0.1 mm only, 2 at 0.2 mm too.
    tiles, side, negatives
        Training tiles, their side in pixels, candidates taken from each besides its calcifications.
    mixture
        What tiles are mixed of, one of `mcfast.phantom.mixture`.
    teachers, truth
        Recipes by name, whose networks are trained first; the network then learns from all their tiles what they say
        of them, and `truth` is the share of the truth in it. See `mcfast.train.detector.distillation`.
    phantoms, phantom_negatives
        Whole training phantoms, and candidates taken from each besides its calcifications.
    mined_tiles, mined_negatives, mined_after
        Further tiles of which, after so many epochs, the network picks the candidates that it is most wrong about.
    mined_phantoms
        Further whole phantoms that it does so on, four times as many on each, for they are larger.
    calibrating, tested
        Phantoms that the probabilities are fitted on, and full-size ones for the numbers in the model card.
    without
        Names of `INGREDIENTS` that are left out. What is a number above becomes 0.
    epochs and the others
        See `Course`.
    """

    network: Literal["vgg24", "vgg12", "alexnet12"] = "vgg12"
    maps: int = 32
    hidden: int = 128
    dropout: float = 0.3
    start: Literal["he", "glorot"] = "he"
    scales: int = 1
    tiles: int = 2200
    side: int = 512
    negatives: int = 110
    mixture: MixtureName = "usual"
    teachers: tuple[str, ...] = ()
    truth: float = 0.3
    phantoms: int = 24
    phantom_negatives: int = 500
    mined_tiles: int = 0
    mined_negatives: int = 60
    mined_after: int = 8
    mined_phantoms: int = 0
    calibrating: int = 8
    tested: int = 12
    epochs: int = 14
    batch: int = 256
    ratio: float = 3.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    momentum: float = 0.9
    gain: float = 0.2
    level: float = 0.15
    bfloat16: bool = True
    without: tuple[str, ...] = UNEARNED

    def __post_init__(self) -> None:
        if self.network not in ("vgg24", "vgg12", "alexnet12"):
            raise ConfigError(f"DetectorRecipe(network): expected vgg24, vgg12 or alexnet12, got {self.network!r}")
        if self.start not in ("he", "glorot"):
            raise ConfigError(f"DetectorRecipe(start): expected he or glorot, got {self.start!r}")
        if self.mixture not in MIXTURES:
            raise ConfigError(f"DetectorRecipe(mixture): expected {', '.join(MIXTURES)}, got {self.mixture!r}")
        if not 0 <= self.truth <= 1:
            raise ConfigError(f"DetectorRecipe(truth): expected 0 .. 1, got {self.truth}")
        if self.teachers and self.mines:
            raise ConfigError(
                "DetectorRecipe(teachers, mined_tiles, mined_phantoms): expected teachers or mining; let a teacher mine"
            )
        for name in self.without:
            if name not in INGREDIENTS:
                known = ", ".join(INGREDIENTS)
                raise ConfigError(f"DetectorRecipe(without): expected some of {known}; got {name!r}")
            for field in _NOUGHT.get(name, ()):
                object.__setattr__(self, field, type(getattr(self, field))(0))
        super().__post_init__()

    @property
    def mines(self) -> bool:
        """Whether hard negatives are picked on the way."""
        return self.mined_tiles + self.mined_phantoms > 0

    @property
    def turns(self) -> bool:
        """Whether batches are turned by quarters and mirrored at random."""
        return "turns and mirrors" not in self.without

    @property
    def drawn_without(self) -> tuple[str, ...]:
        """What of `without` decides which patches are drawn."""
        return tuple(sorted(name for name in set(self.without) if name in (*OF_TILES, "hardest negatives")))


def told(recipe: DetectorRecipe) -> dict[str, Any]:
    """The recipe for JSON. Of what it does not do it does not speak: files of before, the same bytes."""
    values = {**asdict(recipe), "teachers": list(recipe.teachers), "without": list(recipe.without)}
    return {name: value for name, value in values.items() if value or name not in ("without", "mined_phantoms")}


_MINING = DetectorRecipe(mined_tiles=700, mined_negatives=100, mined_after=6, mined_phantoms=24, tested=0)
_LOOKING_WIDER = DetectorRecipe(network="vgg24", hidden=96, epochs=12, tested=0)
_TEACHERS: dict[str, DetectorRecipe] = {
    "vgg12-usual": _MINING,
    "vgg24-usual": _LOOKING_WIDER,
    "vgg12-difficult": replace(_MINING, mixture="difficult"),
    "vgg24-difficult": replace(_LOOKING_WIDER, mixture="difficult", scales=2),
}
RECIPES: dict[str, DetectorRecipe] = {
    "vgg12": DetectorRecipe(teachers=tuple(_TEACHERS), epochs=10),
    "vgg24": DetectorRecipe(network="vgg24", hidden=96, scales=2, teachers=tuple(_TEACHERS), epochs=8),
    **_TEACHERS,
    # Bria et al. (2018): as published, on this project's phantoms; no mining, balanced classes. In units of the local
    # noise inputs are standardised already.
    "bria": DetectorRecipe(
        start="glorot",
        dropout=0.5,
        epochs=24,
        batch=32,
        ratio=1.0,
        optimizer="sgd",
        learning_rate=1e-3,
        weight_decay=5e-4,
        gain=0.0,
        level=0.0,
        bfloat16=False,
    ),
}
"""`"vgg12"` and `"vgg24"` make the weights that ship, after the four that teach them; `"bria"` is the recipe of the
paper, for its network of table 1, `"bria-alexnet12"` the same for that of table 2."""
RECIPES["bria-alexnet12"] = replace(RECIPES["bria"], network="alexnet12")

SHIPPED = ("vgg12", "vgg24")


def teachers_of(recipe: DetectorRecipe) -> list[DetectorRecipe]:
    """The recipes of its teachers, with as many tiles and phantoms of the same size as its own.

    Raises `ConfigError` for a name that is none of `RECIPES`, or that of a recipe with teachers.
    """
    for name in recipe.teachers:
        if name not in RECIPES or RECIPES[name].teachers:
            possible = ", ".join(one for one in RECIPES if not RECIPES[one].teachers)
            raise ConfigError(f"DetectorRecipe(teachers): expected some of {possible}, got {name!r}")
    same = {name: getattr(recipe, name) for name in ("tiles", "side", "phantoms", "calibrating")}
    return [replace(RECIPES[name], **same) for name in recipe.teachers]
