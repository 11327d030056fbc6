"""The line below a traceback that says in whose code a mistake was made."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import LaffError, Unfit
from pipeline.parts.blame import blaming, line_of, refused_memory
from pipeline.parts.make import make


def test_the_closest_one_is_named_and_our_own_errors_are_left_as_they_are() -> None:
    with pytest.raises(KeyError) as error, blaming("in stage 'a'"), blaming("in stage 'a', Boom.extract"):
        raise KeyError("x")
    assert error.value.__notes__ == ["in stage 'a', Boom.extract"]
    with pytest.raises(LaffError) as caught, blaming("in stage 'a'"):
        raise LaffError("mend it")
    assert not hasattr(caught.value, "__notes__")


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of somebody's own, with a file that cannot be imported and a class that cannot be built."""
    (tmp_path / "blamed").mkdir()
    (tmp_path / "blamed" / "__init__.py").touch()
    (tmp_path / "blamed" / "broken.py").write_text("frames = fames\n")
    (tmp_path / "blamed" / "thing.py").write_text(
        "class Thing:\n    def __init__(self):\n        self.size = len(3)\ndef fail():\n    raise RuntimeError('x')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("blamed", "blamed.thing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "kind", "note"),
    [
        ("blamed.broken.Thing", NameError, "in stage 'mine', blamed.broken.Thing: while its file was imported"),
        ("blamed.thing.Thing", TypeError, "in stage 'mine', Thing.__init__"),
    ],
)
def test_what_is_wrong_with_a_class_of_theirs(theirs: Path, path: str, kind: type[Exception], note: str) -> None:
    with pytest.raises(kind) as error:
        make("mine", path, {})
    assert error.value.__notes__ == [note]


def test_the_line_of_their_file(theirs: Path) -> None:
    from blamed import thing

    with pytest.raises(RuntimeError) as error:
        thing.fail()
    assert line_of(error.value, "blamed.thing.Thing") == f" ({theirs}/blamed/thing.py:5)"
    assert line_of(error.value, "json.JSONDecoder") == line_of(error.value, "no.such.Module") == ""


@pytest.mark.parametrize(
    ("allocate", "size"),
    [
        (lambda: torch.empty(2**30, 2**20), "4,194,304.0 GiB"),
        (lambda: torch.empty(2**62, 2**10), "more than 2^63 bytes"),
        (lambda: np.ones((2**31, 2**29), np.float32), "4.00 EiB"),
    ],
)
def test_memory_that_is_refused_is_told_with_the_params_that_may_be_too_large(allocate, size: str) -> None:
    """float32: 2^50 numbers are 2^52 bytes, 2^72 more than there are, 2^60 are 2^62."""
    with pytest.raises(Unfit) as error, blaming("in stage 'x3d'", {"frames": 2**31, "clips": 2, "model": "s"}):
        allocate()
    assert str(error.value) == (
        f"in stage 'x3d': needs {size} of memory at once, which this machine does not give; "
        "too large for it may be frames=2147483648"
    )
    assert refused_memory(RuntimeError("shapes differ"), {}) == ""
