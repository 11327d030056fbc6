"""`laff weights list`, `check` and `convert`, on files that the tests write."""

import hashlib
import json
import shlex
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors import SafetensorError

import cli
from extractors.checkpoint import Layout
from extractors.tf import TimeSformer
from extractors.x3d import X3D
from pipeline.graph import stages
from pipeline.parts.code import ROOT
from tests.extractors.hf_models import FAMILIES, write

SMALL = {"frames": 4, "crop": 32, "stride": 0}
TINY = {**SMALL, "patch": 8, "width": 64, "layers": 2, "heads": 4}
TEXT = f"""
weights:
  small: {{uses: extractors.x3d.X3D, params: {json.dumps(dict(SMALL, size="XS"))}, source: "http://x/s", file: s.pth}}
  tiny: {{uses: extractors.tf.TimeSformer, params: {json.dumps(TINY)}, source: "http://x/t", file: t.pth}}
stages:
  ingest: {{step: ingest}}
  decode: {{step: decode, from: ingest}}
  x3d: {{step: extract, uses: extractors.x3d.X3D, from: decode}}
"""


@pytest.fixture
def laff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """laff("list"): the output of `laff weights list` and its exit code, with two entries more."""
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "stages.yaml").write_text(TEXT)

    def call(*words: object) -> tuple[int, str]:
        arguments = ["weights", str(words[0]), "--stages", str(tmp_path / "stages.yaml"), *map(str, words[1:])]
        result = CliRunner().invoke(cli.main, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    return call


@cache
def network() -> dict[str, torch.Tensor]:
    """Tensors of X3D-XS for 4 frames of 32 pixels, by PyTorchVideo's names."""
    return dict(X3D(size="XS", **SMALL, weights="random").build().state_dict())


def zoo(path: Path, **changes: Any) -> Path:
    """A file as PyTorchVideo publishes X3D-XS, classifier and all, for 4 frames of 32 pixels; None removes a key."""
    state = network() | {
        "blocks.5.proj.weight": torch.zeros(400, 2048),
        "blocks.5.proj.bias": torch.zeros(400),
        **changes,
    }
    torch.save({"model_state": {key: value for key, value in state.items() if value is not None}}, path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_table(laff, tmp_path: Path):
    (tmp_path / "store" / "s.pth").write_bytes(bytes(1_500_000))
    code, shown = laff("list")
    cells = {line.split()[0]: line.split()[1:] for line in shown.splitlines()}
    assert code == 0
    assert cells["small"] == ["-", "here", "1.5", "MB", "-", "-"]
    assert cells["x3d-l-k400"] == ["x3d", "absent", "-", "-", "Apache-2.0"]
    assert cells["efficientnet-lite0"][1] == "package"
    assert cells["openai-clip-vit-b-32"] == ["clip-ft", "absent", "-", "published", "MIT"]


def test_everything_about_one(laff):
    code, shown = laff("list", "x3d-m-k400", "tiny", "--keys")
    assert code == 0, shown
    output = " ".join(shown.split())
    assert "read by extractors.x3d.X3D" in output
    assert "10 clips of 16 frames, 5 apart at 30 fps, placed as by SlowFast, short side 256 bilinear without" in output
    assert "RGB, 0..1, mean [0.45, 0.45, 0.45], std [0.225, 0.225, 0.225]" in output
    attention = (64 * 192 + 192) + (64 * 64 + 64)  # to queries, keys and values; back
    layer = (
        2 * attention + (64 * 64 + 64) + (64 * 256 + 256) + (256 * 64 + 64) + 3 * 128
    )  # time's own layer, MLP, norms
    around = (3 * 8 * 8 * 64 + 64) + 64 + (16 + 1) * 64 + 4 * 64 + 128  # patches, class, 16 places, 4 times, last norm
    tensors = 2 * (2 * 4 + 2 + 4 + 6) + 2 + 1 + 1 + 1 + 2
    assert f"{tensors} tensors, {2 * layer + around:,} parameters" in output
    assert "embeddings.cls_token [1, 1, 64]" in output
    assert laff("list", "x3d-m-k40")[1].startswith("Error: no weights 'x3d-m-k40'; did you mean 'x3d-m-k400'?")
    assert laff("list", "--keys")[0] == 2


def test_the_file_of_an_entry(laff, tmp_path: Path):
    file = zoo(tmp_path / "store" / "s.pth")
    code, shown = laff("check", "small")
    assert code == 0
    assert f"sha256 {sha256(file)}, and none is published to compare it with" in shown
    assert "in PyTorchVideo's layout; fits 'small' (extractors.x3d.X3D)" in shown
    assert "dropped, as the feature does not need them: blocks.5.proj.weight, blocks.5.proj.bias" in shown
    note = tmp_path / "store" / "s.pth.sha256"
    note.write_text(f"{sha256(file)}  s.pth\n")
    assert "as noted when it was fetched" in laff("check", "small")[1]
    note.write_text(f"{'0' * 64}  s.pth\n")
    code, shown = laff("check", "small")
    assert code == 1
    assert f"has sha256 {sha256(file)}, but had {'0' * 64} when it was fetched" in shown
    assert "`laff weights get tiny` fetches them" in laff("check", "tiny")[1]


@pytest.mark.parametrize("name", ["123", "it's a file.pyth", "a: b.pyth"])
def test_what_is_printed_can_be_pasted(laff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """A shell and YAML read the options back as they were."""
    monkeypatch.chdir(zoo(tmp_path / name).parent)
    line = next(line for line in laff("check", name)[1].splitlines() if line.startswith("  small "))
    graph = stages.load(tmp_path / "stages.yaml", None, [word for word in shlex.split(line)[1:] if word != "--set"])
    params = graph.stages["x3d"].params
    assert {key: params[key] for key in ("weights", "size", *SMALL)} == {"weights": name, "size": "XS", **SMALL}


def test_a_file_finds_its_entry(laff, tmp_path: Path):
    file = zoo(tmp_path / "some.pyth")
    code, shown = laff("check", file)
    assert code == 0
    assert f"--set x3d.weights={file} --set x3d.frames=4" in shown
    net = TimeSformer(**TINY, weights="random").build()
    torch.save(net.state_dict(), tmp_path / "other.bin")
    code, shown = laff("check", tmp_path / "other.bin")
    assert code == 0
    assert "fits 1 of" in shown
    assert "tiny" in shown


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"blocks.0.norm.weight": None}, "1 missing: blocks.0.norm.weight"),
        ({"blocks.9.weight": torch.zeros(1)}, "1 unexpected: blocks.9.weight"),
        ({"blocks.0.norm.weight": torch.zeros(7)}, "blocks.0.norm.weight is [7], the model's [24]"),
    ],
)
def test_a_file_that_does_not_fit(laff, tmp_path: Path, changes: dict[str, Any], said: str):
    file = zoo(tmp_path / "some.pyth", **changes)
    for words in (("check", file, "--as", "small"), ("convert", file, tmp_path / "o.safetensors", "--as", "small")):
        code, shown = laff(*words)
        assert code == 1
        assert shown.startswith(f"Error: {file}, in PyTorchVideo's layout, does not fit X3D (size XS): ")
        assert said in shown
    assert not (tmp_path / "o.safetensors").exists()


