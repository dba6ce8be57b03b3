"""The colour-blind theme: what the colours mean stays apart for every kind of colour vision, in 256 colours, too.

The matrices are those of Machado, Oliveira and Fernandes (2009) for full severity, on linear RGB. Distances are in
Oklab, where the just noticeable one is about 0.02.
"""

from __future__ import annotations

from itertools import combinations

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem

from dive_tui.app.themes import COLOUR_BLIND, DARK, Tokens

Vector = list[float]
Matrix = list[Vector]

VISIONS: dict[str, Matrix] = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
_TO_CONES: Matrix = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
_TO_LAB: Matrix = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]
STATUSES = ("ok", "failed", "running", "waiting", "replay")
CHANGES = ("added", "removed", "changed")
APART = 0.15


def times(matrix: Matrix, vector: Vector) -> Vector:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def seen(colour: str, vision: str, *, few: bool = False) -> Vector:
    """A colour in Oklab as somebody sees it; with `few` as a terminal of 256 colours shows it."""
    parsed = RichColor.parse(colour)
    channels = (parsed.downgrade(ColorSystem.EIGHT_BIT) if few else parsed).get_truecolor()
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (x / 255 for x in channels)]
    simulated = [min(max(x, 0.0), 1.0) for x in times(VISIONS[vision], linear)]
    return times(_TO_LAB, [max(x, 0.0) ** (1 / 3) for x in times(_TO_CONES, simulated)])


def distance(tokens: Tokens, one: str, other: str, vision: str, *, few: bool) -> float:
    first, second = (seen(getattr(tokens, name), vision, few=few) for name in (one, other))
    return float(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5)


@pytest.mark.parametrize("few", [False, True], ids=["true colours", "256 colours"])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("names", [STATUSES, CHANGES, ("accent", "failed"), ("accent", "waiting")], ids="-".join)
def test_meanings_stay_apart(names: tuple[str, ...], vision: str, few: bool) -> None:
    for one, other in combinations(names, 2):
        assert distance(COLOUR_BLIND, one, other, vision, few=few) >= APART, (one, other)


def test_it_is_better_than_the_usual_one_and_the_measure_sees_that() -> None:
    def least(tokens: Tokens) -> float:
        return min(
            distance(tokens, one, other, vision, few=False)
            for vision in VISIONS
            for one, other in combinations(STATUSES, 2)
        )

    assert least(DARK) < 0.05 < APART <= least(COLOUR_BLIND)


def test_what_means_the_same_looks_the_same() -> None:
    assert (COLOUR_BLIND.added, COLOUR_BLIND.removed, COLOUR_BLIND.changed) == (
        COLOUR_BLIND.ok,
        COLOUR_BLIND.failed,
        COLOUR_BLIND.waiting,
    )
