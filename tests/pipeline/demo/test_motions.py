"""Movements do what their names say: worked out from the poses at a few moments."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pipeline.demo.motions import Pose, duet, solo, wave
from pipeline.demo.scenes import DUETS, MOVES, PLAIN, Move

TIMES = [step / 60 for step in range(61)]


def path(move: Move) -> list[Pose]:
    return [solo(move, t, 0.4) for t in TIMES]


@pytest.mark.parametrize(
    ("name", "axis", "sign"), [("right", "x", 1), ("left", "x", -1), ("down", "y", 1), ("up", "y", -1)]
)
@pytest.mark.parametrize("pace", ["slow", ""])
def test_straight_ways_go_one_way_only(name: str, axis: str, sign: int, pace: str) -> None:
    places = [sign * getattr(pose, axis) for pose in path(Move(name, pace=pace))]
    across = {getattr(pose, "y" if axis == "x" else "x") for pose in path(Move(name, pace=pace))}
    assert places == sorted(places)
    assert len(set(places)) == 61
    assert across == {0.4}


def test_a_faster_pace_covers_more_way() -> None:
    def way(pace: str) -> float:
        places = [pose.x for pose in path(Move("right", pace=pace))]
        return sum(max(0.0, b - a) for a, b in pairwise(places))

    assert way("slow") < 0.6 * way("") < 0.6 * 0.6 * way("fast")


@pytest.mark.parametrize("name", ["right", "left", "up", "down"])
def test_endings(name: str) -> None:
    stops, returns = path(Move(name, ending="stops")), path(Move(name, ending="returns"))
    assert len(set(stops[:31])) == 31
    assert len(set(stops[30:])) == 1
    assert (stops[60].x, stops[60].y) == (
        pytest.approx(0.5 if name in ("right", "left") else 0.4),
        pytest.approx(0.5 if name in ("up", "down") else 0.4),
    )
    assert returns[0] == returns[60] != returns[30]


@pytest.mark.parametrize(("name", "sign"), [("clockwise", 1), ("anticlockwise", -1)])
def test_circles_turn_their_way(name: str, sign: int) -> None:
    poses = path(Move(name))
    for a, b in pairwise(poses):  # with y downwards a positive cross product is clockwise
        assert sign * ((a.x - 0.5) * (b.y - 0.5) - (a.y - 0.5) * (b.x - 0.5)) > 0


def test_a_bounce_rises_from_the_ground_and_comes_back_more_often_when_fast() -> None:
    def landings(pace: str) -> int:
        low = [pose.y > 0.75 for pose in path(Move("bounce", pace=pace))]
        return sum(b and not a for a, b in pairwise(low))

    assert landings("slow") < landings("") < landings("fast")


def test_sizes_turns_and_visibility() -> None:
    grow, shrink = path(Move("grow")), path(Move("shrink"))
    assert [pose.scale for pose in grow] == sorted(pose.scale for pose in grow)
    assert [pose.scale for pose in shrink] == sorted((pose.scale for pose in shrink), reverse=True)
    assert path(Move("spin", pace="fast"))[-1].turn == 4.0
    assert {pose.seen for pose in path(Move("blink", pace="slow"))} == {True, False}
    assert len(set(path(Move("still")))) == 1


@pytest.mark.parametrize("move", MOVES, ids=str)
def test_every_movement_is_seen_and_only_those_called_still_do_not_change(move: Move) -> None:
    poses = path(move)
    assert sum(pose.seen and 0 <= pose.x <= 1 and 0 <= pose.y <= 1 for pose in poses) > 20
    assert (len(set(poses)) == 1) == (move.name == "still")


@pytest.mark.parametrize("move", DUETS, ids=str)
def test_every_movement_of_two_keeps_both_in_the_picture(move: Move) -> None:
    for t in TIMES:
        for pose in duet(move, t, 0.5):
            assert -0.06 <= pose.x <= 1.06
            assert 0 <= pose.y <= 1


def test_left_is_the_mirror_image_of_right() -> None:
    for t in TIMES:
        for right, left in zip(duet(Move("push right"), t, 0.5), duet(Move("push left"), t, 0.5), strict=True):
            assert (left.x, left.y) == (1 - right.x, right.y)


def test_who_acts_on_whom() -> None:
    (start, other), (_, pushed) = duet(Move("push right"), 0.0, 0.5), duet(Move("push right"), 1.0, 0.5)
    assert start.x < other.x < pushed.x
    assert all(duet(Move("chase right"), t, 0.5)[0].x < duet(Move("chase right"), t, 0.5)[1].x for t in TIMES)
    assert {duet(Move("orbit"), t, 0.5)[1] for t in TIMES} == {Pose(0.5, 0.5)}
    gaps = [second.x - first.x for first, second in (duet(Move("meet"), t, 0.5) for t in TIMES)]
    assert gaps == sorted(gaps, reverse=True)


def test_the_wave_goes_from_one_to_minus_one_and_back() -> None:
    assert [wave(t) for t in (0, 0.25, 0.5, 0.75, 1)] == [1, 0, -1, 0, 1]


def test_unknown_movements_are_refused() -> None:
    assert "fly" not in PLAIN
    with pytest.raises(ValueError, match="'fly'"):
        solo(Move("fly"), 0, 0.5)
    with pytest.raises(ValueError, match="'fly'"):
        duet(Move("fly"), 0, 0.5)
