from dataclasses import replace

import numpy as np
import pytest

from iml_tui.data.faces.appearance import Appearance, draw_appearance
from iml_tui.data.faces.artefacts import Artefacts, apply_artefacts
from iml_tui.data.faces.difficulty import Signal
from iml_tui.data.faces.flaws import Flaws
from iml_tui.data.faces.giveaways import GIVEAWAYS, NO_DEPARTURE, Departure, draw_departure
from iml_tui.data.faces.portrait import paint_portrait

STRONG = Signal(share=1.0, strength=1.0, tone=0.0)
FLAWS = {
    "unequal-eyes": ("eye_scales", "eye_drops"),
    "irises": ("irises",),
    "catch-lights": ("catch_lights",),
    "earrings": ("earring",),
    "warped-background": ("warp",),
    "hair-bleeding": ("bleed",),
}
ARTEFACTS = {"droplet": ("droplet",), "half-resolution": ("half_resolution",), "checkerboard": ("checkerboard",)}


def somebody(seed: int, earring: int = 0) -> Appearance:
    return replace(draw_appearance(np.random.RandomState(seed)), earring=earring, glasses=0)


def departure(seed: int, appearance: Appearance, signal: Signal = STRONG) -> Departure:
    return draw_departure(np.random.RandomState(seed), appearance, signal)


def only(key: str, whole: Departure) -> Departure:
    """The departure with one of its giveaways, the others as on a real face."""
    names = {*FLAWS.get(key, ()), *ARTEFACTS.get(key, ())}
    flaws = {name: getattr(whole.flaws, name) for name in names if name in Flaws.__dataclass_fields__}
    artefacts = {name: getattr(whole.artefacts, name) for name in names if name in Artefacts.__dataclass_fields__}
    return Departure((key,), replace(NO_DEPARTURE.flaws, **flaws), replace(NO_DEPARTURE.artefacts, **artefacts))


def paint(appearance: Appearance, departure: Departure) -> np.ndarray:
    return apply_artefacts(paint_portrait(appearance, departure.flaws), departure.artefacts)


def test_all_giveaways_are_looked_at_here() -> None:
    assert set(FLAWS) | set(ARTEFACTS) == set(GIVEAWAYS)


@pytest.mark.parametrize("key", GIVEAWAYS)
def test_every_giveaway_shows_and_stays_in_its_place(key: str) -> None:
    shares = []
    for seed in range(12):
        appearance = somebody(seed)
        flawed = paint(appearance, only(key, departure(seed, appearance)))
        changed = np.abs(flawed - paint(appearance, NO_DEPARTURE)).max(axis=0) > 0.04
        shares.append(float(changed.mean()))
    # Of 4,096 pixels: an eye or an earring is a dozen, a background a third.
    assert float(np.median(shares)) >= 0.0005
    assert max(shares) < {"half-resolution": 1.0, "checkerboard": 1.0, "warped-background": 0.6}.get(key, 0.15)


def test_giveaways_are_drawn_independently_with_their_share() -> None:
    signal = replace(STRONG, share=0.4)
    found = [set(departure(seed, somebody(0), signal).giveaways) for seed in range(600)]
    for key in GIVEAWAYS:
        # Within four standard errors; that one is always there adds less than 0.01.
        assert abs(np.mean([key in keys for keys in found]) - 0.4) < 0.09
    both = np.mean([{"droplet", "irises"} <= keys for keys in found])
    assert abs(both - 0.16) < 0.07


def test_where_none_falls_the_closest_one_is_taken() -> None:
    signal = replace(STRONG, share=0.0)
    found = [departure(seed, somebody(0), signal).giveaways for seed in range(100)]
    assert {len(keys) for keys in found} == {1}
    assert len({keys[0] for keys in found}) == len(GIVEAWAYS)


def test_without_earrings_none_disagree() -> None:
    for seed in range(50):
        assert "earrings" not in departure(seed, somebody(seed, earring=-1)).giveaways


def test_the_second_iris_has_clearly_another_colour() -> None:
    for seed in range(50):
        left, right = departure(seed, somebody(seed)).flaws.irises
        assert left is not None
        assert right is not None
        assert float(np.abs(left - right).max()) > 0.15


def test_a_picture_at_half_resolution_keeps_its_mean() -> None:
    picture = np.random.RandomState(0).random_sample((3, 64, 64))
    for repeated in (False, True):
        scaled = apply_artefacts(picture, Artefacts(half_resolution=1.0, repeated=repeated))
        assert scaled.mean() == pytest.approx(picture.mean(), abs=0.005)
        blocks = scaled.reshape(3, 32, 2, 32, 2)
        assert np.allclose(blocks[:, :, 0], blocks[:, :, 1]) == repeated


def test_a_checkerboard_has_its_period_and_no_tone() -> None:
    board = departure(1, somebody(1)).artefacts.checkerboard
    pattern = apply_artefacts(np.ones((3, 64, 64)), Artefacts(checkerboard=board))
    assert pattern.mean() == pytest.approx(1.0)
    assert np.array_equal(pattern[:, :, 4:], pattern[:, :, :-4])
    assert float(pattern.std()) > 0.02
