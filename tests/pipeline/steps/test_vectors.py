"""Stored vectors: the models' own, whole or absent, the same however often a run was killed; rank reads them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.assembly import assemble
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.plan.plan import stage_plan
from pipeline.ranking import candidates as candidates_module
from pipeline.ranking.embed import embed, embed_videos
from pipeline.rows import shards
from tests.pipeline.kept import LOST, SIZES, Small

ROOT = Path(__file__).resolve().parents[3]
KEY = "laff/seed1"


def files_of(work: Path) -> dict[str, bytes]:
    return {str(path.relative_to(work)): path.read_bytes() for path in sorted((work / "vectors").rglob("*.h5"))}


def test_vectors_are_the_models_own_by_shard(small: Small) -> None:
    """The main model's first seed, of all splits, without the video that lacks a feature; shares sum to one."""
    written = [shards.read(path) for path in sorted((small.work / "vectors" / KEY).glob("*.h5"))]
    assert [str(path.relative_to(small.work)) for path in sorted((small.work / "vectors").rglob("*.h5"))] == [
        f"vectors/{KEY}/{number:05d}.h5" for number in range(5)
    ]
    ids = [id_ for shard in written for id_ in shard.ids]
    assert len(ids) == sum(SIZES.values()) - 1
    assert LOST not in ids
    context = small.context()
    stage = context.graph.of_step("train")
    [model] = [model for model in models.of(context.graph, stage) if model.name == "laff"]
    features = assemble.rows(context, stage, "test")
    whole = assemble.part_of(assemble.split(context, features, []), model)
    paired = assemble.trained(context, stage, model, whole, [], 1)
    expected = embed(paired.embed_video, whole.video_rows, len(features.videos)).numpy()
    values = {id_: row for shard in written for id_, row in zip(shard.ids, shard.values, strict=True)}
    names = context.catalog.ids("video", features.videos)
    np.testing.assert_allclose([values[name] for name in names], expected, atol=1e-6)
    shares = np.concatenate([shards.column(path, "shares") for path in sorted((small.work / "vectors").rglob("*.h5"))])
    assert shares.shape == (len(ids), 2)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert written[0].attributes["features"] == '["one", "other"]'
    assert written[0].values.dtype == np.float32


def test_rank_reads_them_and_embeds_no_video(small: Small, tmp_path: Path, monkeypatch) -> None:
    """What rank scores of laff's first seed is what is stored: with other values stored, other scores."""
    context = small.context()
    test = candidates_module.candidates(context, context.graph.of_step("rank"))
    [row] = [row for row in models.rows(context.graph, context.graph.of_step("rank")) if row.name == "laff"]
    embedded = []
    monkeypatch.setattr(candidates_module, "embed", lambda f, *more: embedded.append(f.__name__) or embed(f, *more))
    monkeypatch.setattr(
        candidates_module, "embed_videos", lambda f, *more: embedded.append(f.__name__) or embed_videos(f, *more)
    )
    scores = test.scored(row, test.scorers(row, 1)).of_captions(np.arange(8))
    assert embedded == ["embed_text"]
    embedded.clear()
    test.scored(row, test.scorers(row, 2))
    assert embedded == ["embed_video", "embed_text"]  # of seed 2 nothing is stored
    other = small.context("rank.from=train")
    anew = candidates_module.candidates(other, other.graph.of_step("rank"))
    alone = anew.scored(row, anew.scorers(row, 1)).of_captions(np.arange(8))
    np.testing.assert_allclose(scores, alone, atol=1e-6)
    without = small.copy(tmp_path / "copy")
    reasons = {p.stage: p.reasons for p in (stage_plan(without.context("rank.from=train"), "rank"),)}
    assert reasons == {"rank": ["no longer reads vectors"]}


def test_again_nothing_is_made_and_what_is_named_joins(small: Small, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "copy")
    before = files_of(changed.work)
    assert changed.run("vectors").made == {}
    sets = ("vectors.models=[laff, laff/seed2, concat]",)
    assert changed.run("vectors", sets=sets).made == {"vectors": 10}
    after = files_of(changed.work)
    assert {name: after[name] for name in before} == before
    assert "shares" not in _datasets(changed.work / "vectors/concat/seed1/00000.h5")  # concatenation weighs nothing
    assert changed.run("vectors", sets=sets).made == {}


def _datasets(path: Path) -> set[str]:
    import h5py

    with h5py.File(path) as file:
        return set(file)


def test_half_precision_is_for_search_and_rank_embeds_as_before(small: Small, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "copy")
    full = shards.read(changed.work / f"vectors/{KEY}/00000.h5").values
    units = changed.run("vectors", sets=("vectors.dtype=float16",)).made
    assert units == {"vectors": 5}
    assert [path.name for path in (changed.work / "runs").iterdir()] == [
        "main"
    ]  # they are made anew in their place, and no training with them
    half = shards.read(changed.work / f"vectors/{KEY}/00000.h5").values
    np.testing.assert_array_equal(half, full.astype(np.float16))
    recipe = changed.context("vectors.dtype=float16").recipes
    rank = recipe.graph.of_step("rank")
    [row] = [row for row in models.rows(recipe.graph, rank) if row.name == "laff"]
    assert recipe.read_by(rank, row) == {}


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (("vectors.models=[laf]",), "no model or pair of features 'laf'; did you mean 'laff'"),
        (("vectors.models=[laff/seed7]",), "'laff/seed7': laff has seed1, seed2"),
        (("vectors.models=[laff, laff/seed1]",), "models names laff/seed1 twice"),
        (("vectors.from=[train, one]",), "'vectors' reads 'one', which holds no videos and texts in one space"),
        (("rank.from=[train, bow]",), "and may read one of 'vectors' behind it"),
    ],
)
def test_names_of_nothing_are_told(small: Small, sets: tuple[str, ...], said: str) -> None:
    with pytest.raises(LaffError) as error:
        stage_plan(small.context(*sets), "vectors")
    assert said in str(error.value)


def test_killed_while_storing_twice_it_ends_as_if_nothing_had_been(small: Small, tmp_path: Path) -> None:
    """kill -9 when the first, then when the third shard stands: what stood is not written again, the rest is equal."""
    changed = small.copy(tmp_path / "copy")
    whole = files_of(changed.work)
    for path in (changed.work / "vectors" / KEY).glob("*.h5"):
        path.unlink()
    slow = (
        "import sys, time\nfrom pipeline.ranking import storing\nwrite = storing.shards.write\n"
        "storing.shards.write = lambda *given, **more: (time.sleep(0.3), write(*given, **more))\n"
        "import cli\nsys.argv = ['laff', *sys.argv[1:]]\ncli.main()\n"
    )
    command = [sys.executable, "-c", slow, "run", "vectors", *changed.options()]
    stood: dict[Path, int] = {}
    for count in (1, 3):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(list((changed.work / "vectors" / KEY).glob("*.h5"))) < count and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        dates = {path: path.stat().st_mtime_ns for path in (changed.work / "vectors" / KEY).glob("*.h5")}
        assert count <= len(dates) < len(whole)
        assert stood.items() <= dates.items()
        stood = dates
    assert changed.run("vectors").made == {"vectors": len(whole) - len(stood)}
    assert files_of(changed.work) == whole


def test_two_workers_equal_the_serial_run(small: Small, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "copy")
    whole = files_of(changed.work)
    for path in (changed.work / "vectors" / KEY).glob("*.h5"):
        path.unlink()
    assert changed.run("vectors", workers=2).made == {"vectors": 5}
    assert files_of(changed.work) == whole
