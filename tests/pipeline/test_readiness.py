"""What prevents a run is told before a byte is fetched as far as it can be; the rest as soon as weights are here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.parts.code import ROOT
from pipeline.plan.context import Context
from pipeline.readiness import NoWeights, check_work
from tests.pipeline.conftest import GRAPH

TINY = ROOT / "extractors" / "hf_configs" / "tiny"
TENSORS = b"\2\0\0\0\0\0\0\0{}"  # a safetensors file without any
TEXT = f"""
weights:
  open: {{source: https://nowhere.invalid/open.pth, file: open.pth}}
{GRAPH}
  hf: {{step: extract, uses: extractors.hf.Hf, from: decode, params: {{weights: hf:a/b}}}}
"""


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The names of the files that were fetched; a repository is the tiny model, without tensors."""
    asked: list[str] = []
    names = [file.name for file in TINY.iterdir()] + ["model.safetensors"]
    listing = json.dumps({"sha": "c0ffee", "siblings": [{"rfilename": name} for name in names]}).encode()

    def download(url: str, target: str, _: object) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        asked.append(name)
        here = TINY / name
        Path(target).write_bytes(listing if name == "main" else here.read_bytes() if here.is_file() else TENSORS)

    monkeypatch.setattr("pooch.HTTPDownloader", lambda **_: download)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("LAFF_WEIGHTS", str(tmp_path / "store"))
    for switch in ("LAFF_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    return asked


@pytest.fixture
def told(collect: Callable[..., Path], surroundings: Callable[..., Context]) -> Callable[..., list[str]]:
    """`told("x3d.weights=open")`: what prevents a run with these settings, a sentence each."""

    def look(*sets: str, error: type[LaffError] = LaffError) -> list[str]:
        context = surroundings(collect(train={"v1": ["a cat runs"] * 2}), list(sets), TEXT)
        with pytest.raises(error) as raised:
            check_work(context, context.graph.needed(["report"]))
        return raised.value.problems

    return look


def test_what_needs_no_weights_is_told_before_they_are_fetched(
    told: Callable[..., list[str]], fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wide, gpu, repository = "train.raw=[x3d]", "train.on=gpu", "train.from=[x3d, hf, bow]"
    width, *others = told("x3d.weights=open", wide)
    assert not others, [width, *others]
    assert "feature 'x3d' is raw and has width 2048, more than a head's" in width
    (device,) = told("x3d.weights=open", gpu)
    assert device.startswith("'train' says on: gpu, but torch ")
    assert told("x3d.weights=open", gpu, repository) == [device]  # though hf's width is not known yet
    assert fetched == []
    monkeypatch.setenv("LAFF_OFFLINE", "1")
    first, *absent = told("x3d.weights=open", gpu, repository, error=NoWeights)
    assert first == device
    assert [text.partition(" are not here")[0] for text in absent] == ["x3d: weights 'open'", "hf: weights 'hf:a/b'"]
    assert fetched == []


def test_what_a_repository_tells_is_told_when_it_is_here(told: Callable[..., list[str]], fetched: list[str]) -> None:
    (width,) = told("train.from=[hf, bow]", "train.raw=[hf]", "train.width=32")
    assert "feature 'hf' is raw and has width 64, more than a head's 32" in width
    assert fetched[:2] == ["main", "config.json"]
