"""Writes captions of a scene in many ways. Every caption is true; some leave out details, as people do.

In the phrases `[base|third|ing]` is a verb in three forms, {a} is the thing that acts and {b} the other one.
"""

from __future__ import annotations

import random
import re
from typing import Literal

from pipeline.demo.scenes import Move, Scene, Thing

Form = Literal["base", "third", "ing"]
FORMS: tuple[Form, ...] = ("base", "third", "ing")

NOUNS = {
    "circle": ("circle", "ball", "disc"),
    "square": ("square", "box", "block"),
    "triangle": ("triangle",),
    "star": ("star",),
    "cross": ("cross", "plus sign"),
    "ring": ("ring", "hoop"),
    "heart": ("heart",),
}
SIZED = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
COLOURED = {"purple": ("purple", "violet")}
SOMEWHERE = {
    "grass": ("on the grass", "over a green lawn", "in a meadow"),
    "sea": ("on the sea", "over blue water", "above the waves"),
    "sand": ("on the sand", "over a sandy beach", "in the desert"),
    "bricks": ("in front of a brick wall", "on a wall of bricks", "against bricks"),
    "wood": ("on a wooden floor", "over wooden boards", "on a table of wood"),
    "tiles": ("on a checkered floor", "on a chessboard", "over checkered tiles"),
    "sky": ("in a cloudy sky", "among white clouds", "in the blue sky with clouds"),
    "night": ("at night", "in the dark night sky", "in the dark"),
}
PACED = {
    "slow": ("slowly", "very slowly", "at a slow pace", "without any hurry"),
    "fast": ("quickly", "very fast", "rapidly", "in a great hurry"),
}
ENDED = {
    "stops": ("and then [stop|stops|stopping] halfway", "but [stop|stops|stopping] in the middle"),
    "returns": ("and then [come|comes|coming] back", "and [return|returns|returning] to where it began"),
}
SAID = {
    "right": (
        "[move|moves|moving] to the right",
        "[go|goes|going] from left to right",
        "[slide|slides|sliding] to the right",
        "[travel|travels|travelling] rightwards",
    ),
    "left": (
        "[move|moves|moving] to the left",
        "[go|goes|going] from right to left",
        "[slide|slides|sliding] to the left",
        "[travel|travels|travelling] leftwards",
    ),
    "up": ("[move|moves|moving] up", "[rise|rises|rising]", "[go|goes|going] upwards", "[climb|climbs|climbing] up"),
    "down": (
        "[move|moves|moving] down",
        "[fall|falls|falling]",
        "[go|goes|going] downwards",
        "[sink|sinks|sinking] down",
    ),
    "clockwise": ("[circle|circles|circling] clockwise", "[go|goes|going] round in a clockwise circle"),
    "anticlockwise": (
        "[circle|circles|circling] counterclockwise",
        "[go|goes|going] round in a counterclockwise circle",
    ),
    "bounce": ("[bounce|bounces|bouncing] up and down", "[hop|hops|hopping] on the spot", "[bounce|bounces|bouncing]"),
    "spin": ("[spin|spins|spinning]", "[turn|turns|turning] on the spot", "[rotate|rotates|rotating] in place"),
    "blink": (
        "[blink|blinks|blinking]",
        "[flash|flashes|flashing]",
        "[appear|appears|appearing] and [vanish|vanishes|vanishing]",
    ),
    "zigzag right": ("[zigzag|zigzags|zigzagging] to the right", "[go|goes|going] right in a zigzag"),
    "zigzag left": ("[zigzag|zigzags|zigzagging] to the left", "[go|goes|going] left in a zigzag"),
    "grow": ("[grow|grows|growing]", "[get|gets|getting] bigger", "[become|becomes|becoming] larger and larger"),
    "shrink": (
        "[shrink|shrinks|shrinking]",
        "[get|gets|getting] smaller",
        "[become|becomes|becoming] smaller and smaller",
    ),
    "pulse": (
        "[pulse|pulses|pulsing]",
        "[grow|grows|growing] and [shrink|shrinks|shrinking] again and again",
        "[throb|throbs|throbbing] like a heartbeat",
    ),
    "shake": ("[shake|shakes|shaking]", "[tremble|trembles|trembling]", "[shake|shakes|shaking] from side to side"),
    "still": (
        "[stay|stays|staying] still",
        "[remain|remains|remaining] where it is",
        "[rest|rests|resting] in one place",
    ),
}
SAID_OF_TWO = {
    "meet": (
        "{a} and {b} [move|move|moving] towards each other",
        "{a} and {b} [meet|meet|meeting] in the middle",
        "{a} [come|comes|coming] from the left to meet {b}",
    ),
    "part": (
        "{a} and {b} [move|move|moving] apart",
        "{a} and {b} [move|move|moving] away from each other",
        "{a} [leave|leaves|leaving] to the left and {b} to the right",
    ),
    "swap": ("{a} and {b} [swap|swap|swapping] places", "{a} and {b} [change|change|changing] sides"),
    "orbit": (
        "{a} [circle|circles|circling] around {b}",
        "{a} [orbit|orbits|orbiting] {b}",
        "{a} [go|goes|going] round {b}",
    ),
    "jump over": ("{a} [jump|jumps|jumping] over {b}", "{a} [leap|leaps|leaping] across {b}"),
    "beside": (
        "{a} [bounce|bounces|bouncing] next to {b}",
        "{a} [bounce|bounces|bouncing] up and down beside {b}",
        "{a} [hop|hops|hopping] to the left of {b}",
    ),
    "chase right": (
        "{a} [chase|chases|chasing] {b} to the right",
        "{a} [follow|follows|following] {b} from left to right",
        "{b} [run|runs|running] away to the right from {a}",
    ),
    "chase left": (
        "{a} [chase|chases|chasing] {b} to the left",
        "{a} [follow|follows|following] {b} from right to left",
        "{b} [run|runs|running] away to the left from {a}",
    ),
    "push right": ("{a} [push|pushes|pushing] {b} to the right", "{a} [shove|shoves|shoving] {b} rightwards"),
    "push left": ("{a} [push|pushes|pushing] {b} to the left", "{a} [shove|shoves|shoving] {b} leftwards"),
    "pass right": (
        "{a} [pass|passes|passing] in front of {b} to the right",
        "{a} [cross|crosses|crossing] {b} from left to right",
    ),
    "pass left": (
        "{a} [pass|passes|passing] in front of {b} to the left",
        "{a} [cross|crosses|crossing] {b} from right to left",
    ),
}
OPENINGS: tuple[tuple[str, Form], ...] = (
    ("", "third"),
    ("", "third"),
    ("", "third"),
    ("", "ing"),
    ("", "ing"),
    ("we see", "ing"),
    ("watch", "base"),
    ("this is a video of", "ing"),
    ("the clip shows", "ing"),
    ("you can see how", "third"),
)


