"""Small collections whose videos are a few bytes, and the surroundings of a run on them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.graph import stages, step_facts
from pipeline.items import collection
from pipeline.parts import classes, code
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.planned import Planned
from pipeline.steps import ingest
from pipeline.store.index import Entry
from pipeline.store.workspace import Workspace
from tests.pipeline import kept
from tests.pipeline.kept import Small

Split = dict[str, list[str]]  # video id -> captions

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d:
    step: extract
    uses: extractors.x3d.X3D
    from: decode
    params: {size: XS, frames: 13, weights: random}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow], params: {seeds: [1, 2]}}
  rank: {step: rank, from: train}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""


@pytest.fixture
def collect(tmp_path: Path) -> Callable[..., Path]:
    """`collect(train={"v1": ["a cat"]}, …)` writes a collection, or what it has become, and returns its yaml.

    A split that is not given has one video of its own.
    """

    def write(**splits: Split) -> Path:
        videos = tmp_path / "videos"
        videos.mkdir(exist_ok=True)
        text = "name: tiny\nvideos: videos\n"
        for split in ("train", "val", "test"):
            members = splits.get(split, {f"{split}0": [f"the only one of {split}"]})
            for video in members:
                if not (videos / f"{video}.mp4").exists():
                    (videos / f"{video}.mp4").write_bytes(video.encode())
            (tmp_path / f"{split}.ids").write_text("".join(f"{video}\n" for video in members))
            lines = [f"{video}#{n} {caption}\n" for video, some in members.items() for n, caption in enumerate(some)]
            (tmp_path / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
            text += f"{split}: {{ids: {split}.ids, captions: {split}.txt}}\n"
        (tmp_path / "collection.yaml").write_text(text)
        return tmp_path / "collection.yaml"

    return write


@pytest.fixture
def surroundings(tmp_path: Path) -> Callable[..., Context]:
    """`surroundings(yaml, sets=["x3d.frames=16"])`: the context of a new process after its ingest."""

    def build(yaml: Path, sets: Sequence[str] = (), text: str = GRAPH) -> Context:
        file = tmp_path / "stages.yaml"
        file.write_text(text)
        graph = stages.load(file, None, sets)
        described, work = collection.load(yaml), Workspace(tmp_path / "WORK")
        catalog = ingest.update(described, work, graph.of_step("ingest").options_as(ingest.Options))
        return Context(graph, catalog, work, described.has_videos, yaml)

    return build


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A collection of imported features with everything run, vectors too; to be read only, copy it for the rest."""
    workspace = kept.make(tmp_path_factory.mktemp("kept"))
    workspace.run()
    return workspace


@pytest.fixture
def finish() -> Callable[[Context], None]:
    """`finish(context)` notes every unit of every stage as made, without making files."""

    def note(context: Context) -> None:
        for name in context.graph.stages:
            if context.stage(name).step != "ingest":
                index = context.work.index(name)
                for unit in stage_plan(context, name).todo:
                    index.record(unit.key, Entry(unit.fingerprint, unit.content, {}), unit.recipe)

    return note


@pytest.fixture
def planned() -> Callable[[Context], dict[str, Planned]]:
    """`planned(context)`: the state of every stage but ingest."""

    def look(context: Context) -> dict[str, Planned]:
        return {
            name: stage_plan(context, name) for name in context.graph.stages if context.stage(name).step != "ingest"
        }

    return look


def _forget() -> None:
    for function in (
        code.source_file,
        code.tree,
        code.imported,
        code._closure,
        code.code_digest,
        classes.part,
        classes._literals,
        step_facts.names,
        step_facts.about,
    ):
        function.cache_clear()


@pytest.fixture
def fresh_sources() -> Iterator[Callable[[], None]]:
    """Call it after an edit, as a new process would see the sources; the caches are empty before and after."""
    _forget()
    yield _forget
    _forget()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_sources: Callable[[], None]) -> Path:
    """A copy of the project's sources, which fingerprints look at."""
    copy = tmp_path / "copy"
    for room in code.ROOMS:
        shutil.copytree(code.ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", copy)
    fresh_sources()
    return copy
