"""Checkpoints of any wrapping are read; what doesn't fit is named; what could run code is refused."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from extractors.checkpoint import fill, read

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


def same(state: dict[str, torch.Tensor]) -> bool:
    return state.keys() == STATE.keys() and all(torch.equal(state[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize("wrapper", [None, "model_state", "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrappings_are_taken_off(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    state = {prefix + key: value for key, value in STATE.items()}
    torch.save({wrapper: state, "epoch": 3, "cfg": "text"} if wrapper else state, tmp_path / "a.pyth")
    assert same(read(tmp_path / "a.pyth"))


def test_safetensors(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.safetensors")
    assert same(read(tmp_path / "a.safetensors"))


class Evil:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("evil-was-here"),)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.ones(1), "b": Evil()}, "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt: not a checkpoint of tensors"):
        read(Path("a.pt"))
    assert not Path("evil-was-here").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no checkpoint: 0 bytes"), (b"not a checkpoint at all", "no checkpoint: 23 bytes"), (None, "no such weights file")],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path)) + ".*" + message):
        read(path)


def test_a_checkpoint_without_named_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="holds no tensors by name; its keys are epoch"):
        read(tmp_path / "a.pt")
    torch.save([torch.ones(2)], tmp_path / "b.pt")
    with pytest.raises(ValueError, match="holds a list"):
        read(tmp_path / "b.pt")


def test_fill_names_every_kind_of_misfit() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    state = {"0.weight": torch.zeros(2, 4), "0.bias": torch.zeros(2), "1.weight": torch.zeros(2, 2), "x": torch.ones(1)}
    with pytest.raises(ValueError, match="does not fit") as caught:
        fill(model, state, "a.pt")
    assert str(caught.value) == (
        "a.pt does not fit Sequential: 1 missing: 1.bias; 1 unexpected: x; "
        "1 of another shape: 0.weight is [2, 4], the model's [2, 3]"
    )


def test_fill_takes_every_value_widens_halves_and_lets_counters_miss() -> None:
    model = nn.BatchNorm1d(2)
    fill(model, {name: torch.full((2,), 0.5).half() for name in ("weight", "bias", "running_mean", "running_var")}, "a")
    assert model.weight.dtype == torch.float32
    assert all(value.eq(0.5).all() for name, value in model.state_dict().items() if name != "num_batches_tracked")
