"""YAML as YAML 1.2 has it, and mistakes told with their line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import yamls
from pipeline.errors import LaffError
from pipeline.parts.code import ROOT


@pytest.fixture(params=["python", "fastest"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test with PyYAML's own parser, and with the fastest that there is here."""
    if request.param == "python":
        monkeypatch.setattr(yamls, "FASTEST", yamls.Strict)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 0.0001),
        ("1E5", 100000.0),
        ("-2.5e+3", -2500.0),
        (".5e1", 5.0),
        ("0.25", 0.25),
        ("1.", 1.0),
        ("16", 16),
        ("1e", "1e"),
        ("v1e4", "v1e4"),
        ("1e-4x", "1e-4x"),
        ("'1e-4'", "1e-4"),
    ],
)
def test_numbers(text: str, value: Any):
    parsed = yamls.parse(text, "x")
    assert parsed == value
    assert type(parsed) is type(value)


def test_only_true_and_false_are_booleans():
    """YAML 1.1 would make the key `on` True, and a word `no` False."""
    assert yamls.parse("on: gpu\nword: no\ny: yes\nn: off", "x") == {"on": "gpu", "word": "no", "y": "yes", "n": "off"}
    assert yamls.parse("[true, True, false, FALSE]", "x") == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a"),
        ("a:\n  b: 1\n  c: 2\n  b: 1\n", 4, "b"),
        ("list:\n- {x: 1, y: 1}\n- {x: 1, x: 1}\n", 3, "x"),
        ("7: 1\n7: 2\n", 2, "7"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", 4, "<<"),
    ],
)
def test_a_key_twice(text: str, line: int, key: str):
    with pytest.raises(LaffError) as error:
        yamls.parse(text, "it.yaml")
    assert str(error.value) == f"it.yaml:{line}: not valid YAML: '{key}' stands twice"


def test_merged_keys_give_way_to_own_ones():
    assert yamls.parse("a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}", "x")["b"] == {"x": 1, "y": 2}


def test_broken_text_is_told_with_its_line():
    with pytest.raises(LaffError) as error:
        yamls.parse("a: 1\nb: [1,\n  2", "it.yaml")
    assert str(error.value) == "it.yaml:3: not valid YAML: expected ',' or ']', but got '<stream end>'"


def test_objects_are_refused(tmp_path: Path):
    """A YAML file runs no code."""
    with pytest.raises(LaffError, match=r"^it\.yaml:1: not valid YAML: could not determine a constructor"):
        yamls.parse(f"!!python/object/apply:os.mkdir ['{tmp_path}/made']", "it.yaml")
    assert not (tmp_path / "made").exists()


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(LaffError) as error:
        yamls.load(tmp_path / "none.yaml")
    assert str(error.value) == f"{tmp_path}/none.yaml: cannot be read: No such file or directory"
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(LaffError) as error:
        yamls.load(tmp_path / "latin.yaml")
    assert str(error.value) == f"{tmp_path}/latin.yaml: is not UTF-8 text: unexpected end of data at byte 3"


@pytest.mark.parametrize(
    "text", ["a:\tb", "a: b\tc", "a: |#\n  b", "\ufeff", "\n\ufeff", "!", "a: ! b", "a: !b c", "- \x85"]
)
def test_both_parsers_agree_where_libyaml_would_not(text: str):
    """libyaml takes some of these that PyYAML refuses, or reads them as something else."""

    def outcome(loader: type) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(yamls, "FASTEST", loader)
            try:
                return yamls.parse(text, "x")
            except LaffError as error:
                return str(error)

    assert outcome(yamls.FASTEST) == outcome(yamls.Strict)


def test_text_that_is_no_unicode_is_a_mistake_of_the_text():
    """As an argument of a command may be."""
    with pytest.raises(LaffError, match=r"^--set x: not valid YAML: "):
        yamls.parse("a\udc80b", "--set x")


@pytest.mark.parametrize("name", ["stages.yaml", "extractors/weights.yaml", "pipeline/compare/grids/systems.yaml"])
def test_the_fast_parser_reads_what_the_plain_one_does(name: str):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not yamls.LOOSE.search(text)  # or it would be read slowly
    assert yaml.load(text, Loader=yamls.FASTEST) == yaml.load(text, Loader=yamls.Strict)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{b: " * 50_000, "".join(f"{' ' * n}- \n" for n in range(3000))]
)
def test_deep_nesting_is_one_line(tmp_path: Path, text: str):
    """No stack of Python's, and no crash of libyaml's."""
    with pytest.raises(LaffError) as error:
        yamls.parse(text, "a.yaml")
    assert str(error.value).startswith("a.yaml")
    assert len(str(error.value).splitlines()) == 1


def test_aliases_that_stand_for_more_than_anybody_means():
    """Ten lists of ten of the one before: any walk through the value would take for ever."""
    lists = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    for text in (f"a0: &a0 [x]\n{lists}name: *a11\n", "a: &a [*a]\n", "! a: &a {b: *a}\n"):
        with pytest.raises(LaffError) as error:
            yamls.parse(text, "a.yaml")
        assert str(error.value) == (
            "a.yaml: its aliases (*name) stand for over 100,000 values; write out what is meant, or less"
        )
    small = "".join(f"b{n}: *a\n" for n in range(5000))
    assert len(yamls.parse(f"a: &a [1, 2, 3]\n{small}", "a.yaml")) == 5001


def test_the_lines_of_keys(tmp_path: Path) -> None:
    """Of nested and of inline mappings; a key that `<<` brings in has none of its own."""
    file = tmp_path / "a.yaml"
    file.write_text("a: &one\n  b: 1\n  c: {d: 2,\n      e: 3}\nf:\n  <<: *one\n  g: [{h: 1}]\n", encoding="utf-8")
    lines = yamls.lines(file)
    assert {".".join(keys): line for keys, line in lines.items()} == {
        **{"a": 1, "a.b": 2, "a.c": 3, "a.c.d": 3, "a.c.e": 4},
        **{"f": 5, "f.<<": 6, "f.<<.b": 2, "f.<<.c": 3, "f.<<.c.d": 3, "f.<<.c.e": 4, "f.g": 7},
    }
    assert set(yamls.lines(file, deepest=1)) == {("a",), ("f",)}


@pytest.mark.parametrize("text", ["a: [", "a", "", "- a: 1", "\0"])
def test_a_file_without_mappings_has_no_lines(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8")
    assert yamls.lines(file) == {}
    assert yamls.lines(tmp_path / "none.yaml") == {}
