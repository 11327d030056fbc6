"""Tables as text: aligned for a file, fitted to a terminal."""

from pipeline.views import printed
from pipeline.views.figure_table import Figure, FigureTable
from pipeline.views.printed import Paper

SHORT = FigureTable(["model", "R@1", "note"], [["laff", "9.5", "a"], ["concatenation", "10.0", ""]])
METRICS = ["R@1", "R@5", "R@10", "MedR"]
WIDE = FigureTable(
    ["run", "model", *METRICS, "differs"],
    [[name, "laff", *(Figure(f"{place}.0 ± 0.5", place, 0.5) for place in range(at, at + 4)), "heads 8 becomes 4"]
     for at, name in enumerate(["main", "heads4"])],
    left=2,
)  # fmt: skip


def test_words_to_the_left_and_numbers_to_the_right() -> None:
    assert printed.columns(SHORT) == (
        "model           R@1  note\n"
        "-------------------------\n"  # as long as the longest line
        "laff            9.5     a\n"
        "concatenation  10.0"  # and no blanks at the end
    )
    assert printed.columns(FigureTable.of([["a", "text"], ["1", "x"]], left=2)) == "a  text\n-------\n1  x"


def test_wide_letters_take_two_columns() -> None:
    """A terminal shows each Chinese letter two columns wide, and an accent that stands by itself in none."""
    table = FigureTable(["video", "n"], [["中文", "1"], ["abcd", "2"], ["e\u0301", "3"]])
    assert printed.columns(table).splitlines()[2:] == ["中文   1", "abcd   2", "e\u0301      3"]


def test_no_line_is_wider_than_the_terminal() -> None:
    """Every figure is there whole; columns without room stand below, with the run's name again."""
    for width in (24, 40, 60, 80):
        lines = printed.columns(WIDE, Paper(width)).splitlines()
        assert max(map(len, lines)) <= width, width
        text = "\n".join(lines)
        assert text.count("run ") == text.count("main ") == text.count("heads4 ") >= 1
        assert all(text.count(f"{place}.0 ± 0.5") == count for place, count in enumerate((1, 2, 2, 2, 1)))
        assert "\x1b" not in text
    assert printed.columns(WIDE, Paper(200)) == printed.columns(WIDE)


def test_words_are_folded_and_lose_no_letter() -> None:
    table = FigureTable(["video", "why"], [["a" * 30, "it could not be read at all"]], left=2)
    lines = printed.columns(table, Paper(40)).splitlines()
    assert max(map(len, lines)) <= 40
    assert "".join(line.split()[0] for line in lines[2:] if line.startswith("a")) == "a" * 30
    assert " ".join(word for line in lines[2:] for word in line.split()[1:]) == "it could not be read at all"


def test_the_best_is_bold_where_letters_can_be() -> None:
    text = printed.text(WIDE, Paper(100, styled=True))
    bold = [part.split("\x1b[0m")[0] for part in text.split("\x1b[1m")[1:]]
    assert bold == ["3.0 ± 0.5", "1.0 ± 0.5", "2.0 ± 0.5", "3.0 ± 0.5"]  # of main the MedR, which is best when low
    assert text.endswith("\n\nBold: the best of a column.")
    assert "\x1b" not in printed.text(WIDE, Paper(100))


def test_texts_are_taken_as_they_are() -> None:
    """What rich would take for its own marks, and a cell that holds an escape code's letters, stay."""
    table = FigureTable(["id", "text"], [["[bold]a[/bold]", ":smile: \\[x]"]], left=2)
    assert "[bold]a[/bold]  :smile: \\[x]" in printed.columns(table, Paper(60, styled=True))
