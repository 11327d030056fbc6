"""Checkpoints of any wrapping are read; what doesn't fit is named; what could run code is refused."""

import json
import re
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from extractors.checkpoint import Layout, convert, fill, read, recognise, rename

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
    save_file({f"module.{key}": value for key, value in STATE.items()}, tmp_path / "b.safetensors")
    assert same(read(tmp_path / "b.safetensors"))


def test_the_content_tells_the_format(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "a.pth")
    torch.save(STATE, tmp_path / "b.safetensors")
    torch.save(STATE, tmp_path / "c.safetensors", _use_new_zipfile_serialization=False)
    assert all(same(read(path)) for path in tmp_path.iterdir())


def test_the_options_of_a_training_do_no_harm(tmp_path: Path) -> None:
    torch.save({"model": STATE, "args": Namespace(lr=0.1), "epoch": 3}, tmp_path / "a.pth")
    assert same(read(tmp_path / "a.pth"))


class Evil:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("evil-was-here"),)


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.ones(1), "b": Evil()}, "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt: not a checkpoint of tensors.*which could run code") as caught:
        read(Path("a.pt"))
    assert "weights_only" not in str(caught.value)  # torch's own advice would be to run it
    assert not Path("evil-was-here").exists()


@pytest.mark.parametrize("kind", ["a.pth", "old.pth", "a.safetensors"])
@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_files_that_were_cut_off(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / kind
    large = {"a.weight": torch.ones(100, 100)}
    if path.suffix == ".safetensors":
        save_file(large, path)
    else:
        torch.save(large, path, _use_new_zipfile_serialization=kind == "a.pth")
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(ValueError, match=f"{kind}: cut off or no checkpoint: {path.stat().st_size} bytes"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no checkpoint: 0 bytes"),
        (b"\x00" * 23, "no checkpoint: 23 bytes"),
        (b"clip1#0 a red circle\nclip2#0 a blue square\n", "no checkpoint, but a file of text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "no checkpoint, but a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "no checkpoint, but a web page or XML: the download went wrong"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "no checkpoint, but an HDF5 file"),
        (b"PK\5\6" + bytes(18), "no checkpoint, but a zip archive in which torch has saved nothing: it holds no file"),
        (None, "no such weights file"),
    ],
)
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_files_that_are_no_checkpoint(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
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


def test_fill_can_take_the_tensors_themselves() -> None:
    model, state = nn.Linear(3, 2), {"weight": torch.ones(2, 3), "bias": torch.ones(2).half()}
    fill(model, state, "a", assign=True)
    assert model.weight.data_ptr() == state["weight"].data_ptr()
    assert model.bias.dtype == torch.float32
    assert model.weight.requires_grad


def test_large_values_are_finite_though_their_sum_is_not() -> None:
    model = nn.Linear(3, 2, bias=False)
    fill(model, {"weight": torch.full((2, 3), 3e38)}, "a")
    assert model.weight.eq(3e38).all()


def put_parts(folder: Path, placed: dict[str, str]) -> None:
    for key, name in placed.items():
        save_file({key: STATE[key]}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "open_clip_model.safetensors", "parts"])
def test_folders_of_the_hub(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 3}')
    if name == "parts":
        put_parts(tmp_path, {"a.weight": "model-1-of-2.safetensors", "a.bias": "model-2-of-2.safetensors"})
    elif name.endswith(".bin"):
        torch.save(STATE, tmp_path / name)
    else:
        save_file(STATE, tmp_path / name)
    assert same(read(tmp_path))
    assert convert(tmp_path, [Layout("any", ("weight",), dict)]).config == {"hidden_size": 3}


