"""What looks have found is kept line by line, and short shots are joined."""

from pathlib import Path

import pytest

from pipeline.division.looks import JOURNAL, Look, Looks, joined
from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import Window


def test_looks_are_kept_by_file_and_way_to_look(tmp_path: Path) -> None:
    durations, shots = Looks(tmp_path, Even(10, 5)), Looks(tmp_path, Shots())
    durations.add("one", Look(seconds=12.25))
    durations.add("two", Look(failed="the file is empty (0 bytes)"))
    shots.add("one", Look(shots=(Window(0, 2.5), Window(2.5, 12.25))))
    again = Looks(tmp_path, Even(3, 3))  # windows of another length need no other look
    assert [again.get(name) for name in ("one", "two", "three")] == [
        Look(seconds=12.25),
        Look(failed="the file is empty (0 bytes)"),
        None,
    ]
    assert Looks(tmp_path, Shots()).get("one") == Look(shots=(Window(0, 2.5), Window(2.5, 12.25)))
    assert Looks(tmp_path, Shots()).get("two") is None
    durations.add("two", Look(seconds=3))  # a later look counts
    assert Looks(tmp_path, Even(1, 1)).get("two") == Look(seconds=3)


def test_a_journal_cut_off_costs_its_last_look(tmp_path: Path) -> None:
    looks = Looks(tmp_path, Even(10, 5))
    for name in ("one", "two"):
        looks.add(name, Look(seconds=1))
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-9])
    again = Looks(tmp_path, Even(10, 5))
    assert (again.get("one"), again.get("two")) == (Look(seconds=1), None)
    again.add("two", Look(seconds=2))
    assert Looks(tmp_path, Even(10, 5)).get("two") == Look(seconds=2)


def test_lines_that_say_nothing_are_passed_over(tmp_path: Path) -> None:
    lines = [
        '{"file": "a", "method": "duration", "seconds": "long"}',
        '{"file": "b", "method": "duration", "shots": [1]}',
    ]
    (tmp_path / JOURNAL).write_text("\n".join([*lines, '{"file": "c", "method": "duration", "seconds": 2}']))
    looks = Looks(tmp_path, Even(10, 5))
    assert [looks.get(name) for name in "abc"] == [None, None, Look(seconds=2)]


@pytest.mark.parametrize(
    ("shots", "wanted"),
    [
        ([(0, 1), (1, 2)], [(0, 1), (1, 2)]),
        ([(0, 1), (1, 1.4), (1.4, 3)], [(0, 1.4), (1.4, 3)]),  # to the one before
        ([(0, 0.2), (0.2, 3), (3, 4)], [(0, 3), (3, 4)]),  # the first one to the next
        ([(0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 3)], [(0, 0.6), (0.6, 3)]),
        ([(0, 1), (1.2, 1.4)], [(0, 1.4)]),  # with the transition between
        ([(0, 0.3)], [(0, 0.3)]),
        ([], []),
    ],
)
def test_shots_that_are_too_short_to_be_seen(
    shots: list[tuple[float, float]], wanted: list[tuple[float, float]]
) -> None:
    assert joined([Window(*shot) for shot in shots]) == [Window(*shot) for shot in wanted]


def test_windows_of_a_look() -> None:
    assert Look(seconds=12).windows(Even(5, 5)) == [Window(0, 5), Window(5, 12)]
    assert Look(failed="no").windows(Even(5, 5)) == []
    assert Look(failed="no").windows(Shots()) == []
    assert Look(shots=(Window(0, 1),)).windows(Shots()) == [Window(0, 1)]
