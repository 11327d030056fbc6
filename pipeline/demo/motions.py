"""Movements as functions of time: the place of a thing, its size, its turn, and whether it can be seen.

Time t runs from 0 to 1 over the video. Positions are fractions of the frame, x to the right and y down; the coordinate
across the movement (the lane) is given, so that the same movement happens at different places.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

from pipeline.demo.scenes import STRAIGHT, Move


@dataclass(frozen=True)
class Pose:
    """A thing at a moment."""

    x: float
    y: float
    scale: float = 1.0  # times its own size
    turn: float = 0.0  # full turns, clockwise
    seen: bool = True


TIMES = {"slow": 0.5, "": 1.5, "fast": 4.0}  # turns, in the whole video
HOPS = {"slow": 1.0, "": 2.5, "fast": 6.0}
BLINKS = {"slow": 1.5, "": 3.5, "fast": 7.5}


def solo(move: Move, t: float, lane: float) -> Pose:
    """The pose of a scene's only thing; `lane` in 0..1 is its place across the movement."""
    turns = TIMES[move.pace]
    rest = Pose(lane, 1 - lane)
    match move.name:
        case "right" | "left" | "up" | "down":
            return along(move.name, travel(move, t), lane)
        case "clockwise" | "anticlockwise":
            angle = 2 * pi * (turns * t + lane) * (1 if move.name == "clockwise" else -1)
            return Pose(0.5 + 0.28 * cos(angle), 0.5 + 0.28 * sin(angle))
        case "bounce":
            return Pose(lane, 0.8 - 0.55 * abs(sin(pi * HOPS[move.pace] * t)))
        case "spin":
            return Pose(lane, 1 - lane, turn=turns * t)
        case "blink":
            return Pose(lane, 1 - lane, seen=(BLINKS[move.pace] * t) % 1 < 0.55)
        case "zigzag right" | "zigzag left":
            return along(move.name.split()[1], 0.15 + 0.7 * t, 0.5 + 0.22 * wave(4 * t + lane))
        case "grow":
            return Pose(rest.x, rest.y, scale=0.4 + 1.4 * t)
        case "shrink":
            return Pose(rest.x, rest.y, scale=1.8 - 1.4 * t)
        case "pulse":
            return Pose(rest.x, rest.y, scale=1.0 + 0.55 * sin(2 * pi * 3 * t))
        case "shake":
            return Pose(lane + 0.06 * sin(2 * pi * 7 * t), 1 - lane)
        case "still":
            return rest
    raise ValueError(f"no movement is called {move.name!r}")


def travel(move: Move, t: float) -> float:
    """The part of the way that is done at time t. A slow thing stays in the middle, a fast one crosses twice."""
    if move.ending == "stops":
        return 0.1 + 0.4 * min(1.0, t / 0.5)
    if move.ending == "returns":
        return 0.12 + 0.76 * (1 - abs(2 * t - 1))
    if move.pace == "slow":
        return 0.3 + 0.4 * t
    if move.pace == "fast":
        return -0.25 + 1.5 * ((2 * t) % 1)  # from outside to outside
    return 0.12 + 0.76 * t


def along(direction: str, way: float, lane: float) -> Pose:
    """The place after a part of the way in one of the four directions."""
    if direction not in STRAIGHT:
        raise ValueError(f"no direction is called {direction!r}")
    if direction in ("left", "up"):
        way = 1 - way
    return Pose(way, lane) if direction in ("left", "right") else Pose(lane, way)


def wave(t: float) -> float:
    """A triangle wave of period 1 between -1 and 1."""
    return 4 * abs(t % 1 - 0.5) - 1


def duet(move: Move, t: float, lane: float) -> tuple[Pose, Pose]:
    """The poses of the thing that acts and of the other one, which is drawn behind it."""
    y = lane
    name, _, side = move.name.partition(" ")
    if side == "left":  # the mirror image
        first, second = duet(Move(f"{name} right"), t, lane)
        return Pose(1 - first.x, first.y), Pose(1 - second.x, second.y)
    match move.name:
        case "meet":
            return Pose(0.12 + 0.25 * min(1, 1.4 * t), y), Pose(0.88 - 0.25 * min(1, 1.4 * t), y)
        case "part":
            return Pose(0.37 - 0.25 * t, y), Pose(0.63 + 0.25 * t, y)
        case "swap":
            angle = pi * t
            return Pose(0.5 - 0.3 * cos(angle), 0.5 - 0.2 * sin(angle)), Pose(
                0.5 + 0.3 * cos(angle), 0.5 + 0.2 * sin(angle)
            )
        case "orbit":
            angle = 2 * pi * (1.5 * t + lane)
            return Pose(0.5 + 0.34 * cos(angle), 0.5 + 0.34 * sin(angle)), Pose(0.5, 0.5)
        case "jump over":
            return Pose(0.15 + 0.7 * t, 0.75 - 0.55 * sin(pi * t)), Pose(0.5, 0.75)
        case "beside":
            return Pose(0.27, 0.75 - 0.5 * abs(sin(pi * 2.5 * t))), Pose(0.73, 0.7)
        case "chase right":
            return Pose(-0.05 + 0.7 * t, y), Pose(0.3 + 0.7 * t, y)
        case "push right":
            actor = 0.1 + 0.5 * t
            return Pose(actor, y), Pose(max(0.5, actor + 0.26), y)
        case "pass right":
            return Pose(0.08 + 0.84 * t, 0.5), Pose(0.5, 0.5)
    raise ValueError(f"no movement of two is called {move.name!r}")
