"""What is drawn is where it should be, in the colour it should have."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.demo.motions import Pose
from pipeline.demo.pictures import PAINT, SIDE, frames, outlines, paint, place
from pipeline.demo.scenes import COLOURS, PLACES, SHAPES, Move, Scene, Thing


def pixels(picture: np.ndarray, colour: str) -> np.ndarray:
    """Rows and columns [N, 2] of the pixels in exactly that paint."""
    return np.argwhere((np.abs(picture - np.asarray(PAINT[colour])) < 0.5).all(axis=-1))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_centred_on_its_pose_and_grows_with_it(shape: str) -> None:
    canvas = np.full((SIDE, SIDE, 3), 128.0)
    small = pixels(paint(canvas, Thing(shape, "red"), Pose(0.5, 0.25)), "red")
    large = pixels(paint(canvas, Thing(shape, "red"), Pose(0.5, 0.5, scale=2.0)), "red")
    assert np.abs(small.mean(axis=0) - (0.25 * SIDE, 0.5 * SIDE)).max() < 2.5  # pixels; a heart's centre is a bit high
    assert 3.0 < len(large) / len(small) < 8.0  # 4 but for the outline of constant width


def test_a_square_has_the_area_of_its_sides() -> None:
    painted = pixels(paint(np.zeros((SIDE, SIDE, 3)), Thing("square", "blue", "large"), Pose(0.5, 0.5)), "blue")
    side = 2 * 0.9 * 0.21 * SIDE
    assert (side - 4) ** 2 < len(painted) < side**2


def test_a_ring_has_a_hole_and_a_quarter_turn_leaves_a_cross_as_it_is() -> None:
    canvas = np.full((SIDE, SIDE, 3), 128.0)
    ring = paint(canvas, Thing("ring", "red"), Pose(0.5, 0.5))
    assert (ring[SIDE // 2, SIDE // 2] == 128).all()
    cross = [paint(canvas, Thing("cross", "red"), Pose(0.5, 0.5, turn=turn)) for turn in (0, 0.25, 0.125)]
    assert np.abs(cross[0] - cross[1]).mean() < 0.5 < np.abs(cross[0] - cross[2]).mean()


def test_what_is_not_seen_is_not_drawn() -> None:
    canvas = np.full((SIDE, SIDE, 3), 128.0)
    assert (paint(canvas, Thing("star", "red"), Pose(0.5, 0.5, seen=False)) == canvas).all()


@pytest.mark.parametrize("name", PLACES)
def test_places_are_textured_and_differ_by_seed(name: str) -> None:
    first, again, other = (place(name, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (SIDE, SIDE, 3)
    assert (first == again).all()
    assert np.abs(first - other).mean() > 0.5
    assert first.std(axis=(0, 1)).max() > 3


def test_a_thing_that_moves_right_moves_right_in_the_frames() -> None:
    scene = Scene("night", (Thing("square", "yellow"),), Move("right"))
    video = list(frames(scene, 6, 3))
    columns = [pixels(picture.astype(float), "yellow").mean(axis=0)[1] for picture in video]
    assert np.diff(columns) == pytest.approx([0.76 * SIDE / 5] * 5, abs=2)
    assert {(picture.shape, picture.dtype) for picture in video} == {((SIDE, SIDE, 3), np.dtype(np.uint8))}


def test_the_actor_is_drawn_in_front() -> None:
    scene = Scene("night", (Thing("square", "yellow"), Thing("square", "pink")), Move("pass right"))
    middle = list(frames(scene, 3, 3))[1].astype(float)
    assert len(pixels(middle, "pink")) == 0 < len(pixels(middle, "yellow"))


def test_every_colour_has_a_paint_and_unknown_names_are_refused() -> None:
    assert set(PAINT) == set(COLOURS)
    with pytest.raises(ValueError, match="'egg'"):
        outlines("egg")
    with pytest.raises(ValueError, match="'moon'"):
        place("moon", np.random.default_rng(0))
