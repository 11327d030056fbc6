"""The plan of the demo: the same each time, nothing twice, and neither appearance nor movement alone finds a video."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from pipeline.demo.scenes import HIDDEN, MOVES, Deck, Move, Planner, Scene, Thing, visible


@pytest.fixture(scope="module")
def splits() -> list[list[Scene]]:
    planner = Planner(7)
    return [planner.split(videos) for videos in (100, 20, 40)]


def test_the_same_seed_plans_the_same_scenes(splits: list[list[Scene]]) -> None:
    again, other = Planner(7), Planner(8)
    assert [again.split(videos) for videos in (100, 20, 40)] == splits
    assert other.split(100) != splits[0]


def test_no_scene_is_made_twice(splits: list[list[Scene]]) -> None:
    scenes = [scene for split in splits for scene in split]
    assert len(scenes) == len(set(scenes)) == 160


def test_one_video_in_five_has_two_things(splits: list[list[Scene]]) -> None:
    assert [sum(len(scene.things) == 2 for scene in split) for split in splits] == [20, 4, 8]


def test_most_videos_share_their_appearance_with_others_and_their_movement_with_others(
    splits: list[list[Scene]],
) -> None:
    for split in (splits[0], splits[2]):
        looks, moves = defaultdict(set), defaultdict(set)
        for scene in split:
            looks[scene.place, frozenset(scene.things)].add(scene)
            moves[scene.move.name, len(scene.things)].add(scene)
        same_look = sum(len(group) for group in looks.values() if len(group) > 1)
        same_move = sum(len(group) for group in moves.values() if len(group) > 1)
        assert same_look > 0.9 * len(split)
        assert same_move > 0.7 * len(split)
        for group in looks.values():  # but within one appearance each movement is another
            assert len({(scene.move, scene.things) for scene in group}) == len(group)


def test_every_thing_and_its_movement_can_be_seen(splits: list[list[Scene]]) -> None:
    for scene in (scene for split in splits for scene in split):
        assert all(thing.colour not in HIDDEN[scene.place] for thing in scene.things)
        assert visible(scene.move, scene.things[0])


def test_a_circle_does_not_spin_and_only_a_middle_size_grows() -> None:
    assert not visible(Move("spin"), Thing("circle", "red"))
    assert visible(Move("spin"), Thing("star", "red"))
    assert not visible(Move("grow"), Thing("star", "red", "large"))
    assert visible(Move("grow"), Thing("star", "red", "medium"))


def test_a_deck_gives_every_card_once_before_any_comes_again() -> None:
    deck = Deck(MOVES, random.Random(0))
    for _ in range(3):
        assert {deck.draw() for _ in MOVES} == set(MOVES)


def test_a_deck_without_a_fitting_card_says_so() -> None:
    with pytest.raises(ValueError, match="no item"):
        Deck("abc", random.Random(0)).draw(lambda card: card == "d")
