"""BERT and GRU inside a model: learning rates, killed and resumed, ranked, searched, packaged, measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from fusion.retrieval import Retrieval
from pipeline.build.loaded import read_checkpoint
from pipeline.errors import LaffError
from pipeline.package.manifest import NAME
from pipeline.plan.context import Context
from pipeline.request import Request
from pipeline.run import run
from pipeline.search.library import Library
from pipeline.training import jobs, trainer
from tests.extractors.test_bert import folder
from tests.pipeline import kept
from tests.pipeline.kept import Small
from tests.pipeline.packing.test_pack import content, found_by, values

GRAPH = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 8}}
  one: {step: import, from: ingest, params: {file: one.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: ingest, params: {hidden: 6, threshold: 1, vector_dim: 3}}
  bert: {step: extract, uses: extractors.bert.Bert, from: ingest, params: {weights: BERT}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, bow, gru, bert]
    params:
      {heads: 2, width: 16, raw: [bert], epochs: 2, batch: 8, lr: 0.001, seeds: [1], singles: false,
      joint: [gru, bert]}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors]}
  evaluate: {step: evaluate, from: rank}
"""
WORD = "encoders.bert.net.embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Everything run, with a tiny random BERT."""
    made = kept.make(tmp_path_factory.mktemp("joint"))
    folder(made.folder / "bert")
    (made.folder / "stages.yaml").write_text(GRAPH.replace("BERT", str(made.folder / "bert")))
    made.run()
    return made


def test_it_learns_a_hundred_times_slower_than_the_rest(joint: Small) -> None:
    """RMSprop's first steps are about lr long in every weight, whatever the gradient: 6 steps of 1e-5."""
    from extractors.bert import Bert

    assert not (joint.work / "bert").exists()  # nothing is extracted
    state = read_checkpoint(joint.work / "train" / "laff" / "seed1" / "best.pt")["state"]
    part = Bert(weights=str(joint.folder / "bert"))
    part.load("cpu", joint.folder / "bert")
    start = part.net.state_dict()
    name = "encoder.layer.1.output.dense.weight"
    moved = (state[f"encoders.bert.net.{name}"] - start[name]).abs().max()
    assert 1e-6 < moved < 6 * 1e-4  # at most 10 lr each, as the running mean begins at 1 % of the gradient's square
    assert "encoders.gru.embedding.weight" in state


def factors(context: Context) -> list[tuple[float, int]]:
    """(factor, tensors) of the groups of the optimizer of the first training."""
    from pipeline.graph import models
    from pipeline.workers.worker import Worker

    stage = context.stage("train")
    model = models.of(context.graph, stage)[0]
    job = jobs.Training(
        context.graph,
        context.work.root,
        {},
        context.source,
        "train",
        model,
        1,
        "f",
        jobs.rows_of(context, stage, model),
        "",
    )
    made = jobs.make_trainer(job, Worker())
    optimizer = trainer.make_optimizer(made.task.model, made.recipe, made.task.factors)  # type: ignore[attr-defined]
    return [(group["factor"], len(group["params"])) for group in optimizer.param_groups]


def test_rates_may_be_said(joint: Small) -> None:
    usual = dict(factors(joint.context()))
    assert set(usual) == {1.0, 0.01}
    assert usual[0.01] == 5 + 2 * 16  # embeddings with their norm, and two layers
    said = dict(factors(joint.context("train.joint_rates={bert: 0.05, gru: 0}")))
    assert set(said) == {1.0, 0.05, 0.0}
    assert (said[0.05], said[0.0]) == (usual[0.01], 5)
    with pytest.raises(LaffError, match="joint_rates names 'bow', which is not in joint"):
        joint.run("train", sets=("train.joint_rates={bow: 0.5}",))


class Stop(Exception):
    """What stands for a kill."""


