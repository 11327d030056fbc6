"""Numbers of things, in words."""

from pipeline.wording import number_of


def test_a_count_has_its_noun() -> None:
    assert [number_of(count, "queries") for count in (0, 1, 6005)] == ["0 queries", "1 query", "6,005 queries"]
    assert number_of(["a"], "problems") == "1 problem"


def test_and_its_verb() -> None:
    verbs = ("are left out", "have no length", "share a name")
    assert [number_of(1, "files", verb) for verb in verbs] == [
        "1 file is left out",
        "1 file has no length",
        "1 file shares a name",
    ]
    assert [number_of(2, "files", verb) for verb in verbs] == [f"2 files {verb}" for verb in verbs]
