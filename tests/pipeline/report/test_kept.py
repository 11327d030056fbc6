"""What a report measured is measured again only where it was of something else."""

from __future__ import annotations

from pathlib import Path

from pipeline.report.kept import NAME, Kept


def test_a_value_is_kept_as_long_as_it_is_of_the_same(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert kept.value("a", "1", lambda: [1]) == [1]
    assert kept.value("b", "1", lambda: None) is None
    kept.write()
    again = Kept(tmp_path)
    assert again.value("a", "1", lambda: [2]) == [1]
    assert again.value("b", "1", lambda: 3) is None
    again.write()
    assert Kept(tmp_path).value("a", "2", lambda: [2]) == [2]


def test_what_nobody_asks_for_is_forgotten_and_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.value("a", "1", lambda: 1)
    kept.write()
    Kept(tmp_path).write()
    assert Kept(tmp_path).value("a", "1", lambda: 2) == 2
    for text in ("{", "[]", '{"a": 3}'):
        (tmp_path / NAME).write_text(text)
        assert Kept(tmp_path).value("a", "1", lambda: 2) == 2
