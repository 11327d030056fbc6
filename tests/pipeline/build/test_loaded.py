"""Parts ready to work: loaded once under a name, with weights or with what they learned, a few at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.build import loaded
from pipeline.build.loaded import MOST, Loaded, load, read_checkpoint, read_state
from pipeline.errors import LaffError


class Part:
    """Notes how it was loaded."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def load(self, device: str, weights: Path | None) -> None:
        if weights == Path("other.pt"):
            raise ValueError("other.pt holds no weights of Part")
        self.calls.append((device, weights))

    def load_state(self, state: dict[str, Any], device: str) -> None:
        self.calls.append((device, state))


def test_a_part_is_loaded_once_under_a_name() -> None:
    kept, first, again, other = Loaded(), Part(), Part(), Part()
    assert kept.ready("x3d:1", first, "cpu", Path("w.pt"), None) is first
    assert kept.ready("x3d:1", again, "cpu", Path("w.pt"), None) is first
    assert kept.ready("x3d:2", other, "cpu", None, None) is other
    assert (first.calls, again.calls, other.calls) == ([("cpu", Path("w.pt"))], [], [("cpu", None)])
    assert Loaded().ready("x3d:1", again, "cpu", None, None) is again


def test_further_weights_are_given_by_their_parameter(tmp_path: Path) -> None:
    class Two(Part):
        def load(self, device: str, weights: Path | None, sentences: Path | None = None) -> None:
            self.calls.append((device, weights, sentences))

    part = Loaded().ready("conse:1", Two(), "cpu", Path("w.pt"), None, {"sentences": tmp_path})
    assert part.calls == [("cpu", Path("w.pt"), tmp_path)]


def test_only_so_many_are_kept() -> None:
    kept = Loaded()
    parts = [kept.ready(str(number), Part(), "cpu", None, None) for number in range(MOST)]
    assert kept.ready("0", Part(), "cpu", None, None) is parts[0]
    kept.ready("further", Part(), "cpu", None, None)
    assert kept.ready("0", Part(), "cpu", None, None) is not parts[0]


def test_what_was_learned_comes_before_weights(tmp_path: Path) -> None:
    torch.save({"fingerprint": "f", "state": {"words": ["a"]}}, tmp_path / "best.pt")
    part = load(Part(), "cpu", Path("w.pt"), tmp_path / "best.pt")
    assert part.calls == [("cpu", {"words": ["a"]})]
    assert read_state(tmp_path / "best.pt") == {"words": ["a"]}
    assert read_checkpoint(tmp_path / "best.pt")["fingerprint"] == "f"


def test_a_part_without_weights_is_as_it_is() -> None:
    part = object()
    assert load(part, "cpu", None, None) is part


def test_weights_of_another_part_are_told_and_nothing_is_kept() -> None:
    kept, part = Loaded(), Part()
    with pytest.raises(LaffError, match=r"other.pt holds no weights of Part"):
        kept.ready("x3d", part, "cpu", Path("other.pt"), None)
    assert kept.ready("x3d", part, "cpu", Path("w.pt"), None) is part
    assert part.calls == [("cpu", Path("w.pt"))]


def test_a_file_that_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_bytes(b"no zip")
    with pytest.raises(LaffError, match=r"(?s)best.pt: not a readable checkpoint .* delete it and run again"):
        read_state(tmp_path / "best.pt")


def test_the_device_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, auto in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        assert [loaded.device("x3d", on) for on in ("cpu", "auto")] == ["cpu", auto]
    with pytest.raises(LaffError, match=r"'x3d' says on: gpu, but torch \S+ sees none; use auto or cpu"):
        loaded.device("x3d", "gpu")
