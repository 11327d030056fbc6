"""From video files to metrics.json through the real graph, on a collection of 22 small videos."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from pipeline.errors import LaffError
from pipeline.items import table
from pipeline.items.collection import load
from pipeline.request import Request
from pipeline.run import run
from pipeline.run_plan import plan
from pipeline.search.answer import search
from pipeline.store import journal
from tests.extractors import test_bert

MODELS = ("laff", "concat", "laff-clip-ft", "laff-x3d")
ROWS = (*MODELS, "mean", "clip-ft")
METRICS = ("R@1", "R@5", "R@10", "MedR", "MeanR", "MRR", "mAP")
SEEDS = (1, 2)
CAPTIONS = 4  # of each video
TEST = 6  # videos


def results(work: Path) -> dict[str, Any]:
    return json.loads((work / "evaluate" / "metrics.json").read_text())


def seeds_of(row: str) -> tuple[int, ...]:
    return (0,) if row == "clip-ft" else SEEDS


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """{query: [(item, score)]} of a TREC file, read by hand."""
    rankings: dict[str, list[tuple[str, float]]] = defaultdict(list)
    with gzip.open(path, "rt") as file:
        for line in file:
            query, q0, item, rank, score, _tag = line.split()
            assert q0 == "Q0"
            rankings[query].append((item, float(score)))
            assert int(rank) == len(rankings[query])
    return rankings


def first_rank(ranked: list[tuple[str, float]], relevant: set[str]) -> float:
    """1 + non-relevant strictly above the first relevant + half of the non-relevant equal to it."""
    best = max(score for item, score in ranked if item in relevant)
    above = sum(score > best for item, score in ranked if item not in relevant)
    return 1 + above + sum(score == best for item, score in ranked if item not in relevant) / 2


def average_precision(ranked: list[tuple[str, float]], relevant: set[str]) -> float:
    """mean over j of j / r_j, r = 1 + strictly above + half of the other equal ones, sorted."""
    ranks = []
    for item, score in ranked:
        if item in relevant:
            above = sum(other > score for _, other in ranked)
            ranks.append(1 + above + (sum(other == score for _, other in ranked) - 1) / 2)
    return float(np.mean([j / r for j, r in enumerate(sorted(ranks), 1)]))


def sums(ranks: np.ndarray) -> dict[str, float]:
    recall = {f"R@{k}": float(np.mean(ranks <= k)) * 100 for k in (1, 5, 10)}
    middle = sorted(ranks)[(len(ranks) - 1) // 2] + sorted(ranks)[len(ranks) // 2]
    return {**recall, "MedR": middle / 2, "MeanR": float(np.mean(ranks)), "MRR": float(np.mean(1 / ranks))}


def values(work: Path, stage: str) -> dict[str, np.ndarray]:
    """{id: row} of all shards in a folder of the workspace."""
    vectors = {}
    for path in sorted((work / stage).glob("?????.h5")):
        with h5py.File(path) as file:
            vectors |= dict(zip(file["ids"].asstr()[:], file["values"][:].astype(np.float64), strict=True))
    return vectors


def shards(work: Path, stage: str) -> list[str]:
    return sorted(path.name for path in (work / stage).glob("*.h5"))


def test_the_layout_is_the_public_one(ran) -> None:
    three = ["00000.h5", "00001.h5", "00002.h5"]  # 22 videos by 8, 88 captions by 32
    for stage in ("decode", "x3d", "bow", "w2v", "gru", "clip-ft/video", "clip-ft/text"):
        assert shards(ran.work, stage) == three, stage
    for model in MODELS:
        for seed in SEEDS:
            assert {"best.pt", "last.pt"} <= {p.name for p in (ran.work / "train" / model / f"seed{seed}").iterdir()}
    for row in ROWS:
        for seed in seeds_of(row):
            folder = ran.work / "rank" / row / f"seed{seed}"
            assert (folder / "t2v.trec.gz").is_file()
            assert (folder / "v2t.trec.gz").is_file()
    assert (ran.work / "evaluate" / "metrics.json").is_file()
    assert (ran.work / "report" / "index.html").is_file()
    assert not list(ran.work.rglob("*.partial"))
    assert not (ran.work / "finetune" / "frames").exists()  # the cache goes when finetune is done


def test_shards_say_how_they_came_about(ran) -> None:
    with h5py.File(ran.work / "x3d" / "00000.h5") as file:
        assert file["values"].shape == (8, 2048)
        assert file["values"].dtype == np.float32
        assert set(file.attrs) >= {"fingerprint", "extractor", "weights", "sampling", "decoder", "libraries", "laff"}
        assert file.attrs["weights"] == file.attrs["weights_name"] == "random"
        units = {line["unit"]: line for line in journal.read(ran.work / "x3d" / "index.jsonl") if "unit" in line}
        assert file.attrs["fingerprint"] == units["00000.h5"]["fingerprint"]
    with h5py.File(ran.work / "bow" / "00000.h5") as file:
        assert {"ids", "indptr", "indices", "data"} <= set(file)
    with h5py.File(ran.work / "decode" / "00000.h5") as file:
        assert file["ids"].asstr()[0] == "demo0001"
        np.testing.assert_array_equal(file["expected"], file["packets"])
        assert set(np.unique(file["expected_by"].asstr()[:])) == {"its packets"}


def test_metrics_have_the_published_form(ran) -> None:
    metrics = results(ran.work)
    assert set(metrics) >= {"protocol", "ties", "coverage", "untrained", "models"}
    assert metrics["coverage"] == 1.0
    assert set(metrics["untrained"]) == {"finetune", "clip-ft", "x3d"}
    assert list(metrics["models"]) == [*ROWS, "chance"]
    for name, row in metrics["models"].items():
        for way, queries, candidates in (("t2v", TEST * CAPTIONS, TEST), ("v2t", TEST, TEST * CAPTIONS)):
            assert (row[way]["queries"], row[way]["candidates"]) == (queries, candidates)
            for metric in METRICS:
                each = row[way][metric]
                assert set(each) == {"mean", "std", "seeds"}
                assert len(each["seeds"]) == (1 if name == "chance" else len(seeds_of(name)))
                assert each["mean"] == pytest.approx(np.mean(each["seeds"]))
                assert each["std"] == pytest.approx(np.std(each["seeds"], ddof=1) if len(each["seeds"]) > 1 else 0)
    chance = metrics["models"]["chance"]["t2v"]
    assert chance["R@1"]["mean"] == pytest.approx(100 / TEST)
    assert chance["R@5"]["mean"] == pytest.approx(500 / TEST)
    assert chance["MeanR"]["mean"] == pytest.approx((TEST + 1) / 2)
    assert chance["mAP"]["mean"] == pytest.approx(np.mean(1 / np.arange(1, TEST + 1)))


@pytest.mark.parametrize("way", ["t2v", "v2t"])
def test_metrics_follow_from_the_runs_and_from_the_csv(ran, way: str) -> None:
    videos = set(load(ran.collection).ids["test"])
    captions = {caption.id: caption.video for caption in load(ran.collection).captions["test"]}
    with (ran.work / "evaluate" / f"{way}.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["query"] for line in lines} == (set(captions) if way == "t2v" else videos)
    assert {line["covered"] for line in lines} == {"1"}
    for row in ROWS:
        for number, seed in enumerate(seeds_of(row)):
            rankings = read_run(ran.work / "rank" / row / f"seed{seed}" / f"{way}.trec.gz")
            ranks, precisions = [], []
            for line in lines:
                query = line["query"]
                relevant = {captions[query]} if way == "t2v" else {c for c, v in captions.items() if v == query}
                assert len(rankings[query]) == (TEST if way == "t2v" else TEST * CAPTIONS)  # fewer than k: all of them
                ranks.append(first_rank(rankings[query], relevant))
                precisions.append(average_precision(rankings[query], relevant))
                assert float(line[f"{row}/seed{seed}"]) == ranks[-1]
            stated = {metric: results(ran.work)["models"][row][way][metric]["seeds"][number] for metric in METRICS}
            assert stated == pytest.approx({**sums(np.array(ranks)), "mAP": np.mean(precisions)})


def test_the_row_without_training_is_the_cosine_of_two_features(ran) -> None:
    video, text = values(ran.work, "clip-ft/video"), values(ran.work, "clip-ft/text")
    for query, ranked in read_run(ran.work / "rank" / "clip-ft" / "seed0" / "t2v.trec.gz").items():
        for item, score in ranked:
            a, b = text[query], video[item]
            assert score == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)


def test_the_mean_row_is_the_mean_of_the_single_features_scores(ran) -> None:
    of = {row: read_run(ran.work / "rank" / row / "seed1" / "t2v.trec.gz") for row in ("laff-clip-ft", "laff-x3d")}
    for query, ranked in read_run(ran.work / "rank" / "mean" / "seed1" / "t2v.trec.gz").items():
        single = [dict(of[row][query]) for row in of]
        for item, score in ranked:
            assert score == pytest.approx(np.mean([scores[item] for scores in single]), abs=1e-5)


def test_the_report_warns_and_shows_every_row(ran) -> None:
    page = (ran.work / "report" / "index.html").read_text()
    assert "RANDOM WEIGHTS in " in page
    assert all(f'<th scope="row">{row}</th>' in page for row in (*ROWS, "chance"))


def test_a_second_run_does_nothing(ran, tmp_path: Path) -> None:
    again = ran.copy(tmp_path / "again")
    before = again.state()
    outcome = again.run()
    assert outcome.made == {}
    assert again.state() == before


def test_copies_with_new_dates_are_what_they_were(ran, tmp_path: Path, contents) -> None:
    """Of workspace and videos: a plan takes them for what they were, a run looks once and notes the dates."""
    shutil.copytree(ran.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    copy = replace(ran, folder=tmp_path / "copy")
    for path in (path for path in copy.folder.rglob("*") if path.is_file()):
        os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))  # as of a checkout
    before = copy.state()
    plans = plan(copy.request(), ["report"]).stages
    assert [planned.stage for planned in plans if planned.todo] == []
    assert plans[0].reasons == ["22 videos have another date; `laff run` looks for changes"]
    assert copy.state() == before
    assert copy.run().made == {}
    noted = copy.state()
    changed = {name for name in noted if noted[name] != before.get(name)}
    assert {Path(name).name for name in changed} == {"index.jsonl", "table.h5"}
    assert contents(copy.work) == contents(ran.work)
    assert copy.run().made == {}
    assert copy.state() == noted
    plans = plan(copy.request(), ["report"]).stages
    assert [planned.reasons for planned in plans if planned.reasons] == []


def test_a_lost_table_is_made_again_from_the_shards(ran, tmp_path: Path) -> None:
    """Of a collection that grew, with a video that could not be read, so that its order is not the lists'."""
    changed = ran.copy(tmp_path / "changed")
    (changed.videos / "broken.mp4").write_bytes(b"no video")
    for name, line in (("test.txt", "broken\n"), ("test.caption.txt", "broken#0 nothing is seen\n")):
        path = changed.collection.parent / name
        path.write_text(line + path.read_text())
    changed.run()
    table_ = changed.work / "ingest" / "table.h5"
    old = table.read(table_)[0]
    assert old.videos[-1] == "broken"
    table_.unlink()
    before = changed.state()
    plans = plan(changed.request(), ["report"]).stages
    assert plans[0].reasons == [f"{table_} is lost; a run makes it again from the shards"]
    assert {reason for one in plans[1:] for reason in one.reasons} == {"not known before the videos have been read"}
    assert changed.state() == before
    assert changed.run().made == {}
    assert table.read(table_)[0] == old
    table_.write_bytes(table_.read_bytes()[:-1])
    assert changed.run().made == {}
    assert table.read(table_)[0] == old