def captions(scene: Scene, rng: random.Random, count: int = 4) -> list[str]:
    """`count` different captions; the first leaves nothing out."""
    texts = [caption(scene, rng, whole=True)]
    while len(texts) < count:
        text = caption(scene, rng)
        if text not in texts:
            texts.append(text)
    return texts


def caption(scene: Scene, rng: random.Random, whole: bool = False) -> str:
    """A caption; with `whole` it names size, colour, shape, place, movement and pace."""
    opening, form = rng.choice(OPENINGS)
    names = [named(thing, rng, whole, others=scene.things) for thing in scene.things]
    where = rng.choice(SOMEWHERE[scene.place])
    if not whole and rng.random() < 0.1:  # some people describe what they see and not what happens
        return f"{opening if form == 'ing' else ''} {' and '.join(names)} {where}".strip()
    happens = event(scene.move, names, rng, whole)
    if whole or rng.random() < 0.6:
        at_front = not opening and rng.random() < 0.25
        happens = f"{where}, {happens}" if at_front else f"{happens} {where}"
    return inflect(f"{opening} {happens}".strip(), form)


def event(move: Move, names: list[str], rng: random.Random, whole: bool) -> str:
    """Who does what and how fast, with verbs still in their three forms."""
    if len(names) == 2:
        return rng.choice(SAID_OF_TWO[move.name]).format(a=names[0], b=names[1])
    words = [names[0], rng.choice(SAID[move.name])]
    if move.pace and (whole or rng.random() < 0.85):
        pace = rng.choice(PACED[move.pace])
        before = pace.endswith("ly") and rng.random() < 0.4
        words.insert(1 if before else 2, pace)
    if move.ending:
        words.append(rng.choice(ENDED[move.ending]))
    return " ".join(words)


def named(thing: Thing, rng: random.Random, whole: bool, others: tuple[Thing, ...]) -> str:
    """A thing with its article, such as `a tiny violet box`; shape or colour may be left out, except with `whole`."""
    colour, noun = rng.choice(COLOURED.get(thing.colour, (thing.colour,))), rng.choice(NOUNS[thing.shape])
    words = [colour, noun]
    left_out = 1.0 if whole else rng.random()
    if left_out < 0.07:
        words = [noun]
    elif left_out < 0.14:
        words = [colour, rng.choice(("shape", "object", "thing"))]
    if thing.size in SIZED and (whole or rng.random() < 0.6):
        words.insert(0, rng.choice(SIZED[thing.size]))
    article = "the" if len(others) == 1 and rng.random() < 0.15 else "an" if words[0][0] in "aeiou" else "a"
    return " ".join([article, *words])


def inflect(text: str, form: Form) -> str:
    """The text with every `[base|third|ing]` in the form asked for."""
    return re.sub(r"\[([^]|]*)\|([^]|]*)\|([^]|]*)\]", lambda verb: verb[1 + FORMS.index(form)], text)
