"""What `laff index` is asked for, checked: the folder, its workspace, the collection.yaml and the settings in it.

The workspace is FOLDER/.laff, or one of its own elsewhere. In it stands the collection.yaml that says which folder is
meant; what a person adds to it stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import files, yamls
from pipeline.errors import LaffError, meant
from pipeline.graph import kept, stages
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.stages_file import StagesFile
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.request import Request, recalled
from pipeline.store import home, memory

FEATURE = "clip"  # where none is named: docs/index.md says why
FILE = "collection.yaml"
SHARDS = (16, 256)  # videos in a shard, at least and at most
SHARE = 64  # a shard is to hold one in so many videos: what is made again when one of them changes


@dataclass
class Order:
    """What a person asks for."""

    folder: Path | None  # None: what the workspace has indexed before
    work: Path | None = None
    features: tuple[str, ...] = ()  # none: those of the last time, else FEATURE
    weights: str = ""  # of the feature: a name of the catalogue or a file
    windows: Any = None  # as collection.yaml says them; None leaves it as it is
    stages: StagesFile | None = None
    profile: str | None = None
    sets: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    package: Path | None = None  # whose models find the videos, in place of a feature


def place(order: Order) -> Path:
    """The workspace of an order. LaffError where the folder is none, or nothing says which is meant."""
    folder = order.folder
    if folder is None:
        work = order.work or home.nearest(Path())
        if work is None:
            raise LaffError(f"no folder from here upwards holds a {home.NAME}: name the FOLDER of videos to index")
        return work
    if not folder.exists():
        raise LaffError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise LaffError(f"{folder} is a file; name the folder that it lies in: {folder.parent}")
    inside = folder / home.NAME
    return inside if order.work is None or same(order.work, folder) else order.work


@contextmanager
def prepared(order: Order) -> Iterator[Request]:
    """The request that makes an index of the folder, for `run`.

    LaffError where there is nothing to index, or another collection in the workspace. Whatever ends this before the
    workspace remembers the request leaves collection.yaml as it was.
    """
    work = place(order)
    file = work / FILE
    before = _text(file, order)
    try:
        if order.folder is not None:
            _describe(file, order)
        yield _request(order, work, len(videos_of(collection.load(file))))
    except BaseException:
        _put_back(file, before)
        raise


def _text(file: Path, order: Order) -> str | None:
    """What collection.yaml says so far; LaffError where the workspace cannot be written, or is another collection's."""
    work = file.parent
    try:
        work.mkdir(parents=True, exist_ok=True)
        if not os.access(work, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        where = f"`laff index {order.folder or 'FOLDER'} -w WORK` keeps the index in a folder WORK elsewhere"
        raise LaffError(f"{work} cannot be written ({error.strerror}); {where}") from None
    last = memory.read(work)
    if last and last.collection.resolve() != file.resolve():
        raise LaffError(
            f"{work} is the workspace of {last.collection}, which `laff run` works on; name another folder by -w"
        )
    if file.is_file():
        return file.read_text(encoding="utf-8")
    if order.folder is None:
        raise LaffError(f"{work} holds no {FILE}: `laff index FOLDER -w {work}` makes it")
    return None


def _describe(file: Path, order: Order) -> None:
    """Let collection.yaml name the folder, and the windows where some are asked for; all else in it stays."""
    assert order.folder is not None
    said: Any = yamls.load(file) if file.is_file() else {}
    if not isinstance(said, dict):
        raise LaffError(f"{file}: should be a mapping; delete it and `laff index {order.folder}` writes it again")
    before = said.get("videos")
    if isinstance(before, str) and (known := file.parent / before).exists() and not same(known, order.folder):
        raise LaffError(
            f"{file.parent} is the index of {os.path.normpath(known)}; name another workspace by -w, or delete this one"
        )
    inside = file.parent.resolve().is_relative_to(order.folder.resolve())
    told = os.path.relpath(order.folder.resolve(), file.parent.resolve()) if inside else str(order.folder.resolve())
    wanted = {"name": order.folder.resolve().name or "videos", **said}
    if not isinstance(before, str) or not same(file.parent / before, order.folder):
        wanted["videos"] = told
    if order.windows is not None:
        wanted["windows"] = order.windows
    if wanted != said:
        files.write_text(file, "".join(f"{key}: {yamls.inline(value)}\n" for key, value in wanted.items()))


def _put_back(file: Path, before: str | None) -> None:
    """Leave collection.yaml as it was; where there was none and nothing has begun, the workspace goes, too."""
    if before is not None:
        if file.read_text(encoding="utf-8") != before:
            files.write_text(file, before)
    elif not home.holds(file.parent):
        file.unlink(missing_ok=True)
        with suppress(OSError):  # something else is in it
            file.parent.rmdir()


def _request(order: Order, work: Path, count: int) -> Request:
    """The settings of the last time with those of the order on top; count: of the videos."""
    given = order.stages if order.stages and order.stages.given else None
    last = recalled(work, "", given, order.profile)
    if package := order.package or (last.package if last else None):
        return _applied(order, work, count, package)
    known = last or Request(work / FILE, work, order.stages, order.profile or None)
    graph = stages.load(known.stages, known.profile, known.sets, order.trust)
    vectors, ingest = vectors_of(graph), graph.of_step("ingest")
    said = {text.partition("=")[0] for text in known.sets}
    mine = []
    names = order.features
    if not names and f"{vectors.name}.from" not in said:
        names = (FEATURE,)
    if names:
        _check(graph, names)
        mine += [f"{vectors.name}.from={yamls.inline(list(names))}", f"{vectors.name}.models=[]"]
    if f"{vectors.name}.dtype" not in said:
        mine.append(f"{vectors.name}.dtype=float16")
    shard = min(max(count // SHARE, SHARDS[0]), SHARDS[1])
    if last is None or shard > ingest.values["shard_videos"]:
        mine.append(f"{ingest.name}.shard_videos={shard}")
    if order.weights:
        names = names or tuple(one.name for one in kept.kept(graph, vectors))
        if len(names) != 1:
            raise LaffError(f"--weights {order.weights}: of {' or '.join(names)}? name one --feature with it")
        mine.append(f"{names[0]}.weights={yamls.inline(order.weights)}")
    sets = (*mine, *order.sets)
    known = recalled(work, "", given, order.profile, sets) or replace(known, sets=sets)
    return replace(known, trust=order.trust)


def _applied(order: Order, work: Path, count: int, package: Path) -> Request:
    """The settings that find videos by the models of a package; what it fixes is not to be given."""
    if given := [name for name in ("features", "weights", "profile") if getattr(order, name)]:
        name = given[0].removesuffix("s") if given[0] == "features" else given[0]
        raise LaffError(f"package {package} fixes its features, so no --{name} fits; -w takes an index of another kind")
    known = recalled(work, package=package, sets=order.sets) or Request(
        work / FILE, work, sets=order.sets, package=package
    )
    graph = known.graph()
    vectors, ingest = vectors_of(graph), graph.of_step("ingest")
    mine = {
        f"{vectors.name}.dtype": "float16",
        f"{ingest.name}.shard_videos": min(max(count // SHARE, SHARDS[0]), SHARDS[1]),
    }
    said = {text.partition("=")[0] for text in known.sets}
    sets = (*(f"{where}={value}" for where, value in mine.items() if where not in said), *known.sets)
    return replace(known, sets=sets, trust=order.trust)


def vectors_of(graph: Graph) -> Stage:
    """The stage that keeps what search reads."""
    vectors = kept.stage_of(graph)
    if vectors is None:
        raise LaffError(f"{graph.path} has no stage of step '{kept.VECTORS}', which keeps what search reads")
    return vectors


def _check(graph: Graph, names: Sequence[str]) -> None:
    """LaffError where a feature cannot find videos by sentences."""
    pairs = pairs_of(graph)
    for name in names:
        if name not in pairs:
            what = "holds no videos and texts in one space" if name in graph.stages else "is no stage"
            raise LaffError(f"--feature {name}: it {what}, so no sentence finds a video by it{meant(name, pairs)}")


def pairs_of(graph: Graph) -> list[str]:
    """The features that hold videos and texts in one space."""
    return [stage.name for stage in graph.stages.values() if {"video", "text"} <= set(stage.sides)]


def videos_of(found: Collection) -> set[str]:
    """The ids of all videos of a collection."""
    return {video for split in found.ids.values() for video in split}


def same(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place."""
    return one.resolve() == other.resolve()
