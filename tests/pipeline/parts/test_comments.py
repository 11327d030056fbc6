"""Comments beside the parameters of a class."""

from pathlib import Path

import pytest

from pipeline.parts.classes import part
from pipeline.parts.comments import beside

SOURCE = """
from dataclasses import dataclass
from typing import Literal

class Plain:
    def __init__(
        self,
        *,
        frames: int = 8,  # spread over the video
        # in pixels, of the square
        # that is seen
        crop: int = 32,
        rate: float = 1.0,  # noqa: S101
        size: Literal["S", "L"] = (
            "S"  # of the network
        ),
    ) -> None: ...

class OneLine:
    def __init__(self, *, a: int = 1, b: int = 2) -> None: ...  # of neither

@dataclass
class Base:
    lr: float = 1e-4  # of the first epoch
    epochs: int = 80  # at most
    text: str = "# none"

@dataclass
class Derived(Base):
    lr: float = 1e-6
    epochs: int = 5  # no more
"""


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> frozenset[str]:
    (tmp_path / "commented").mkdir()
    (tmp_path / "commented" / "__init__.py").touch()
    (tmp_path / "commented" / "thing.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return frozenset({"commented"})


@pytest.mark.parametrize(
    ("name", "comments"),
    [
        (
            "Plain",
            {
                "frames": "spread over the video",
                "crop": "in pixels, of the square that is seen",
                "rate": "",
                "size": "of the network",
            },
        ),
        ("OneLine", {"a": "", "b": ""}),
        ("Base", {"lr": "of the first epoch", "epochs": "at most", "text": ""}),
        ("Derived", {"lr": "of the first epoch", "epochs": "no more", "text": ""}),
    ],
)
def test_of_each_parameter(trusted: frozenset[str], name: str, comments: dict[str, str]) -> None:
    assert beside(part(f"commented.thing.{name}", trusted).parameters) == comments