@pytest.mark.parametrize("stop", [1, 4])
def test_killed_and_resumed_is_equal(joint: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    """Dropout of BERT draws the same numbers; with averaged weights and another measure as well."""
    more = ("train.average=2", "train.best=medr", "train.checkpoint=0")
    for name in ("whole", "parts"):
        joint.copy(tmp_path / name).run("ingest", sets=more)
    Small(tmp_path / "whole").run("train", sets=more)
    loss, steps = Retrieval.loss, 0

    def stopping(task: Retrieval, captions: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == stop + 1:
            raise Stop
        return loss(task, captions)

    with monkeypatch.context() as patch:
        patch.setattr(Retrieval, "loss", stopping)
        with pytest.raises(Stop):
            Small(tmp_path / "parts").run("train", sets=more)
    Small(tmp_path / "parts").run("train", sets=more)
    (one,) = (tmp_path / "whole" / "work" / "runs").glob("*/train/laff/seed1/best.pt")
    assert one.read_bytes() == (tmp_path / "parts" / one.relative_to(tmp_path / "whole")).read_bytes()
    saved = read_checkpoint(one)
    assert (saved["measure"], saved["averaged"], saved["epoch"]) == ("medr", 2, 2)


def test_ranked_searched_and_packaged(joint: Small, tmp_path: Path) -> None:
    """Elsewhere the model has the learned weights: it finds what it finds at home."""
    assert (joint.work / "evaluate" / "metrics.json").is_file()
    at_home = found_by(Library(joint.request(), ["laff"]))
    out = joint.pack(tmp_path / "OUT", "laff", weights=True)
    said = content(out)
    assert set(said["words"]) == {"gru"}
    assert json.loads((out / "learned/gru/words.json").read_text())[:2] == ["<pad>", "<start>"]
    assert any(name.startswith("weights/bert-weights/bert/tokenizer") for name in said["files"])
    away = tmp_path / "away"
    assert "rank" in run(joint.applied(out, away), ("rank",)).made
    assert values(away, "laff/seed1") == values(joint.work, "laff/seed1")
    assert found_by(Library.open(away)) == at_home


def test_without_its_weights_a_package_asks_for_them(joint: Small, tmp_path: Path) -> None:
    out = joint.pack(tmp_path / "OUT")
    assert not (out / "weights").exists()
    with pytest.raises(LaffError, match=r"'bert': weights|bert.weights"):
        run(joint.applied(out, tmp_path / "away"), ("rank",))
    given = f"bert.weights={joint.folder / 'bert'}"
    assert "rank" in run(joint.applied(out, tmp_path / "away", given), ("rank",)).made
    assert (out / NAME).is_file()


def test_what_looks_into_models_sees_it(joint: Small) -> None:
    from pipeline.analyze import cost
    from pipeline.analyze.subject import features

    (line,) = cost.measure(features(joint.request()))
    alone = sum(p.numel() for p in torch.nn.ModuleList([joint_encoder(joint)]).parameters())
    assert line.parameters > alone
    assert line.caption > 1000


def joint_encoder(joint: Small) -> torch.nn.Module:
    from pipeline.assembly import assemble

    context = joint.context()
    bert = next(one for one in assemble.joints(context, context.stage("train")) if one.name == "bert")
    assert bert.words == []
    module: torch.nn.Module = bert.part.encoder()
    return module


def test_weights_that_are_not_there_are_told_before_training(joint: Small) -> None:
    with pytest.raises(LaffError, match="'bert': weights: no such file: /nowhere/bert"):
        joint.run("train", sets=("bert.weights=/nowhere/bert",))


def test_other_weights_are_another_training(joint: Small, tmp_path: Path) -> None:
    changed = joint.copy(tmp_path / "changed")
    folder(tmp_path / "other", pooling="cls_token")
    request = Request(
        changed.folder / "c.yaml",
        changed.work,
        changed.folder / "stages.yaml",
        sets=(f"bert.weights={tmp_path / 'other'}",),
    )
    from pipeline.opening import open_context
    from pipeline.plan.plan import stage_plan

    assert stage_plan(open_context(request), "train").todo
    assert not stage_plan(open_context(changed.request()), "train").todo
