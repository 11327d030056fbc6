"""Every block and model of fusion/ through the command: imported features, one of them by frames, and a GRU inside."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import cli
import fusion
from fusion.spaces import Spaces

SIZES = {"train": 48, "val": 12, "test": 12}  # videos
TIME, DIM = 4, 8  # frames of a video at most, and their width

STAGES = """
threads: 1
stages:
  ingest: {step: ingest}
  clip: {step: import, from: ingest, params: {file: clip.npz, side: video}}
  clip-frames: {step: import, from: ingest, params: {file: frames.npz, side: video, level: frame}}
  x3d: {step: import, from: ingest, params: {file: x3d.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {dim: 8, epochs: 1, threshold: 1}}
  gru:
    step: extract
    uses: extractors.gru.Gru
    from: [ingest, w2v, clip]
    params: {hidden: 8, vector_dim: 8, threshold: 1}
  sentence: {step: import, from: ingest, params: {file: sentence.npz, side: text}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [clip, clip-frames, x3d, bow, gru, sentence]
    params:
      heads: 2
      width: 16
      raw: [clip, sentence]
      epochs: 8
      lr: 0.005
      batch: 48
      seeds: [1]
      singles: false
      joint: [gru]
      baselines:
        laff-ml: {uses: fusion.laff_ml.LAFFml, params: {frames: [clip-frames]}}
        mhsa: {uses: fusion.mhsa.MHSA, params: {heads: 4, width: 4}}
        attention-free: fusion.attention_free.AttentionFree
        mean: {uses: fusion.mean.Mean, params: {norm: true}}
        w2vvpp:
          uses: fusion.concat.Concat
          params: {heads: 1, width: 40}
          options: {loss: triplet-caption, mask: true}
        sea: {uses: fusion.sea.SEA, params: {width: 24}, options: {loss: infonce}}
        je: {uses: fusion.je.JE, params: {width: 24, lead: clip, share: 0.8}, options: {loss: triplet-both}}
        mmt:
          uses: fusion.mmt.MMT
          params: {frames: [clip-frames], layers: 1, heads: 2, width: 16, ffn: 32}
          options: {loss: dual-softmax}
        clip4clip:
          uses: fusion.clip4clip.Clip4Clip
          params: {frames: [clip-frames]}
          video: [clip-frames]
          text: [sentence]
  rank: {step: rank, from: train, params: {pairs: {clip-ft: [clip, sentence]}}}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of features, trained and ranked: a video shows one of 24 things, and its captions name it."""
    path = tmp_path_factory.mktemp("systems")
    rng = np.random.default_rng(0)
    things = rng.normal(size=(24, DIM)).astype("f4")
    text, ids, shown, captions = "name: systems\n", [], [], []
    for split, size in SIZES.items():
        videos = [f"{split}{number:02}" for number in range(size)]
        of = [number % 24 for number in range(size)]
        names = [(f"{video}#{n}", thing) for video, thing in zip(videos, of, strict=True) for n in range(2)]
        (path / f"{split}.ids").write_text("".join(f"{video}\n" for video in videos))
        (path / f"{split}.txt").write_text("".join(f"{name} the thing{thing}\n" for name, thing in names))
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
        ids, shown, captions = ids + videos, shown + of, captions + names
    (path / "collection.yaml").write_text(text)
    (path / "stages.yaml").write_text(STAGES)
    clip = things[shown] + 0.3 * rng.normal(size=(len(ids), DIM)).astype("f4")
    np.savez(path / "clip.npz", ids=ids, features=clip)
    np.savez(path / "x3d.npz", ids=ids, features=clip @ rng.normal(size=(DIM, 12)).astype("f4"))
    counts = rng.integers(1, TIME + 1, len(ids))
    frames = np.repeat(clip, counts, axis=0) + 0.3 * rng.normal(size=(counts.sum(), DIM)).astype("f4")
    np.savez(path / "frames.npz", ids=ids, features=frames, starts=np.concatenate([[0], counts.cumsum()]))
    sentences = things[[thing for _, thing in captions]] + 0.3 * rng.normal(size=(len(captions), DIM)).astype("f4")
    np.savez(path / "sentence.npz", ids=[name for name, _ in captions], features=sentences)
    words = ["-c", path / "collection.yaml", "-w", path / "work", "--stages", path / "stages.yaml"]
    result = CliRunner().invoke(cli.main, ["run", *map(str, words)])
    assert result.exit_code == 0, result.output
    return path


def uses() -> dict[str, str]:
    """{row: dotted path} of the models of STAGES."""
    import yaml

    train = yaml.safe_load(STAGES)["stages"]["train"]
    named = train["params"]["baselines"].items()
    return {"laff": train["uses"], **{row: entry if isinstance(entry, str) else entry["uses"] for row, entry in named}}


def test_every_block_and_model_is_among_them() -> None:
    classes = set()
    for module in pkgutil.iter_modules(fusion.__path__):
        name = f"fusion.{module.name}"
        for _, part in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            whole = issubclass(part, Spaces) and "video_dims" in inspect.signature(part).parameters
            if part.__module__ == name and (whole or hasattr(part, "convex")):
                classes.add(f"{name}.{part.__name__}")
    assert classes == set(uses().values())


def test_each_is_a_row_that_beats_chance(folder: Path) -> None:
    results = json.loads((folder / "work" / "evaluate" / "metrics.json").read_text())["models"]
    assert list(results) == [*uses(), "clip-ft", "chance"]
    mrr = {name: row["t2v"]["MRR"]["mean"] for name, row in results.items()}
    assert {name: value for name, value in mrr.items() if name != "chance" and value < 2 * mrr["chance"]} == {}


@pytest.mark.parametrize("row", uses())
def test_each_learned(folder: Path, row: str) -> None:
    """From epoch to epoch the loss falls, and the parameters, among them the GRU's, are kept."""
    saved = torch.load(folder / "work" / "train" / row / "seed1" / "last.pt", weights_only=True)
    losses = [epoch["loss"] for epoch in saved["position"]["history"]]
    assert losses[-1] < losses[0]
    best = torch.load(folder / "work" / "train" / row / "seed1" / "best.pt", weights_only=True)
    assert any(name.startswith("encoders.gru.") for name in best["state"]) == (row != "clip4clip")


def test_the_plan_names_a_lead_that_is_no_feature(folder: Path) -> None:
    words = ["-c", folder / "collection.yaml", "-w", folder / "other", "--stages", folder / "stages.yaml"]
    baseline = "train.baselines={je: {uses: fusion.je.JE, params: {lead: clipp, share: 0.8}}}"
    result = CliRunner().invoke(cli.main, ["run", *map(str, words), "--set", baseline])
    assert result.exit_code == 1
    assert (
        "lead is 'clipp', which is no video feature of the model; take one of clip, clip-frames, x3d" in result.output
    )
    assert not (folder / "other" / "train").exists()
