"""Draws demo scenes: textured places and outlined shapes, as frames of 96 x 96 pixels.

Square, so that the centre crop of every extractor sees the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from pipeline.demo.motions import Pose, duet, solo
from pipeline.demo.scenes import Scene, Thing

SIDE = 96  # pixels
FINE = 3  # shapes are drawn this much larger, then reduced, for smooth edges
RADIUS = {"small": 0.08, "medium": 0.13, "large": 0.21}  # of the side
PAINT = {
    "red": (214, 38, 38),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (40, 165, 70),
    "blue": (40, 80, 220),
    "purple": (135, 55, 170),
    "pink": (250, 140, 190),
    "white": (245, 245, 245),
}


def frames(scene: Scene, count: int, seed: int) -> Iterator[np.ndarray]:
    """The video, frame by frame: `count` times [SIDE, SIDE, 3] uint8 RGB."""
    rng = np.random.default_rng(seed)
    backdrop = place(scene.place, rng)
    lane = float(rng.uniform(0.38, 0.62))
    for number in range(count):
        t = number / max(1, count - 1)
        poses = (solo(scene.move, t, lane),) if len(scene.things) == 1 else duet(scene.move, t, lane)
        picture = backdrop
        for thing, pose in reversed(list(zip(scene.things, poses, strict=True))):
            picture = paint(picture, thing, pose)
        yield picture.round().clip(0, 255).astype(np.uint8)


def paint(picture: np.ndarray, thing: Thing, pose: Pose) -> np.ndarray:
    """The picture [SIDE, SIDE, 3] float with another thing in its colour, with a dark outline."""
    if not pose.seen:
        return picture
    body = Image.new("L", (SIDE * FINE, SIDE * FINE))
    edge = body.copy()
    on_body, on_edge = ImageDraw.Draw(body), ImageDraw.Draw(edge)
    radius = RADIUS[thing.size] * pose.scale
    for corners, fill in outlines(thing.shape):
        turned = [turn(corner, pose.turn) for corner in corners]
        points = [((pose.x + radius * x) * SIDE * FINE, (pose.y + radius * y) * SIDE * FINE) for x, y in turned]
        on_body.polygon(points, fill=fill)
        on_edge.line([*points, points[0], points[1]], fill=255, width=FINE + 1, joint="curve")
    picture = picture.copy()
    for mask, colour in ((body, PAINT[thing.colour]), (edge, (25, 25, 25))):
        cover_of_all = mask.reduce(FINE)
        if (box := cover_of_all.getbbox()) is None:  # outside of the frame
            continue
        left, top, right, bottom = box
        cover = np.asarray(cover_of_all.crop(box), dtype=np.float32)[..., None] / 255
        covered = picture[top:bottom, left:right]
        covered[:] = covered * (1 - cover) + cover * np.asarray(colour, dtype=np.float32)
    return picture


def turn(point: tuple[float, float], turns: float) -> tuple[float, float]:
    """The point turned clockwise (y points down) about the origin."""
    (x, y), angle = point, 2 * pi * turns
    return x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)


def around(corners: int, *radii: float) -> list[tuple[float, float]]:
    """Corners on circles about the origin, the first at the top; several radii take turns."""
    angles = [2 * pi * corner / corners - pi / 2 for corner in range(corners)]
    return [(radii[i % len(radii)] * cos(angle), radii[i % len(radii)] * sin(angle)) for i, angle in enumerate(angles)]


def outlines(shape: str) -> list[tuple[list[tuple[float, float]], int]]:
    """Polygons of a shape of radius about 1, each with 255 for filled or 0 for a hole."""
    match shape:
        case "circle":
            return [(around(40, 1.0), 255)]
        case "ring":
            return [(around(40, 1.05), 255), (around(40, 0.55), 0)]
        case "square":
            return [([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)], 255)]
        case "triangle":
            return [(around(3, 1.2), 255)]
        case "star":
            return [(around(10, 1.25, 0.5), 255)]
        case "cross":
            quarter = [(-0.35, -1.05), (0.35, -1.05), (0.35, -0.35)]
            return [([turn(corner, quarters / 4) for quarters in range(4) for corner in quarter], 255)]
        case "heart":
            angles = [2 * pi * step / 40 for step in range(40)]
            tall = [13 * cos(a) - 5 * cos(2 * a) - 2 * cos(3 * a) - cos(4 * a) for a in angles]
            return [([(1.1 * sin(a) ** 3, -y / 15) for a, y in zip(angles, tall, strict=True)], 255)]
    raise ValueError(f"no shape is called {shape!r}")


def place(name: str, rng: np.random.Generator) -> np.ndarray:
    """A backdrop [SIDE, SIDE, 3] float32 in 0..255, with a random grain, offset and brightness."""
    ys, xs = np.mgrid[0:SIDE, 0:SIDE]
    x, y = xs + rng.integers(0, 64), ys + rng.integers(0, 64)
    match name:
        case "grass":
            light = 0.5 * noise(rng, 16, 3) + 0.3 * noise(rng, 6, 6)
            picture = blend((60, 120, 40), (130, 185, 70), light + 0.25)
        case "sea":
            light = 0.5 + 0.35 * np.sin(2 * pi * (y / 11 + 0.25 * np.sin(2 * pi * x / 37))) + 0.3 * noise(rng, 3, 12)
            picture = blend((25, 80, 135), (110, 175, 205), light)
        case "sand":
            light = 0.5 * noise(rng, 1, 1) + 0.6 * noise(rng, 12, 30)
            picture = blend((200, 165, 110), (240, 215, 165), light)
        case "bricks":
            row = y // 12
            mortar = (y % 12 < 2) | ((x + 12 * (row % 2)) % 24 < 2)
            tone = rng.uniform(0, 1, (16, 16))[row % 16, ((x + 12 * (row % 2)) // 24) % 16]
            picture = blend((120, 55, 40), (165, 85, 60), tone)
            picture[mortar] = (190, 180, 170)
        case "wood":
            row = y // 19
            grain = 0.5 + 0.3 * np.sin(2 * pi * (y / 5 + 0.6 * np.sin(x / 23 + row * 2))) + 0.3 * noise(rng, 2, 24)
            picture = blend((110, 70, 35), (165, 115, 65), grain)
            picture[y % 19 < 1] = (60, 38, 20)
        case "tiles":
            odd = ((x // 16) + (y // 16)) % 2
            picture = blend((70, 70, 78), (205, 205, 200), odd + 0.08 * noise(rng, 2, 2))
        case "sky":
            picture = blend((105, 165, 230), (245, 248, 252), 2.2 * noise(rng, 14, 26) - 0.9)
        case "night":
            picture = blend((8, 10, 32), (28, 26, 62), ys / SIDE)
            stars = rng.integers(0, SIDE, (45, 2))
            picture[stars[:, 0], stars[:, 1]] = (200, 200, 180)
        case _:
            raise ValueError(f"no place is called {name!r}")
    return (picture * rng.uniform(0.85, 1.1) + rng.normal(0, 2, picture.shape)).clip(0, 255).astype(np.float32)


def blend(dark: tuple[int, int, int], light: tuple[int, int, int], mix: np.ndarray) -> np.ndarray:
    """Colours [H, W, 3] between dark (mix 0) and light (mix 1)."""
    share = np.clip(mix, 0, 1)[..., None]
    colours: np.ndarray = np.asarray(dark) * (1 - share) + np.asarray(light) * share
    return colours


def noise(rng: np.random.Generator, tall: int, wide: int) -> np.ndarray:
    """Smooth noise [SIDE, SIDE] in 0..1 with spots of about tall x wide pixels."""
    coarse = rng.uniform(0, 255, (SIDE // tall + 2, SIDE // wide + 2)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float64) / 255
