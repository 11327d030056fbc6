"""Captions of one text with imported rows of their own, in whole runs, against figures from the files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.assembly import assemble
from pipeline.graph import models
from pipeline.opening import open_context
from pipeline.ranking import ranks_file, texts
from pipeline.ranking.candidates import candidates
from pipeline.ranking.ranks import rank
from pipeline.request import Request
from pipeline.run import run
from pipeline.runfiles.trec import read_run

SIZES = {"train": 12, "val": 3, "test": 9}
EQUAL = ("test0#0", "test3#0")  # in their text and in their row
STAGES = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 4, shard_captions: 8}}
  pair: {step: import, from: ingest, params: {file: pair.npz, side: video}}
  frames: {step: import, from: ingest, params: {file: frames.npz, side: video, level: frame}}
  words: {step: import, from: ingest, params: {file: words.npz, side: text}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [pair, words, bow]
    params:
      {heads: 2, width: 16, epochs: 2, batch: 8, seeds: [1], singles: false,
       baselines: {plain: {uses: fusion.laff.LAFF, text: [bow], params: {heads: 2, width: 16}}}}
  rank:
    step: rank
    from: train
    params:
      pairs: {pair: [pair, words]}
      rescore:
        dual-softmax: {rows: [laff, pair]}
        qb-norm: {beta: 5, rows: [laff, pair]}
        frame-max: {pair: [frames, words], k: 9, rows: [plain]}
"""


def write(folder: Path) -> Request:
    """Three different texts only; every caption but EQUAL has a row of its own, and no row is equal by its sign alone.

    Each row has a zero, which is -0.0 in the second one of EQUAL.
    """
    generator = np.random.default_rng(5)
    videos = [f"{split}{number}" for split, count in SIZES.items() for number in range(count)]
    meaning = generator.normal(size=(len(videos), 6))
    captions = [f"{video}#{number}" for video in videos for number in range(2)]
    text = "name: alike\n"
    for split in SIZES:
        members = [video for video in videos if video.startswith(split)]
        (folder / f"{split}.ids").write_text("".join(f"{video}\n" for video in members))
        lines = [f"{c} thing {int(c.removeprefix(split)[:-2]) % 3}\n" for c in captions if c.startswith(split)]
        (folder / f"{split}.txt").write_text("".join(lines))
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
    (folder / "c.yaml").write_text(text)
    (folder / "stages.yaml").write_text(STAGES)
    words = np.repeat(meaning, 2, axis=0) + 0.5 * generator.normal(size=(len(captions), 6))
    words[:, 0] = 0.0
    first, second = (captions.index(id_) for id_ in EQUAL)
    words[second] = words[first]
    words[second, 0] = -0.0
    frames = np.repeat(meaning, 2, axis=0) + generator.normal(size=(2 * len(videos), 6))
    np.savez(folder / "pair.npz", ids=videos, values=meaning.astype("f4"))
    np.savez(folder / "words.npz", ids=captions, values=words.astype("f4"))
    starts = 2 * np.arange(len(videos) + 1)
    np.savez(folder / "frames.npz", ids=videos, starts=starts, values=frames.astype("f4"))
    return Request(folder / "c.yaml", folder / "work", folder / "stages.yaml", None, (), replace=True)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """A finished run, to be read only."""
    request = write(tmp_path_factory.mktemp("alike"))
    run(request, ())
    return request


def ranked(request: Request, row: str) -> list[float]:
    """The first ranks of the captions of test, as the run has them."""
    seed = 0 if row.startswith("pair") else 1
    ranks: Any = ranks_file.read(Path(str(request.work)) / "rank" / row / f"seed{seed}")["t2v"].ranks
    return [float(value) for value in ranks.first]


