"""Second scoring in whole runs: figures against loops over all scores, and rows that nothing is mixed with."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from pipeline import gc
from pipeline.analyze import queries
from pipeline.assembly import assemble
from pipeline.errors import LaffError
from pipeline.graph import models, step_facts
from pipeline.opening import open_context
from pipeline.outcome import Outcome
from pipeline.ranking import ranks_file, texts
from pipeline.ranking.candidates import candidates
from pipeline.ranking.ranks import rank
from pipeline.request import Request
from pipeline.run import run
from pipeline.run_plan import plan
from pipeline.runfiles.trec import read_run
from pipeline.store import verify
from pipeline.views import results_table
from tests.forked import Forked

SIZES = {"train": 12, "val": 3, "test": 9}
BARE, LOST = "test3", "test6"  # without frames; without the feature `other`
STAGES = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 4, shard_captions: 8}}
  pair: {step: import, from: ingest, params: {file: pair.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other.npz, side: video}}
  frames: {step: import, from: ingest, params: {file: frames.npz, side: video, level: frame}}
  words: {step: import, from: ingest, params: {file: words.npz, side: text}}
  wide: {step: import, from: ingest, params: {file: wide.npz, side: text}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [pair, other, words, bow]
    params: {heads: 2, width: 16, epochs: 2, batch: 8, seeds: [1, 2], raw: [pair, words], singles: true}
  rank: {step: rank, from: train, params: {pairs: {pair: [pair, words]}}}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""
FRAME_MAX = "frame-max: {pair: [frames, words], k: 3, rows: [laff, pair]}"
SOFT = "dual-softmax: {rows: [laff, mean, pair]}, qb-norm: {beta: 5, rows: [laff, mean, pair]}"
ALL = f"rank.rescore={{{SOFT}, {FRAME_MAX}}}"
AGAIN = [
    f"{row}+{method}"
    for method, rows in {
        "dual-softmax": ("laff", "mean", "pair"),
        "qb-norm": ("laff", "mean", "pair"),
        "frame-max": ("laff", "pair"),
    }.items()
    for row in rows
]
PLAIN = ["laff", "laff-pair", "laff-other", "mean", "pair"]


@dataclass(frozen=True)
class Small:
    """A collection of imported features whose captions come in equal pairs now and then, and its workspace."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def request(self, *sets: str) -> Request:
        return Request(self.folder / "c.yaml", self.work, self.folder / "stages.yaml", None, sets, replace=True)

    def run(self, *sets: str) -> Outcome:
        return run(self.request(*sets), ())

    def copy(self, folder: Path) -> Small:
        shutil.copytree(self.folder, folder)
        return Small(folder)

    def metrics(self) -> Any:
        return json.loads((self.work / "evaluate" / "metrics.json").read_text(encoding="utf-8"))

    def ranked(self, row: str, seed: int = 0) -> dict[str, ranks_file.Ranked]:
        return ranks_file.read(self.work / "rank" / row / f"seed{seed}")

    def bytes_of(self, *rows: str) -> dict[str, bytes]:
        """The files of these rows in the rank stage."""
        folder = self.work / "rank"
        files = [path for row in rows for path in sorted((folder / row).rglob("*")) if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def write(folder: Path) -> Small:
    """Captions of test: two of each video, of which `test0#0` and `test1#0` are equal, and one of train thrice."""
    generator = np.random.default_rng(3)
    videos = [f"{split}{number}" for split, count in SIZES.items() for number in range(count)]
    meaning = generator.normal(size=(len(videos), 6))
    text = "name: small\n"
    captions: list[str] = []
    for split in SIZES:
        members = [video for video in videos if video.startswith(split)]
        lines = {f"{video}#{n}": f"text {n} of {video}" for video in members for n in range(2)}
        alike = {"test": ("test0#0", "test1#0"), "train": ("train0#0", "train1#0", "train2#1")}.get(split, ())
        lines |= dict.fromkeys(alike, "one and the same")
        (folder / f"{split}.ids").write_text("".join(f"{video}\n" for video in members))
        (folder / f"{split}.txt").write_text("".join(f"{id_} {line}\n" for id_, line in lines.items()))
        text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
        captions += lines
    (folder / "c.yaml").write_text(text)
    (folder / "stages.yaml").write_text(STAGES)
    near = meaning + generator.normal(size=meaning.shape)
    words = np.repeat(meaning, 2, axis=0) + generator.normal(size=(len(captions), 6))
    for alike in (("test0#0", "test1#0"), ("train0#0", "train1#0", "train2#1")):
        for id_ in alike:
            words[captions.index(id_)] = words[captions.index(alike[0])]
    np.savez(folder / "pair.npz", ids=videos, values=near.astype("f4"))
    rest = [video for video in videos if video != LOST]
    np.savez(folder / "other.npz", ids=rest, values=generator.normal(size=(len(rest), 5)).astype("f4"))
    np.savez(folder / "words.npz", ids=captions, values=words.astype("f4"))
    np.savez(folder / "wide.npz", ids=captions, values=generator.normal(size=(len(captions), 7)).astype("f4"))
    shown = [video for video in videos if video != BARE]
    counts = 1 + np.arange(len(shown)) % 4
    of_frames = np.repeat(meaning[[videos.index(video) for video in shown]], counts, axis=0)
    of_frames = (of_frames + generator.normal(size=of_frames.shape)).astype("f4")
    starts = np.concatenate([[0], counts.cumsum()])
    np.savez(folder / "frames.npz", ids=shown, starts=starts, values=of_frames)
    return Small(folder)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Run with all methods, to be read only; copy it for the rest."""
    small = write(tmp_path_factory.mktemp("second"))
    small.run(ALL)
    return small


def base_scores(small: Small, name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
    """Scores [C, V] of a plain row, those [B, V] of all captions of train, the video [C] of each caption, and rows."""
    import torch

    context = open_context(small.request(ALL))
    stage = context.graph.of_step("rank")
    test = candidates(context, stage)
    [row] = [row for row in models.rows(context.graph, stage) if row.name == name]
    scores = test.scored(row, test.scorers(row, seed)).of_captions(np.arange(len(test.rows.captions)))
    if row.features:
        stored, read = (np.load(small.folder / f"{feature}.npz") for feature in row.features)
        where = {id_: place for place, id_ in enumerate(read["ids"])}
        train = read["values"][[where[f"train{v}#{n}"] for v in range(12) for n in range(2)]]
        shown = stored["values"][[list(stored["ids"]).index(f"test{v}") for v in range(9) if f"test{v}" != LOST]]
        bank = (train @ shown.T) / np.linalg.norm(train, axis=1)[:, None] / np.linalg.norm(shown, axis=1)
        return scores, bank, test.rows.video_of, test.rows
    bank = np.zeros((24, scores.shape[1]))
    for model in row.models:
        split = assemble.split(context, assemble.rows(context, test.train, "train"), test.encoders)
        part = assemble.part_of(split, model)
        assert test.whole is not None
        paired = assemble.trained(context, test.train, model, assemble.part_of(test.whole, model), [], seed)
        with torch.no_grad():
            videos = paired.embed_video(assemble.part_of(test.whole, model).video)
            bank += (paired.embed_text(part.text) @ videos.T).numpy() / len(row.models)
    return scores, bank, test.rows.video_of, test.rows


def ranks_of(scores: np.ndarray, video_of: np.ndarray, candidates: int = 9) -> np.ndarray:
    """The first ranks [C] of captions; the last place where the video is not covered."""
    ranks = np.full(len(scores), float(candidates))
    ranks[video_of >= 0] = rank(scores[video_of >= 0], video_of[video_of >= 0]).first
    return ranks


def v2t_ranks(scores: np.ndarray, video_of: np.ndarray, videos: int) -> np.ndarray:
    """The first ranks [V] of videos, of scores [V, C]."""
    return rank(scores, [np.flatnonzero(video_of == video) for video in range(videos)]).first


SOME = [("pair", 0), ("laff", 1), ("laff", 2), ("mean", 2)]


@pytest.mark.parametrize(("row", "seed"), SOME)
def test_dual_softmax_is_over_all_captions_and_over_all_videos(ran: Small, row: str, seed: int) -> None:
    scores, _, video_of, rows = base_scores(ran, row, seed)
    exact = scores.astype(float)
    found = ran.ranked(f"{row}+dual-softmax", seed)
    assert found["t2v"].ranks.first.tolist() == ranks_of(exact * softmax(100 * exact, axis=0), video_of).tolist()
    of_videos = (exact * softmax(100 * exact, axis=1)).T
    covered = found["v2t"].covered
    assert found["v2t"].ranks.first[covered].tolist() == v2t_ranks(of_videos, video_of, len(rows.videos)).tolist()
    assert found["t2v"].ranks.first.tolist() != ran.ranked(row, seed)["t2v"].ranks.first.tolist()


@pytest.mark.parametrize("bank", [1 << 14, 5])
@pytest.mark.parametrize(("row", "seed"), SOME)
def test_qb_norm_is_against_all_captions_of_train(
    ran: Small, tmp_path: Path, row: str, seed: int, bank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caption that stands there thrice counts thrice; the bank in one part and in many."""
    small = ran
    if bank < 6:
        monkeypatch.setattr(texts, "BANK", bank)
        small = ran.copy(tmp_path / "copy")
        shutil.rmtree(small.work / "rank" / f"{row}+qb-norm" / f"seed{seed}")
        assert small.run(ALL).made["rank"] == 1
    scores, of_train, video_of, _ = base_scores(small, row, seed)
    assert len(of_train) == 24
    wanted, active = scores.astype(float), set(of_train.argmax(axis=1))
    for query in range(len(scores)):
        if int(scores[query].argmax()) in active:
            wanted[query] = np.exp(5 * wanted[query]) / np.exp(5 * of_train).sum(axis=0)
    assert small.ranked(f"{row}+qb-norm", seed)["t2v"].ranks.first.tolist() == ranks_of(wanted, video_of).tolist()


@pytest.mark.parametrize(("row", "seed"), SOME[:3])
def test_frame_max_looks_at_every_frame(ran: Small, row: str, seed: int) -> None:
    """The video without frames is not covered in this row, so it is behind all others, and its captions too."""
    scores, _, video_of, _ = base_scores(ran, row, seed)
    frames, words = (np.load(ran.folder / f"{name}.npz") for name in ("frames", "words"))
    videos = [f"test{number}" for number in range(9) if f"test{number}" != LOST]
    shown = [video for video in videos if video != BARE]
    queries = words["values"][[list(words["ids"]).index(f"test{v}#{n}") for v in range(9) for n in range(2)]]
    cosines = np.zeros((len(queries), len(shown)))
    for column, video in enumerate(shown):
        at = list(frames["ids"]).index(video)
        own = frames["values"][frames["starts"][at] : frames["starts"][at + 1]]
        for place, query in enumerate(queries):
            cosines[place, column] = max(
                float(query @ frame / np.linalg.norm(query) / np.linalg.norm(frame)) for frame in own
            )
    kept = [videos.index(video) for video in shown]

    def again(plain: np.ndarray, best: np.ndarray) -> np.ndarray:
        wanted = np.zeros(plain.shape)
        for query in range(len(plain)):
            order = np.argsort(-plain[query])
            mixed = 0.4 * plain[query] + 0.6 * best[query]
            wanted[query] = np.where(plain[query] >= plain[query][order[2]], mixed + 10, plain[query])
        return wanted

    places = np.array([*range(len(videos)), -1])
    places = np.array([kept.index(place) if place in kept else -1 for place in places])
    found = ran.ranked(f"{row}+frame-max", seed)
    own = scores[:, kept].astype(float)
    assert found["t2v"].ranks.first.tolist() == ranks_of(again(own, cosines), places[video_of]).tolist()
    assert [id_ for id_, covered in zip(found["t2v"].ids, found["t2v"].covered, strict=True) if not covered] == [
        f"{video}#{n}" for video in (BARE, LOST) for n in range(2)
    ]
    covered = found["v2t"].covered
    v2t = v2t_ranks(again(own.T, cosines.T), places[video_of], len(kept))
    assert found["v2t"].ranks.first[covered].tolist() == v2t.tolist()
    run_of = dict(read_run(ran.work / "rank" / f"{row}+frame-max" / f"seed{seed}" / "t2v.trec.gz"))
    assert {item for hits in run_of.values() for item, _ in hits} == set(shown)


def test_equal_captions_tie(ran: Small) -> None:
    for row in AGAIN:
        seed = 0 if row.startswith("pair") else 1
        runs = dict(read_run(ran.work / "rank" / row / f"seed{seed}" / "t2v.trec.gz"))
        assert runs["test0#0"] == runs["test1#0"]


def test_rows_say_what_they_are_and_stand_behind_the_others(ran: Small) -> None:
    metrics = ran.metrics()
    names = [name for name in metrics["models"] if not name.endswith("(covered only)")]
    assert names == [*PLAIN, "chance", *AGAIN]
    for name, row in metrics["models"].items():
        base, _, method = name.removesuffix(" (covered only)").partition("+")
        if not method:
            assert "second" not in row
            continue
        assert row["second"]["of"] == base
        assert row["second"]["method"] == method
        assert row["second"]["transductive"] == (method == "dual-softmax")
        assert set(row) == {"t2v", "second"} | ({"v2t"} if method != "qb-norm" else set())
        assert row["t2v"]["seed_numbers"] == ([0] if base == "pair" else [1, 2])
    assert metrics["models"]["laff+qb-norm"]["second"]["beta"] == 5.0
    assert not (ran.work / "rank" / "laff+qb-norm" / "seed1" / "v2t.trec.gz").exists()
    for way in ("t2v", "v2t"):
        with (ran.work / "evaluate" / f"{way}.csv").open() as file:
            header = next(csv.reader(file))
        assert ("laff+dual-softmax/seed2" in header, "laff+qb-norm/seed2" in header) == (True, way == "t2v")
    table = results_table.text(metrics)
    assert "\n+dual-softmax: scored again with all test queries at once (dual softmax, transductive)" in table
    assert table.splitlines()[-1].startswith("+frame-max: ")
    assert table.splitlines()[-1].endswith("; not comparable with plain rows")
    assert "qb-norm" not in results_table.text(metrics, "v2t")
    page = (ran.work / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("+dual-softmax: scored again") == 2
    assert page.count('class="main"><th scope="row">laff</th>') == 2


def test_the_plain_rows_are_as_they_were(ran: Small, tmp_path: Path) -> None:
    """Byte for byte, and cached: what is added, changed and taken away again are the rows of second scoring alone."""
    small = write(tmp_path)
    small.run()
    plain, figures = small.bytes_of(*PLAIN), small.metrics()
    assert "second" not in json.dumps(figures)
    assert small.run(ALL).made == {"frames": 6, "rank": 13, "evaluate": 1, "report": 1}
    assert small.bytes_of(*PLAIN) == plain == ran.bytes_of(*PLAIN)
    assert small.bytes_of(*AGAIN) == ran.bytes_of(*AGAIN)
    both = small.metrics()
    assert {name: row for name, row in both["models"].items() if "+" not in name} == figures["models"]
    assert {name: row for name, row in both["bootstrap"].items() if "+" not in name} == figures["bootstrap"]
    assert small.run(ALL).made == {}
    planned = plan(small.request(ALL.replace("beta: 5", "beta: 6")), ())
    assert {stage.stage: stage.summary()["stale"] for stage in planned.stages if stage.stale} == {
        "rank": 5,
        "evaluate": 1,
        "report": 1,
    }
    assert "qb-norm.beta 5.0 → 6.0" in next(stage.why for stage in planned.stages if stage.stage == "rank")
    assert small.run().made.keys() == {"evaluate", "report"}
    assert small.metrics() == figures


def test_captions_of_train_count_for_qb_norm_alone(ran: Small, tmp_path: Path) -> None:
    """Without models, which learn from them. Captions are told by their text."""
    small = ran.copy(tmp_path / "copy")
    alone = ("train.own=false", "train.singles=false", "rank.rescore=[dual-softmax, qb-norm]")
    small.run(*alone)
    path = small.folder / "train.txt"
    path.write_text(path.read_text().replace("text 1 of train7", "text 1 of train seven"))
    stale = {stage.stage: stage.summary()["stale"] for stage in plan(small.request(*alone), ("rank",)).stages}
    assert stale["rank"] == 1


def test_a_row_alone_with_nothing_trained(tmp_path: Path) -> None:
    """Also what else knows the files of a workspace: analyze, verify, gc."""
    small = write(tmp_path)
    alone = ("train.own=false", "train.singles=false")
    again = (*alone, "rank.rescore=[dual-softmax, qb-norm]")
    small.run(*again)
    names = ["pair", "chance", "pair+dual-softmax", "pair+qb-norm"]
    assert [name for name in small.metrics()["models"] if "(" not in name] == names
    compared = queries.compare(open_context(small.request(*again)), "pair+qb-norm", "pair")
    assert compared.first.ranks[0].tolist() == small.ranked("pair+qb-norm")["t2v"].ranks.first.tolist()
    file = "rank/pair+qb-norm/seed0/t2v.trec.gz"
    (small.work / file).write_bytes(b"x")
    assert list(verify.damaged(small.work, verify.Kinds(step_facts.made()))[1]) == [file]
    assert small.run(*again).made["rank"] == 1
    small.run(*alone)
    unused = [name for name in gc.leftovers(small.request(*alone)).unused if name.startswith("rank/")]
    assert {name.split("/")[1] for name in unused} == {"pair+dual-softmax", "pair+qb-norm"}
    assert len(unused) == 3 + 2


def test_queries_without_an_answer_change_no_figure(ran: Small, tmp_path: Path) -> None:
    small = write(tmp_path)
    (small.folder / "topics.txt").write_text("701 something else\n")
    path = small.folder / "c.yaml"
    path.write_text(path.read_text().replace("captions: test.txt", "captions: test.txt, queries: topics.txt"))
    for name in ("words", "wide"):
        arrays = np.load(small.folder / f"{name}.npz")
        values = np.concatenate([arrays["values"], arrays["values"][:1]])
        np.savez(small.folder / f"{name}.npz", ids=[*arrays["ids"], "701"], values=values)
    alone = (
        "train.own=false",
        "train.singles=false",
        "train.from=[pair, words]",
        ALL.replace("laff, mean, pair", "pair"),
    )
    small.run(*[text.replace("[laff, pair]", "[pair]") for text in alone])
    for row in ("pair+dual-softmax", "pair+qb-norm", "pair+frame-max"):
        runs = dict(read_run(small.work / "rank" / row / "seed0" / "t2v.trec.gz"))
        assert len(runs["701"]) == (8 if row.endswith("frame-max") else 9)
    first = small.ranked("pair+dual-softmax")["v2t"]
    assert len(first.ids) == 9
    (tmp_path / "without").mkdir()
    without = write(tmp_path / "without")
    without.run(*[text.replace("[laff, pair]", "[pair]") for text in alone])
    for row in ("pair+dual-softmax", "pair+qb-norm", "pair+frame-max"):
        for way, ranked in without.ranked(row).items():
            assert small.ranked(row)[way].ranks.first.tolist() == ranked.ranks.first.tolist()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[qbnorm]", "'rank': rescore: no method 'qbnorm'; did you mean 'qb-norm'"),
        ("{qb-norm: {rows: [laf]}}", "rescore: qb-norm: no row 'laf'; did you mean 'laff'?; rows are laff, laff-pair"),
        (
            "{frame-max: {pair: [pair, words]}}",
            "rescore: frame-max: 'pair' was imported with one row a video; import a feature",
        ),
        ("{frame-max: {pair: [frame, words]}}", "rescore: frame-max: there is no video feature 'frame'; did you mean"),
        ("{frame-max: {pair: [frames, frames]}}", "rescore: frame-max: there is no text feature 'frames'; known: "),
        ("{frame-max: {pair: [frames, bow]}}", "'rank': rescore: frame-max: 'bow' counts words and has no cosine"),
        ("{frame-max: {pair: [frames, wide]}}", "'rank': rescore: frame-max: 'frames' is 6 wide and 'wide' 7"),
        ("laff", "rescore: 'laff' should be"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(tmp_path: Path, value: str, message: str) -> None:
    small = write(tmp_path)
    with pytest.raises(LaffError) as raised:
        small.run(f"rank.rescore={value}")
    assert message in str(raised.value)
    assert not (small.work / "rank").exists()


def test_a_collection_without_captions_to_be_the_bank(tmp_path: Path) -> None:
    small = write(tmp_path)
    path = small.folder / "c.yaml"
    path.write_text(
        "\n".join(line for line in path.read_text().splitlines() if "train" not in line and "val" not in line)
    )
    alone = ("train.own=false", "train.singles=false")
    with pytest.raises(LaffError, match="'rank': rescore: qb-norm: it needs a bank, the captions of train, and this"):
        small.run(*alone, "rank.rescore=[dual-softmax, qb-norm]")
    small.run(*alone, "rank.rescore=[dual-softmax]")
    assert "pair+dual-softmax" in small.metrics()["models"]


def killed(folder: str, number: int) -> None:
    """A run that dies when its rank stage has written this many rows."""
    from pipeline.ranking import both_ways

    write_row, left = both_ways.write, [number]

    def write_and_end(*given: Any) -> None:
        write_row(*given)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    both_ways.write = write_and_end
    Small(Path(folder)).run(ALL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 9])
def test_a_killed_run_goes_on(ran: Small, tmp_path: Path, forked: Forked, number: int) -> None:
    small = ran.copy(tmp_path / "copy")
    for stage in ("rank", "evaluate", "report"):
        shutil.rmtree(small.work / stage)
    process = forked.start("tests.pipeline.ranking.test_second:killed", [str(small.folder), number])
    assert process.wait() == -signal.SIGKILL, process.said()
    assert small.run(ALL).made["rank"] == 22 - (number - 1)
    assert small.bytes_of(*PLAIN, *AGAIN) == ran.bytes_of(*PLAIN, *AGAIN)
    assert small.metrics() == ran.metrics()