def test_folders_that_lack_something(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"without weights: it holds config\.json, but none of model\.safetensors, "):
        read(tmp_path)
    put_parts(tmp_path, {"a.weight": "1.safetensors", "a.bias": "2.safetensors"})
    (tmp_path / "2.safetensors").unlink()
    with pytest.raises(ValueError, match=r"lists the part '2\.safetensors', which is no file beside it"):
        read(tmp_path)
    save_file({"b": torch.ones(1)}, tmp_path / "2.safetensors")
    with pytest.raises(ValueError, match=r"its parts hold other tensors than it lists: a\.bias, b"):
        read(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{")
    with pytest.raises(ValueError, match=r"index\.json: no JSON"):
        read(tmp_path)


def test_an_index_leads_nowhere_outside_of_its_folder(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "1.safetensors")
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("../1.safetensors", "..", ".", "", str(tmp_path / "1.safetensors")):
        placed = dict.fromkeys(STATE, name)
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
        with pytest.raises(ValueError, match=rf"lists the part '{re.escape(name)}', which is no file beside it"):
            read(folder)


def test_convert_takes_the_first_layout_that_fits_and_names_what_it_drops(tmp_path: Path) -> None:
    save_file(STATE | {"fc.weight": torch.ones(1), "fc2": torch.ones(1)}, tmp_path / "a.safetensors")
    other = Layout("another", ("^b$",), dict)
    ours = Layout("our layout", (r"^a\.w", r"bias$"), rename((r"^a\.", "b."), (r"^fc2$", "head.fc2")), ("fc.", "head."))
    converted = convert(tmp_path / "a.safetensors", [other, ours])
    assert converted.layout is ours
    assert converted.state.keys() == {"b.weight", "b.bias"}
    assert converted.dropped == ["fc.weight", "head.fc2"]
    assert converted.config == {}
    assert converted.source == f"{tmp_path / 'a.safetensors'}, in our layout,"


def test_two_keys_that_would_become_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the keys model\.a and a are both a by our names"):
        rename((r"^model\.", ""))({"model.a": torch.ones(1), "a": torch.ones(1)})


@pytest.mark.parametrize(
    ("keys", "looks"),
    [
        ("stem.0.weight layer1.0.conv3.0.weight", "IrCSN in VMZ's layout, for extractors.ircsn"),
        ("backbone.conv1.bn.bias backbone.layer2.0.conv2.0.conv.weight", "IrCSN in mmaction2's layout"),
        ("blocks.0.conv.weight blocks.1.res_blocks.0.branch2.norm_b.weight", "IrCSN in PyTorchVideo's layout"),
        ("s1.pathway0_stem.bn.bias s2.pathway0_res0.branch2.se.fc1.bias", "X3D in SlowFast's layout"),
        ("blocks.0.conv.conv_t.weight blocks.1.res_blocks.0.branch2.norm_b.0.bias", "X3D in PyTorchVideo's layout"),
        ("model.time_embed model.blocks.0.temporal_attn.qkv.bias", "TimeSformer in the authors' layout"),
        ("timesformer.encoder.layer.0.temporal_dense.bias", "TimeSformer in the layout of Hugging Face"),
    ],
)
def test_a_file_is_named_for_what_it_looks_like(tmp_path: Path, keys: str, looks: str) -> None:
    state = {key: torch.ones(1) for key in keys.split()}
    assert recognise([("", state)]).startswith(f"it looks like {looks}")
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a\.safetensors does not fit Tiny \(size 1\): it looks like " + looks):
        convert(tmp_path / "a.safetensors", [Layout("tiny", ("^tiny$",), dict)], "Tiny (size 1)")


def test_a_file_of_no_known_layout() -> None:
    assert recognise([("", STATE)]) == "it is in no layout known here; its 2 keys begin with a.weight, a.bias"


@pytest.mark.parametrize(
    "value", [torch.tensor([1.0, float("nan")]), torch.tensor([float("inf"), 0]), torch.ones(2).char()]
)
def test_values_that_are_no_weights_are_refused(value: torch.Tensor) -> None:
    model = nn.Linear(2, 2)
    state = {"weight": torch.ones(2, 2), "bias": value}
    with pytest.raises(
        ValueError, match=rf"a\.pt does not fit Linear: 1 not of finite real numbers: bias \({value.dtype}\)"
    ):
        fill(model, state, "a.pt")
