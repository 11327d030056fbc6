"""Plans the scene of each demo video: its things, its place and its movement, drawn from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring", "heart")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "medium", "large")
PLACES = ("grass", "sea", "sand", "bricks", "wood", "tiles", "sky", "night")

# Colours that can hardly be seen at a place.
HIDDEN = {
    "grass": {"green"},
    "sea": {"blue"},
    "sand": {"yellow", "orange"},
    "bricks": {"red", "orange"},
    "wood": {"orange"},
    "tiles": {"white"},
    "sky": {"white", "blue"},
    "night": set(),
}


@dataclass(frozen=True)
class Move:
    """A movement with its pace ("slow", "" or "fast") and its ending ("", "stops" or "returns")."""

    name: str
    pace: str = ""
    ending: str = ""


STRAIGHT = ("right", "left", "up", "down")
PACED = (*STRAIGHT, "clockwise", "anticlockwise", "bounce", "spin", "blink")
PLAIN = ("zigzag right", "zigzag left", "grow", "shrink", "pulse", "shake", "still")
MOVES = (
    *(Move(name, pace=pace) for name in PACED for pace in ("slow", "", "fast")),
    *(Move(name, ending=ending) for name in STRAIGHT for ending in ("stops", "returns")),
    *(Move(name) for name in PLAIN),
)
# The first thing acts on the second one.
DUETS = (
    *(Move(name) for name in ("meet", "part", "swap", "orbit", "jump over", "beside")),
    *(Move(f"{name} {side}") for name in ("chase", "push", "pass") for side in ("right", "left")),
)


@dataclass(frozen=True)
class Thing:
    """One coloured shape."""

    shape: str
    colour: str
    size: str = "medium"


@dataclass(frozen=True)
class Scene:
    """The content of a video: one thing that moves, or two that act on each other."""

    place: str
    things: tuple[Thing, ...]
    move: Move


T = TypeVar("T")


class Deck(Generic[T]):
    """Draws as from a shuffled pack of cards, so that every item comes up about equally often."""

    def __init__(self, items: Sequence[T], rng: random.Random) -> None:
        self.items, self.rng, self.left = list(items), rng, list[T]()

    def draw(self, fits: Callable[[T], bool] = lambda item: True) -> T:
        """The next item that fits; at least one item of the full pack must."""
        for _ in range(2):
            for position, item in enumerate(self.left):
                if fits(item):
                    return self.left.pop(position)
            self.left += self.rng.sample(self.items, len(self.items))
        raise ValueError("no item of this deck fits")


class Planner:
    """Draws scenes in families, so that neither appearance nor movement alone finds a video.

    In a family the same things at the same place move in different ways; a movement comes back with other things.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.shapes, self.colours = Deck(SHAPES, self.rng), Deck(COLOURS, self.rng)
        self.sizes, self.places = Deck(SIZES, self.rng), Deck(PLACES, self.rng)
        self.moves, self.duets = Deck(MOVES, self.rng), Deck(DUETS, self.rng)
        self.used: set[Scene] = set()

    def split(self, videos: int) -> list[Scene]:
        """So many new scenes in random order; one in five has two things."""
        duets = videos // 5
        scenes: list[Scene] = []
        while len(scenes) < duets:
            scenes += self.family(min(3, duets - len(scenes)), things=2)
        while len(scenes) < videos:
            scenes += self.family(min(4, videos - len(scenes)), things=1)
        self.rng.shuffle(scenes)
        return scenes

    def family(self, videos: int, things: int) -> list[Scene]:
        """Scenes that differ only in the movement (and, for two things, in who acts on whom)."""
        place = self.places.draw()
        cast = [self.thing(place, {"medium"} if things == 2 else set(SIZES), [])]
        while len(cast) < things:
            cast.append(self.thing(place, {"medium"}, cast))
        scenes: list[Scene] = []
        for _ in range(videos):
            roles = tuple(self.rng.sample(cast, len(cast)))
            deck = self.duets if things == 2 else self.moves

            def fits(move: Move, roles: tuple[Thing, ...] = roles) -> bool:
                scene = Scene(place, roles, move)
                return visible(move, roles[0]) and scene not in self.used and all(s.move != move for s in scenes)

            scenes.append(Scene(place, roles, deck.draw(fits)))
            self.used.add(scenes[-1])
        return scenes

    def thing(self, place: str, sizes: set[str], others: list[Thing]) -> Thing:
        """A thing that can be seen at the place and differs from the others in shape and colour."""
        shape = self.shapes.draw(lambda shape: all(other.shape != shape for other in others))
        taken = HIDDEN[place] | {other.colour for other in others}
        return Thing(shape, self.colours.draw(lambda colour: colour not in taken), self.sizes.draw(sizes.__contains__))


def visible(move: Move, thing: Thing) -> bool:
    """Whether a movement can be seen: a circle's spin cannot, and only a medium thing can grow and shrink."""
    if move.name == "spin":
        return thing.shape not in ("circle", "ring")
    if move.name in ("grow", "shrink", "pulse"):
        return thing.size == "medium"
    return True