def test_files_of_nothing_known(laff, tmp_path: Path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    assert (
        "fits no entry: it is in no layout known here; its 1 keys begin with a" in laff("check", tmp_path / "a.pt")[1]
    )
    file = zoo(tmp_path / "some.pyth")
    assert "it looks like X3D in PyTorchVideo's layout" in laff("check", file, "--as", "tiny")[1]
    (tmp_path / "cut.pyth").write_bytes(file.read_bytes()[:1000])
    code, shown = laff("check", tmp_path / "cut.pyth")
    assert (code, "cut off or no checkpoint: 1000 bytes" in shown) == (1, True)
    assert "neither an entry" in laff("check", tmp_path / "none.pt")[1]


def test_one_reason_for_several_entries_is_said_once(laff, tmp_path: Path):
    file = zoo(tmp_path / "some.pyth", **{"blocks.0.norm.weight": torch.zeros(7)})
    code, shown = laff("check", file)
    assert code == 1
    assert shown.count("blocks.0.norm.weight is [7], the model's [24]") == 1
    assert "(9 in all)" in shown  # X3D in four sizes, twice, and the test's own


def test_entries_that_nothing_fetches(laff, tmp_path: Path):
    text = (tmp_path / "stages.yaml").read_text()
    entry = "  own: {uses: extractors.x3d.X3D, path: none.pth}\nstages:"
    (tmp_path / "stages.yaml").write_text(text.replace("stages:", entry, 1))
    for command in ("check", "get"):
        code, shown = laff(command, "own")
        assert code == 1
        assert f"weights 'own' are not at {tmp_path}/none.pth. Put them there, or correct `path:`" in shown
        assert "weights get" not in shown
    (tmp_path / "none.pth").mkdir()
    assert f"{tmp_path}/none.pth is an empty folder; fill it, or correct `path:`" in laff("get", "own")[1]


def test_get_refuses_what_a_run_would(laff, tmp_path: Path):
    code, shown = laff("get", "--set", "x3d.weights=smal")
    assert code == 1
    assert "'x3d': weights 'smal' is no entry of stages.yaml" in shown
    assert "did you mean 'small'?" in shown
    code, shown = laff("get", "--set", "x3d.weights=/no/such.pyth")
    assert code == 1
    assert "'x3d': weights: no such file: /no/such.pyth" in shown
    code, shown = laff("get", "--set", "x3d.weights=random")
    assert code == 0
    assert "nothing to fetch" in shown


def test_a_folder_that_lacks_a_file_is_not_here(laff, tmp_path: Path):
    folder = tmp_path / "store" / "timesformer-base-finetuned-k400"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert "timesformer-8x32-k400-hub - unfit" in " ".join(laff("list")[1].split())
    for command in ("list", "check"):
        assert "has no pytorch_model.bin" in " ".join(laff(command, "timesformer-8x32-k400-hub")[1].split())


def test_convert_of_what_needs_its_folder(laff, tmp_path: Path):
    code, shown = laff("convert", tmp_path, tmp_path / "o.safetensors", "--as", "all-mpnet-base-v2")
    assert code == 1
    assert "weights 'all-mpnet-base-v2' stay as they are: a sentence encoder is built from the config.json" in shown


def test_convert_of_a_clip_with_its_own_tokenizer(laff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The read-back needs no tokenizer; what lies beside the file is named."""
    monkeypatch.setattr("extractors.clip.Clip.load", lambda *_: None)  # which reads the tokenizer, beside the file
    state = {
        "logit_scale": torch.zeros(1),
        "visual.conv1.weight": torch.zeros(2),
        "token_embedding.weight": torch.ones(3),
    }
    monkeypatch.setattr("extractors.clip.Clip.LAYOUTS", (Layout("a layout", ("^visual",), dict),))
    torch.save(state, tmp_path / "clip.pt")
    (tmp_path / "tokenizer.json").write_text("{}")
    out = tmp_path / "new" / "clip.safetensors"
    code, shown = laff("convert", tmp_path / "clip.pt", out, "--as", "pe-core-b-16")
    assert code == 0, shown
    assert f"tokenizer.json stay in {tmp_path}: put copies beside clip.safetensors" in shown
    assert [path.name for path in out.parent.iterdir()] == ["clip.safetensors"]


def test_a_folder_of_transformers_tells_itself_which_model_it_is(laff, tmp_path: Path):
    pair, clips = (write(tmp_path / name, FAMILIES[name]) for name in ("CLIP", "VideoMAE"))
    shipped = ROOT / "stages.yaml"
    code, shown = laff("check", pair, "--stages", shipped)
    assert code == 0, shown
    assert "fits no entry; as a model of its own it is read by:" in shown
    assert [line.split()[0] for line in shown.splitlines() if "--set" in line] == ["hf", "hf-video"]
    assert f"--set hf.weights={pair}" in shown
    code, shown = laff("check", clips, "--stages", shipped)
    assert code == 0, shown
    assert [line.split()[0] for line in shown.splitlines() if "--set" in line] == ["hf-video"]


def test_convert_onto_a_full_disk(laff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    out = tmp_path / "o.safetensors"
    code, shown = laff("convert", zoo(tmp_path / "some.pyth"), out, "--as", "small")
    assert code == 1
    assert f"the disk is full ({out})" in shown
    assert not out.exists()


def test_convert(laff, tmp_path: Path):
    file, out = zoo(tmp_path / "some.pyth"), tmp_path / "new" / "x3d.safetensors"
    code, shown = laff("convert", file, out, "--as", "small")
    assert code == 0, shown
    assert [path.name for path in out.parent.iterdir()] == ["x3d.safetensors"]
    content = out.read_bytes()
    about = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])["__metadata__"]
    assert about == {
        "entry": "small",
        "extractor": "extractors.x3d.X3D",
        "source": "some.pyth",
        "source_sha256": sha256(file),
        "source_layout": "PyTorchVideo's layout",
        "dropped": "blocks.5.proj.weight, blocks.5.proj.bias",
    }
    frames = torch.randint(0, 256, (1, 10, 4, 32, 32, 3), dtype=torch.uint8)
    features = []
    for path in (file, out):
        part = X3D(size="XS", **SMALL)
        part.load("cpu", path)
        features.append(part.extract(frames))
    assert torch.equal(*features)
    assert "is there already" in laff("convert", file, out, "--as", "small")[1]
    assert "should end in .safetensors" in laff("convert", file, tmp_path / "x.pt", "--as", "small")[1]