def test_a_fresh_workspace_gives_the_same_bytes(ran, tmp_path: Path, contents) -> None:
    fresh = ran.copy(tmp_path / "fresh", work=False)
    fresh.run()
    one, other = contents(ran.work), contents(fresh.work)
    assert len(one) > 60
    assert [name for name in {*one, *other} if one.get(name) != other.get(name)] == []


def test_a_train_param_makes_a_run_of_its_own(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = changed.state()
    planned = plan(changed.request("train.lr=0.001"), ["report"])
    assert (planned.run.name, planned.run.differs, planned.run.new) == ("lr0.001", ("lr 0.0003 → 0.001",), True)
    assert [p.stage for p in planned.stages if p.todo] == ["train", "vectors", "rank", "evaluate", "report"]
    assert list(changed.run("train.lr=0.001").made) == ["train", "vectors", "rank", "evaluate", "report"]
    after = changed.state()
    gone = [name for name in before if after.get(name) != before[name]]
    assert set(gone) <= {"run.yaml", "times.jsonl", "failures.jsonl"}
    assert (changed.work / "runs" / "lr0.001" / "train" / "laff" / "seed1" / "best.pt").is_file()
    assert changed.run("train.lr=0.001").made == {}  # the same settings find their run again
    assert changed.run().made == {}


def test_an_x3d_param_runs_x3d_and_what_follows(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = changed.state()
    plans = plan(changed.request("x3d.frames=5"), ["report"]).stages
    reasons = {p.stage: p.reasons for p in plans if p.todo}
    assert list(reasons) == ["x3d", "train", "vectors", "rank", "evaluate", "report"]
    assert reasons["x3d"] == ["frames 4 → 5"]
    assert reasons["train"] == ["follows x3d"]
    units = changed.run("x3d.frames=5").made
    # The model on clip-ft alone does not read x3d: 3 of 4 models run, and so do 4 of 6 rows.
    assert units == {
        "x3d": 3,
        "train": 3 * len(SEEDS),
        "vectors": 3,
        "rank": 4 * len(SEEDS),
        "evaluate": 1,
        "report": 1,
    }
    after = changed.state()
    assert after["train/laff-clip-ft/seed1/best.pt"] == before["train/laff-clip-ft/seed1/best.pt"]
    assert after["clip-ft/video/00000.h5"] == before["clip-ft/video/00000.h5"]
    assert after["x3d/00000.h5"] != before["x3d/00000.h5"]


def test_another_seed_trains_that_seed_only(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    units = changed.run("train.seeds=[1, 2, 3]").made
    assert units["train"] == len(MODELS)
    assert units["rank"] == len(MODELS) + 1
    assert len(results(changed.work)["models"]["laff"]["t2v"]["R@1"]["seeds"]) == 3


def test_an_added_video_opens_a_shard_of_its_own(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = changed.state()
    shutil.copy(changed.videos / "demo0001.mp4", changed.videos / "new.mp4")
    with (changed.collection.parent / "test.txt").open("a") as file:
        file.write("new\n")
    with (changed.collection.parent / "test.caption.txt").open("a") as file:
        file.write("new#0 something new\nnew#1 it moves to the left\n")
    units = changed.run().made
    runs = len(MODELS) * len(SEEDS) + len(SEEDS) + 1
    assert units == {
        "ingest": 1,
        **{"decode": 1, "x3d": 1, "clip-ft": 2, "bow": 1, "w2v": 1, "gru": 1},  # no fit and no training
        **{"vectors": 1, "rank": runs, "evaluate": 1, "report": 1},
    }
    after = changed.state()
    for stage in ("decode", "x3d", "clip-ft/video", "clip-ft/text", "bow", "w2v", "gru"):
        assert shards(changed.work, stage) == ["00000.h5", "00001.h5", "00002.h5", "00003.h5"]
        assert all(after[f"{stage}/0000{n}.h5"] == before[f"{stage}/0000{n}.h5"] for n in range(3))
    assert list(values(changed.work, "x3d"))[-1] == "new"
    assert results(changed.work)["models"]["laff"]["t2v"]["candidates"] == TEST + 1


def test_a_replaced_video_stales_its_shard_only(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = changed.state()
    shutil.copyfile(changed.videos / "demo0001.mp4", changed.videos / "demo0022.mp4")  # in test, in the last shard
    plans = plan(changed.request(), ["report"]).stages
    assert {p.stage: p.reasons for p in plans if p.todo}["ingest"] == ["1 video changed (demo0022)"]
    units = changed.run().made
    assert {stage: units[stage] for stage in ("decode", "x3d", "clip-ft")} == {"decode": 1, "x3d": 1, "clip-ft": 1}
    assert not {"finetune", "train", "bow", "w2v", "gru"} & set(units)
    after = changed.state()
    assert all(after[f"x3d/0000{n}.h5"] == before[f"x3d/0000{n}.h5"] for n in (0, 1))
    new = values(changed.work, "x3d")
    np.testing.assert_allclose(new["demo0022"], new["demo0001"], rtol=1e-4, atol=1e-5)


def test_a_touched_video_is_read_again_and_nothing_is_to_do(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    (changed.videos / "demo0022.mp4").touch()
    assert changed.run().made == {}


def test_a_broken_video_is_told_counted_and_tried_again(ran, tmp_path: Path, contents) -> None:
    """Its file is noise at first; then it is mended behind our back, with size and times as they were."""
    changed = ran.copy(tmp_path / "changed")
    video = changed.videos / "demo0020.mp4"
    good = video.read_bytes()
    noise = np.random.default_rng(1).integers(0, 256, len(good), dtype=np.uint8)
    video.write_bytes(noise.tobytes())
    outcome = changed.run()

    (line,) = [json.loads(text) for text in (changed.work / "failures.jsonl").read_text().splitlines()]
    assert set(line) == {"video", "stage", "reason", "exception", "decoder", "time"}
    assert (line["video"], line["stage"]) == ("demo0020", "decode")
    assert len(line["reason"]) > 10
    assert outcome.failures == [line]
    assert "demo0020" not in values(changed.work, "x3d")
    assert len(values(changed.work, "x3d")) == 21

    metrics = results(changed.work)
    assert metrics["coverage"] == pytest.approx((TEST - 1) / TEST)
    assert (metrics["splits"]["train"]["coverage"], metrics["splits"]["test"]["covered"]) == (1.0, TEST - 1)
    assert list(metrics["models"])[:2] == ["laff", "laff (covered only)"]
    main, kept = (metrics["models"][name]["t2v"] for name in ("laff", "laff (covered only)"))
    assert (main["queries"], main["candidates"]) == (TEST * CAPTIONS, TEST)
    assert (kept["queries"], kept["candidates"]) == ((TEST - 1) * CAPTIONS, TEST - 1)
    assert metrics["models"]["laff (covered only)"]["v2t"]["queries"] == TEST - 1
    run = dict(read_run(changed.work / "rank" / "laff" / "seed1" / "t2v.trec.gz"))
    assert len(run) == TEST * CAPTIONS  # queries of the lost video are answered too, whoever scores the file
    assert all(len(hits) == TEST - 1 for hits in run.values())
    for way, last in (("t2v", TEST), ("v2t", TEST * CAPTIONS)):
        with (changed.work / "evaluate" / f"{way}.csv").open() as file:
            lines = list(csv.DictReader(file))
        uncovered = [one for one in lines if one["query"].startswith("demo0020")]
        assert len(uncovered) == (CAPTIONS if way == "t2v" else 1)
        assert all(one["covered"] == "0" and float(one["laff/seed1"]) == last for one in uncovered)
        ranks = np.array([float(one["laff/seed1"]) for one in lines])
        figures = metrics["models"]["laff"][way]
        assert {metric: figures[metric]["seeds"][0] for metric in sums(ranks)} == pytest.approx(sums(ranks))
        here = np.array([float(one["laff/seed1"]) for one in lines if one["covered"] == "1"])
        figures = metrics["models"]["laff (covered only)"][way]
        assert {metric: figures[metric]["seeds"][0] for metric in sums(here)} == pytest.approx(sums(here))
    run_ = read_run(changed.work / "rank" / "laff" / "seed1" / "t2v.trec.gz")
    assert all(item != "demo0020" for found_ in run_.values() for item, _ in found_)
    assert "demo0020" in (changed.work / "report" / "index.html").read_text()

    assert changed.run().made == {}  # known to be broken: not tried again by itself
    status = video.stat()
    shutil.copyfile(ran.videos / video.name, video)
    os.utime(video, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed.run().made == {}
    units = changed.run(retry=True).made
    assert {stage: units[stage] for stage in ("decode", "x3d", "clip-ft")} == {"decode": 1, "x3d": 1, "clip-ft": 1}
    assert (changed.work / "failures.jsonl").read_text() == ""
    assert changed.run(retry=True).made == {}
    one, other = contents(ran.work), contents(changed.work)
    # Still made of the file's digest as it was.
    last = ["clip-ft/video/00002.h5", "decode/00002.h5", "vectors/laff/seed1/00002.h5", "x3d/00002.h5"]
    assert sorted(name for name in {*one, *other} if one.get(name) != other.get(name)) == last
    for stage in ("decode", "x3d", "clip-ft/video"):
        before, after = values(ran.work, stage), values(changed.work, stage)
        assert list(before) == list(after)
        assert all(np.array_equal(before[video], after[video]) for video in before)


def test_a_broken_train_video_leaves_the_training_to_the_others(tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    (changed.videos / "demo0003.mp4").write_bytes(b"")
    sets = ("train.from=[brightness, bow]", "train.singles=false", "train.baselines={}", "train.seeds=[1]")
    add_brightness(changed.stages)
    outcome = changed.run(*sets)
    assert {line["video"] for line in outcome.failures} == {"demo0003"}
    metrics = results(changed.work)
    assert metrics["coverage"] == 1.0  # that of test
    assert metrics["splits"]["train"] == {"videos": 12, "covered": 11, "coverage": 11 / 12, "captions": 48}


def add_brightness(stages: Path) -> None:
    text = stages.read_text(encoding="utf-8")
    entry = "\n  brightness: {step: extract, uses: extractors.brightness.Brightness, from: decode}\n"
    stages.write_text(text.replace("\nstages:\n", "\nstages:" + entry, 1), encoding="utf-8")


def test_a_new_feature_takes_one_entry(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    add_brightness(changed.stages)
    before = changed.state()
    units = changed.run("train.from=[clip-ft, x3d, brightness, bow, w2v, gru]").made
    # A run of its own: laff, concat and the one on brightness are trained, those on clip-ft and x3d alone taken over.
    models, results_rows = 5, 6 * len(SEEDS) + 1
    assert units == {
        "brightness": 3,
        "train": models * len(SEEDS),
        "vectors": 3,
        "rank": results_rows,
        "evaluate": 1,
        "report": 1,
    }
    run_folder = changed.work / "runs" / "with-brightness"
    for model, taken in (("laff", False), ("laff-x3d", True), ("laff-brightness", False)):
        assert (run_folder / "train" / model / "seed1" / "last.pt").is_file() != taken
    colours = np.array(list(values(changed.work, "brightness").values()))
    assert colours.shape == (22, 3)
    assert ((colours > 0) & (colours < 1)).all()
    assert "laff-brightness" in results(run_folder)["models"]
    assert changed.state()["x3d/00000.h5"] == before["x3d/00000.h5"]


def test_an_aligned_pair_ranks_without_training(ran, tmp_path: Path) -> None:
    """`conse` on both sides, here with an encoder of the test's own and a classifier of random weights."""
    changed = ran.copy(tmp_path / "changed")
    encoder = test_bert.folder(tmp_path / "encoder", pooling="mean_tokens")
    sets = [f"conse.{one}" for one in ("model=test_efficientnet", "crop=32", "weights=random", f"sentences={encoder}")]
    sets += ["train.from=[conse]", "train.own=false", "train.singles=false", "train.baselines={mean: fusion.mean.Mean}"]
    units = changed.run(*sets, "rank.pairs={conse: [conse, conse]}").made
    expected = {"conse": 6, "train": len(SEEDS), "vectors": 3, "rank": len(SEEDS) + 1, "evaluate": 1, "report": 1}
    assert units == expected
    video, text = values(changed.work, "conse/video"), values(changed.work, "conse/text")
    (path,) = changed.work.rglob("conse/seed0/t2v.trec.gz")
    rankings = read_run(path)
    assert len(rankings) == TEST * CAPTIONS
    for query, hits in rankings.items():
        for item, score in hits:
            a, b = text[query], video[item]
            assert score == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-5)
    with h5py.File(changed.work / "conse" / "video" / "00000.h5") as shard:
        assert shard.attrs["sentences_name"] == "encoder"
        assert json.loads(shard.attrs["recipe"])["params"]["best"] == 10


def test_a_collection_may_start_from_features(tiny, tmp_path: Path) -> None:
    """One feature as .npz, one as BigFile, no video files; one test video is missing in the .npz."""
    changed = tiny.copy(tmp_path / "changed")
    shutil.rmtree(changed.videos)
    text = changed.collection.read_text().replace("videos: videos\n", "")
    changed.collection.write_text(text)
    ids = [video for split in ("train", "val", "test") for video in load(changed.collection).ids[split]]
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(len(ids), 6)).astype("<f4"), rng.normal(size=(len(ids), 9)).astype("<f4")
    np.savez(changed.collection.parent / "one.npz", ids=np.array(ids[::-1][1:]), features=one[::-1][1:])
    folder = changed.collection.parent / "other"
    folder.mkdir()
    other.tofile(folder / "feature.bin")
    (folder / "id.txt").write_text(" ".join(ids))
    (folder / "shape.txt").write_text(f"{len(ids)} 9")
    changed.stages.write_text(
        """
threads: 1
stages:
  ingest: {step: ingest}
  one: {step: import, from: ingest, params: {file: one.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 2}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, bow]
    params: {heads: 2, width: 16, epochs: 2, seeds: [1]}
  rank: {step: rank, from: train}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""
    )
    request = Request(changed.collection, changed.work, changed.stages, None, ("ingest.shard_videos=8",))
    outcome = run(request, ())
    assert outcome.made["one"] == 3
    taken = values(changed.work, "one")
    assert list(taken) == ids[:-1]
    np.testing.assert_array_equal(np.array(list(taken.values()), np.float32), one[:-1])
    np.testing.assert_array_equal(np.array(list(values(changed.work, "other").values()), np.float32), other)
    (line,) = outcome.failures
    assert (line["video"], line["stage"]) == (ids[-1], "one")
    assert "no row in one.npz" in line["reason"]
    assert results(changed.work)["coverage"] == pytest.approx((TEST - 1) / TEST)
    assert search(request, "a red circle", 3, "test")[0].video in ids

    # Another file is another feature.
    np.savez(changed.collection.parent / "one.npz", ids=np.array(ids), features=one + 1)
    plans = plan(request, ["report"]).stages
    assert {p.stage: p.reasons for p in plans if p.todo}["one"] == ["the file that file names has other content"]
    assert run(request, ()).made["one"] == 3
    assert results(changed.work)["coverage"] == 1.0


def test_a_joint_gru_trains_ranks_and_answers(ran, tmp_path: Path) -> None:
    changed = ran.copy(tmp_path / "changed")
    before = changed.state()
    units = changed.run("train.joint=[gru]").made
    assert list(units) == ["train", "vectors", "rank", "evaluate", "report"]
    assert changed.state()["gru/best.pt"] == before["gru/best.pt"]
    (run_folder,) = (path for path in (changed.work / "runs").iterdir() if path.name != "main")
    shape = results(run_folder)["models"]["laff"]["t2v"]["R@1"]
    assert len(shape["seeds"]) == len(SEEDS)
    caption = load(changed.collection).captions["test"][0]
    for folder, sets in ((run_folder, ["train.joint=[gru]"]), (changed.work, [])):
        hits = search(changed.request(*sets), caption.text, 3, "test")
        ranked = read_run(folder / "rank" / "laff" / "seed1" / "t2v.trec.gz")[caption.id]
        assert [hit.video for hit in hits] == [item for item, _ in ranked[:3]]


def test_a_joint_gru_needs_no_gru_stage(ran, tmp_path: Path) -> None:
    plans = plan(ran.request("train.joint=[gru]"), ["report"]).stages
    assert "gru" not in {planned.stage for planned in plans}
    assert "w2v" in {planned.stage for planned in plans}


def test_search_answers_as_the_run_does(ran) -> None:
    captions = load(ran.collection).captions["test"]
    rankings = read_run(ran.work / "rank" / "laff" / "seed1" / "t2v.trec.gz")
    for caption in captions[::7]:
        hits = search(ran.request(), caption.text, TEST, "test")
        assert [hit.video for hit in hits] == [item for item, _ in rankings[caption.id]]
        assert [hit.score for hit in hits] == pytest.approx([score for _, score in rankings[caption.id]], abs=1e-5)
        assert all(Path(hit.path).is_file() for hit in hits)
    everywhere = search(ran.request(), captions[0].text, 100, "all")
    assert len(everywhere) == 22
    scores = [hit.score for hit in everywhere]
    assert scores == sorted(scores, reverse=True)
    assert search(ran.request(), captions[0].text, 1, "train", "concat")[0].video in load(ran.collection).ids["train"]


def test_search_after_a_change_of_the_graph_says_what_to_do(ran) -> None:
    with pytest.raises(LaffError, match="train"):
        search(ran.request("train.heads=4"), "a red circle", 3, "test")


def test_a_single_stage_makes_what_it_needs_and_no_more(tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "changed")
    assert list(changed.run(targets=("bow",)).made) == ["ingest", "bow"]
    assert not (changed.work / "decode").exists()


def test_weights_that_do_not_fit_are_told_before_any_video_is_looked_at(tiny, tmp_path: Path) -> None:
    changed = tiny.copy(tmp_path / "tiny")
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(LaffError) as caught:
        changed.run(
            f"x3d.weights={tmp_path}/other.pth", f"ircsn.weights={tmp_path}/other.pth", targets=("x3d", "ircsn")
        )
    for name in ("x3d", "ircsn"):
        assert re.search(rf"'{name}': \S+other\.pth does not fit .*no layout known here", str(caught.value))
    assert not list((changed.work / "decode").glob("*.h5"))


def test_shards_tell_of_what_was_learned(ran) -> None:
    """How clip-ft's model was fine-tuned stands in its shards, not only a digest of it."""
    with h5py.File(ran.work / "clip-ft" / "video" / "00000.h5") as file:
        learned = json.loads(file.attrs["learned"])
        assert file.attrs["weights_name"] == "fine-tuned by finetune"
        assert (
            "fit" not in json.loads(file.attrs["recipe"])["params"]
            or not json.loads(file.attrs["recipe"])["params"]["fit"]
        )
    assert learned["stage"] == "finetune"
    assert (learned["params"]["model"], learned["params"]["epochs"], learned["weights_name"]) == (
        "tiny-64",
        3,
        "random",
    )
    with h5py.File(ran.work / "bow" / "00000.h5") as file:
        assert json.loads(file.attrs["learned"]) == {"stage": "bow", "from": "48 captions of train"}
