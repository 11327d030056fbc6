"""What stands around a model's tensors is taken off where the rest fits, and said; two models are refused."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from extractors.checkpoint import Layout, convert, recognise
from extractors.wrapping import dicts

STATE = {"stem.weight": torch.arange(6.0).reshape(2, 3), "blocks.0.weight": torch.ones(2), "head.bias": torch.ones(1)}
LAYOUT = Layout("its layout", (r"^stem\.", r"^blocks\.\d\.weight$"), dict, dropped=("head.",))
OFF = "taken off the names of the tensors"


def before(word: str) -> dict[str, Any]:
    return {word + name: value for name, value in STATE.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (STATE, ""),
        ({"state_dict": STATE, "epoch": 3}, ""),
        ({"model_state": before("module.")}, f"'module.' {OFF}"),
        ({"state_dict": before("_orig_mod.")}, f"'_orig_mod.' {OFF}"),
        (before("module._orig_mod."), f"'_orig_mod.' and 'module.' {OFF}"),
        ({"n_averaged": torch.tensor(5)} | before("module."), f"'module.' {OFF}, 1 other(s) left aside"),
        ({"state_dict": before("model.")}, f"'model.' {OFF}"),
        (before("clip.") | {"sim_header.weight": torch.ones(1)}, f"'clip.' {OFF}, 1 other(s) left aside"),
        (before("module.model.clip."), f"'module.model.clip.' {OFF}"),
        ({"model_state_dict": STATE, "loss": 1.0}, "read from 'model_state_dict'"),
        ({"net": STATE}, "read from 'net'"),
        ({"state_dict_ema": STATE}, "read from 'state_dict_ema'"),
        (
            {"state_dict": STATE, "state_dict_ema": dict(STATE)},
            "read from 'state_dict', 'state_dict_ema' would fit as well",
        ),
        (STATE | {"ema": STATE}, "'ema' would fit as well"),
        ({"checkpoint": {"net": before("model.")}}, f"read from 'checkpoint.net', 'model.' {OFF}"),
        ({"optimizer": {"state": {0: {"exp_avg": torch.ones(1)}}}, "weights": STATE}, "read from 'weights'"),
        (
            {f"{name.replace('blocks.0', 'blocks.0._orig_mod')}": value for name, value in STATE.items()},
            f"'_orig_mod.' {OFF}",
        ),
        ({"_fsdp_wrapped_module." + name: value for name, value in STATE.items()}, f"'_fsdp_wrapped_module.' {OFF}"),
    ],
)
def test_what_stands_around_a_model_is_taken_off_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: Any, said: str
) -> None:
    path = tmp_path / "a.pt"
    torch.save(content, path)
    with caplog.at_level(logging.INFO, "extractors"):
        converted = convert(path, [LAYOUT])
    assert converted.state.keys() == {"stem.weight", "blocks.0.weight"}
    assert all(torch.equal(value, STATE[name]) for name, value in converted.state.items())
    assert converted.taken == said
    assert caplog.messages == ([f"{path}: {said}"] if said else [])


def test_what_is_left_aside_is_named(tmp_path: Path) -> None:
    save_file(before("clip.") | {"sim_header.weight": torch.ones(1)}, tmp_path / "a.safetensors")
    assert convert(tmp_path / "a.safetensors", [LAYOUT]).dropped == ["head.bias", "sim_header.weight"]


def test_two_models_in_one_file_are_refused(tmp_path: Path) -> None:
    """Nothing tells which of them is meant."""
    torch.save(before("student.") | before("teacher."), tmp_path / "a.pt")
    with pytest.raises(
        ValueError, match=r"a\.pt holds 2 models, whose names begin with 'student\.', 'teacher\.'; save"
    ):
        convert(tmp_path / "a.pt", [LAYOUT])


def test_a_part_of_the_signs_is_not_enough(tmp_path: Path) -> None:
    """Neither for the words before names, nor over several dicts."""
    torch.save({"model.stem.weight": torch.ones(1), "net.blocks.0.weight": torch.ones(1)}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt does not fit the model: it is in no layout known here; its 2 keys"):
        convert(tmp_path / "a.pt", [LAYOUT])
    torch.save({"a": {"stem.weight": torch.ones(1)}, "b": {"blocks.0.weight": torch.ones(1)}}, tmp_path / "b.pt")
    with pytest.raises(ValueError, match=r"b\.pt does not fit the model"):
        convert(tmp_path / "b.pt", [LAYOUT])


def test_a_file_of_another_model_is_named_in_spite_of_words_before_its_names() -> None:
    state = {
        f"model.{name}": torch.ones(1) for name in ("s1.pathway0_stem.bn.bias", "s2.pathway0_res0.branch2.se.fc1.bias")
    }
    assert recognise([("net", state)]) == (
        f"it looks like X3D in SlowFast's layout (read from 'net', 'model.' {OFF}), for extractors.x3d"
    )


@pytest.mark.parametrize("word", ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."])
def test_what_torch_inserts_is_taken_off_where_no_sign_of_the_layout_looks(tmp_path: Path, word: str) -> None:
    """A layout's signs are a few names; all the others are the model's too."""
    names = ["stem.weight", "blocks.0.weight", "blocks.0.inner.weight", "blocks.0.inner.bias"]
    places = ["", "", "blocks.0.", "blocks.0.inner."]  # where torch has put its word
    state = {
        name.replace(place, place + word, 1) if place else name: torch.ones(1)
        for name, place in zip(names, places, strict=True)
    }
    torch.save(state, tmp_path / "a.pt")
    converted = convert(tmp_path / "a.pt", [LAYOUT])
    assert list(converted.state) == names
    assert converted.taken == f"'{word}' {OFF}"


def test_names_that_would_fall_together_stay_as_they_are(tmp_path: Path) -> None:
    torch.save(STATE | {"blocks.0._orig_mod.weight": torch.zeros(2)}, tmp_path / "a.pt")
    converted = convert(tmp_path / "a.pt", [LAYOUT])
    assert {"blocks.0.weight", "blocks.0._orig_mod.weight"} < converted.state.keys()
    assert converted.state["blocks.0.weight"].tolist() == [1, 1]


def test_a_dict_that_stands_in_many_places_comes_once() -> None:
    endless: dict[str, Any] = {"a": torch.ones(1)}
    endless |= {f"again{number}": endless for number in range(1000)}
    assert [place for place, _ in dicts(endless)] == [""]
    shared: dict[str, Any] = {"a": torch.ones(1)}
    for _ in range(3):
        shared = {f"b{number}": shared for number in range(1000)}
    assert [place for place, _ in dicts(shared)] == ["b0.b0.b0"]


def test_dicts_deeper_than_anybody_keeps_them_end() -> None:
    deep: dict[str, Any] = {"a": torch.ones(1)}
    for _ in range(9):
        deep = {"a": torch.ones(1), "in": deep}
    assert [place for place, _ in dicts(deep)] == ["", *(".".join(["in"] * count) for count in range(1, 5))]