def normal(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def in_file(folder: Path, name: str, split: str) -> np.ndarray:
    """The rows of a split in a file, one after the other as the file has them, of length 1."""
    with np.load(folder / f"{name}.npz") as file:
        return normal(file["values"][[str(id_).startswith(split) for id_ in file["ids"]]])


def by_model(request: Request, name: str, split: str) -> np.ndarray:
    """The scores [C, V] of the captions of a split with the videos of test, each caption embedded with its own row."""
    import torch

    context = open_context(request)
    stage = context.graph.of_step("train")
    [model] = [model for model in models.of(context.graph, stage) if model.name == name]
    of_test, asked = (
        assemble.part_of(assemble.split(context, assemble.rows(context, stage, which), []), model)
        for which in ("test", split)
    )
    paired = assemble.trained(context, stage, model, of_test, [], 1)
    with torch.no_grad():
        scores: np.ndarray = (paired.embed_text(asked.text) @ paired.embed_video(of_test.video).T).numpy()
    return scores


VIDEO_OF = np.repeat(np.arange(SIZES["test"]), 2)


@pytest.mark.parametrize("row", ["pair", "laff"])
def test_each_caption_is_scored_by_its_own_row(ran: Request, row: str) -> None:
    """Plain, by dual softmax over the 18 captions, and by QB-Norm with a bank of 24 captions of three texts."""
    folder = Path(str(ran.collection)).parent
    if row == "pair":
        videos = in_file(folder, "pair", "test")
        scores, bank = in_file(folder, "words", "test") @ videos.T, in_file(folder, "words", "train") @ videos.T
    else:
        scores, bank = by_model(ran, "laff", "test"), by_model(ran, "laff", "train")
    assert (len(scores), len(bank)) == (18, 24)
    exact = scores.astype(float)
    assert ranked(ran, row) == rank(exact, VIDEO_OF).first.tolist()
    soft = exact * softmax(100 * exact, axis=0)
    assert ranked(ran, f"{row}+dual-softmax") == rank(soft, VIDEO_OF).first.tolist()
    active, hubness = set(bank.argmax(axis=1)), np.exp(5 * bank.astype(float)).sum(axis=0)
    for query in range(len(exact)):
        if int(exact[query].argmax()) in active:
            exact[query] = np.exp(5 * exact[query]) / hubness
    assert ranked(ran, f"{row}+qb-norm") == rank(exact, VIDEO_OF).first.tolist()


def test_frames_are_compared_with_the_row_of_each_caption(ran: Request) -> None:
    """Also where the row itself tells captions apart by their text alone."""
    folder = Path(str(ran.collection)).parent
    with np.load(folder / "frames.npz") as file:
        frames = normal(file["values"][-2 * SIZES["test"] :]).reshape(SIZES["test"], 2, 6)
    best = np.einsum("cd,vfd->cvf", in_file(folder, "words", "test"), frames).max(axis=2)
    wanted = 0.4 * by_model(ran, "plain", "test").astype(float) + 0.6 * best
    assert ranked(ran, "plain+frame-max") == rank(wanted, VIDEO_OF).first.tolist()


def test_captions_of_one_text_and_one_row_tie(ran: Request) -> None:
    for row in ("pair/seed0", "laff/seed1", "laff+dual-softmax/seed1"):
        runs = dict(read_run(Path(str(ran.work)) / "rank" / row / "t2v.trec.gz"))
        assert runs[EQUAL[0]] == runs[EQUAL[1]] != runs["test0#1"]


def test_what_tells_captions_apart(ran: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """18 captions of three texts: 17 different ones by their rows, however many rows are read at once."""
    context = open_context(ran)
    test = candidates(context, context.graph.of_step("rank"))
    for block in (texts.BANK, 5):
        monkeypatch.setattr(texts, "BANK", block)
        for features, count in ((["bow"], 3), (["bow", "words"], 17), (["words"], 17)):
            first, of_text = texts.different(context, test.rows.captions, features)
            assert len(first) == count
            assert of_text[first].tolist() == list(range(count))
            assert first.tolist() == sorted(first.tolist())
    assert of_text[0] == of_text[6]  # EQUAL
    assert [len(test.texts_of(row).first) for row in models.rows(context.graph, context.graph.of_step("rank"))[:3]] == [
        17,
        3,
        17,
    ]
