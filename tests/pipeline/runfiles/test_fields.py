"""Lines as columns."""

from pipeline.runfiles.fields import columns


def test_columns_of_lines_with_any_white_space() -> None:
    assert columns(["a b\n", " c\t\td \n", "e f"], 2) == [["a", "c", "e"], ["b", "d", "f"]]


def test_none_where_a_line_has_more_or_fewer_fields() -> None:
    for lines in (["a\n", "b c d\n"], ["a b\n", "\n"], ["a b c d\n"], ["a \0 b\n"], ["a b \0 c d\n", "\n"]):
        assert columns(lines, 2) is None, lines
