"""Captions are grammatical in their parts, true, and different."""

from __future__ import annotations

import random
import re

import pytest

from pipeline.demo.captions import COLOURED, NOUNS, PACED, SAID, SAID_OF_TWO, SIZED, SOMEWHERE, captions, inflect
from pipeline.demo.scenes import DUETS, MOVES, PLACES, SHAPES, Move, Planner, Scene, Thing

MIRROR = {"right": "left", "left": "right", "up": "down", "down": "up"}


def said(scene: Scene, times: int = 25) -> list[str]:
    return [text for seed in range(times) for text in captions(scene, random.Random(seed))]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text))


def test_there_are_words_for_everything() -> None:
    assert set(NOUNS) == set(SHAPES)
    assert set(SOMEWHERE) == set(PLACES)
    assert set(SAID) == {move.name for move in MOVES}
    assert set(SAID_OF_TWO) == {move.name for move in DUETS}


def test_verbs_take_the_form_asked_for() -> None:
    text = "a star [go|goes|going] up and [come|comes|coming] back"
    assert inflect(text, "base") == "a star go up and come back"
    assert inflect(text, "third") == "a star goes up and comes back"
    assert inflect(text, "ing") == "a star going up and coming back"


def test_each_video_has_four_different_plain_sentences() -> None:
    rng = random.Random(0)
    for scene in Planner(3).split(60):
        texts = captions(scene, rng)
        assert len(set(texts)) == 4
        for text in texts:
            assert re.fullmatch(r"[a-z]+(,? [a-z]+)+", text), text
            assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text


def test_the_first_caption_leaves_nothing_out() -> None:
    for scene in Planner(3).split(60):
        text = captions(scene, random.Random(0))[0]
        assert any(where in text for where in SOMEWHERE[scene.place])
        for thing in scene.things:
            assert any(noun in text for noun in NOUNS[thing.shape])
            assert any(colour in text for colour in COLOURED.get(thing.colour, (thing.colour,)))
            assert thing.size == "medium" or any(size in text for size in SIZED[thing.size])
        assert not scene.move.pace or any(pace in text for pace in PACED[scene.move.pace])


@pytest.mark.parametrize("name", ["right", "left", "up", "down"])
def test_no_caption_names_the_opposite_direction_as_the_goal(name: str) -> None:
    opposite = MIRROR[name]
    for text in said(Scene("wood", (Thing("star", "red"),), Move(name))):
        assert not words(text) & {f"{opposite}wards"}, text
        assert f"to the {opposite}" not in text
        assert f"to {opposite}" not in text


def test_captions_of_two_say_who_acts() -> None:
    scene = Scene("wood", (Thing("star", "red"), Thing("heart", "pink")), Move("push right"))
    for text in said(scene):
        if words(text) & {"push", "pushes", "pushing", "shove", "shoves", "shoving"}:
            actor, other = re.split(r"push\w*|shov\w*", text)
            assert not {"heart", "pink"} & words(actor), text
            assert not {"star", "red"} & words(other), text


def test_people_leave_things_out() -> None:
    texts = said(Scene("grass", (Thing("star", "red", "large"),), Move("spin", pace="fast")))
    for word in ("star", "red"):
        assert 0.8 < sum(word in words(text) for text in texts) / len(texts) < 1.0
    assert 0.3 < sum(any(where in text for where in SOMEWHERE["grass"]) for text in texts) / len(texts) < 0.95
