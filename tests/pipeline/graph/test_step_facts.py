"""What a step's file says of it: read and not imported, nothing unheard of, and the shipped ones say what is so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.graph import step_facts
from pipeline.parts import code
from pipeline.parts.code import ROOT, PartError


@pytest.fixture
def add(copied: Path, monkeypatch: pytest.MonkeyPatch, fresh_sources: Callable[[], None]) -> Iterator[Callable]:
    """`add("export", TEXT)` adds a file to a copy of pipeline/steps."""

    def write(name: str, text: str) -> None:
        (copied / "pipeline" / "steps" / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.setattr(step_facts, "ROOT", copied)
        fresh_sources()

    yield write
    fresh_sources()


def test_a_file_more_is_a_step_more(add: Callable) -> None:
    add("export", 'class Options:\n    HELP = "Write."\n    MAKES = ("a.npz",)\nraise SystemExit  # it is not run')
    assert "export" in step_facts.names()
    assert (step_facts.about("export").help, step_facts.about("export").makes) == ("Write.", ("a.npz",))
    assert step_facts.about("export").stale == "what it reads changed"  # it says nothing else
    assert "a.npz" in step_facts.made()


def test_a_word_that_is_none_is_told(add: Callable) -> None:
    add("export", 'class Options:\n    MAKE = ("a.npz",)\n')
    with pytest.raises(PartError, match=r"pipeline\.steps\.export\.Options has an unknown constant MAKE; did you mean"):
        step_facts.about("export")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('MAKES = (f"{FOLDER}/a.npz",)', "MAKES should be written out as a value, so that it can be read"),
        ("SHAPED_BY = ROOMS", "SHAPED_BY should be written out as a value, so that it can be read"),
        ('MAKES = ("a.npz")', "MAKES is 'a.npz', but should be a tuple of texts"),
        ('SHAPED_BY = "pipeline.rows"', "SHAPED_BY is 'pipeline.rows', but should be a tuple of texts"),
        ('SINGLE = "no"', "SINGLE is 'no', but should be bool"),
        ("HELP = 3", "HELP is 3, but should be str"),
        ('HOW = ("sped",)', "HOW names 'sped', which is no param of the step"),
    ],
)
def test_what_cannot_be_so_is_told(add: Callable, line: str, message: str) -> None:
    """Else it would be passed over in silence, and a file or a room forgotten."""
    add("export", f"@dataclass\nclass Options:\n    {line}\n    speed: int = 3\n")
    with pytest.raises(PartError) as error:
        step_facts.about("export")
    assert str(error.value).startswith(f"pipeline.steps.export.Options: {message}")


def test_an_unknown_step_is_told() -> None:
    with pytest.raises(PartError, match=r"unknown step 'ranks'; did you mean 'rank'\? \(known: decode, evaluate, "):
        step_facts.about("ranks")


def test_a_word_of_python_has_an_underscore_behind_its_file() -> None:
    assert "import" in step_facts.names()
    assert step_facts.module_of("import") == "pipeline.steps.import_"
    assert step_facts.module_of("rank") == "pipeline.steps.rank"
    assert code.source_file(step_facts.module_of("import")) == ROOT / "pipeline" / "steps" / "import_.py"


@pytest.mark.parametrize("name", step_facts.names())
def test_shipped_steps_say_what_they_are_for_and_make(name: str) -> None:
    about = step_facts.about(name)
    assert about.help.endswith(".")
    assert about.makes
    assert set(about.how) | set(about.files) <= set(about.parameters)
    assert {step for step in (*about.reads, about.borrows, about.after) if step} <= set(step_facts.names())


def test_reading_them_imports_none() -> None:
    text = (
        "from pipeline.graph import step_facts; import sys; [step_facts.about(name) for name in step_facts.names()]\n"
    )
    text += "print([name for name in sys.modules if name.startswith('pipeline.steps')])"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
