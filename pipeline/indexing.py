"""A folder of videos made ready to be searched, and again: what is new, changed or gone since.

The workspace is FOLDER/.laff, or one of its own elsewhere. In it stands the collection.yaml that says which folder is
meant; what a person adds to it stays. What is made is a feature that holds videos and texts in one space, and the
vectors that search reads.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import files, progress, yamls
from pipeline import run as stages_run
from pipeline.errors import LaffError, meant
from pipeline.graph import kept, stages
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.stages_file import StagesFile
from pipeline.items import collection, table
from pipeline.items.collection import Collection
from pipeline.outcome import Outcome
from pipeline.plan.losses import WouldReplace
from pipeline.request import Request, recalled
from pipeline.run import NoWeights
from pipeline.store import home, memory
from pipeline.store.workspace import Workspace

FEATURE = "clip"  # where none is named: docs/index.md says why
PACKAGED = "conse"  # its weights come in packages, so no hub is needed
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


@dataclass(frozen=True)
class Change:
    """How the videos differ from those of the last time."""

    new: int
    changed: int
    gone: int
    same: int

    def __str__(self) -> str:
        told = [
            f"{count} {word}" for count, word in ((self.new, "new"), (self.changed, "changed"), (self.gone, "gone"))
        ]
        return f"{', '.join(told)}; {self.same} as they were"


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
    return inside if order.work is None or _same(order.work, folder) else order.work


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
        yield _request(order, work, len(_videos(collection.load(file))))
    except BaseException:
        _put_back(file, before)
        raise


def run(request: Request, retry: bool) -> tuple[Outcome, Change]:
    """Make what is new or changed. WouldReplace where most videos are gone, or finished features would be lost.

    LaffError where the model of a feature is neither here nor can be fetched: it says what to type instead.
    """
    before = _listed(request.work)
    now = _videos(collection.load(request.collection))
    divided = "windows" in yamls.load(request.collection)  # the table lists parts then, by ids of their own
    gone = 0 if divided else len(before.keys() - now)
    if 2 * gone > len(before) and not request.replace:
        told = f"{gone} of the {len(before)} videos are not in {_folder(request)} any more"
        raise WouldReplace([], str(request.work), "", told)
    vectors = _vectors(request.graph())
    try:
        outcome = stages_run.run(request, (vectors.name,), retry)
    except NoWeights as error:
        raise LaffError(f"{error}{_otherwise(request)}") from None
    return outcome, _change(before, _listed(request.work))


def features(request: Request) -> list[str]:
    """The features that can be searched, or models, the one that search takes before the others first."""
    graph = request.graph()
    return [one.name for one in kept.kept(graph, _vectors(graph))]


def by(request: Request, here: Path) -> str:
    """How a command that is called in the folder `here` says which index: `-w FOLDER`, or '' where it finds it."""
    found = home.nearest(here)
    if found and _same(found, request.work):
        return ""
    folder = _folder(request)
    return f" -w {shlex.quote(str(folder if _same(folder / home.NAME, request.work) else request.work))}"


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
    if isinstance(before, str) and (known := file.parent / before).exists() and not _same(known, order.folder):
        raise LaffError(
            f"{file.parent} is the index of {os.path.normpath(known)}; name another workspace by -w, or delete this one"
        )
    inside = file.parent.resolve().is_relative_to(order.folder.resolve())
    told = os.path.relpath(order.folder.resolve(), file.parent.resolve()) if inside else str(order.folder.resolve())
    wanted = {"name": order.folder.resolve().name or "videos", **said}
    if not isinstance(before, str) or not _same(file.parent / before, order.folder):
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
    known = last or Request(work / FILE, work, order.stages, order.profile or None)
    graph = stages.load(known.stages, known.profile, known.sets, order.trust)
    vectors, ingest = _vectors(graph), graph.of_step("ingest")
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
    if last is None or shard > ingest.options["shard_videos"]:
        mine.append(f"{ingest.name}.shard_videos={shard}")
    if order.weights:
        names = names or tuple(one.name for one in kept.kept(graph, vectors))
        if len(names) != 1:
            raise LaffError(f"--weights {order.weights}: of {' or '.join(names)}? name one --feature with it")
        mine.append(f"{names[0]}.weights={yamls.inline(order.weights)}")
    sets = (*mine, *order.sets)
    known = recalled(work, "", given, order.profile, sets) or replace(known, sets=sets)
    return replace(known, trust=order.trust)


def _vectors(graph: Graph) -> Stage:
    """The stage that keeps what search reads."""
    vectors = kept.stage_of(graph)
    if vectors is None:
        raise LaffError(f"{graph.path} has no stage of step '{kept.VECTORS}', which keeps what search reads")
    return vectors


def _check(graph: Graph, names: Sequence[str]) -> None:
    """LaffError where a feature cannot find videos by sentences."""
    pairs = _pairs(graph)
    for name in names:
        if name not in pairs:
            what = "holds no videos and texts in one space" if name in graph.stages else "is no stage"
            raise LaffError(f"--feature {name}: it {what}, so no sentence finds a video by it{meant(name, pairs)}")


def _pairs(graph: Graph) -> list[str]:
    return [stage.name for stage in graph.stages.values() if {"video", "text"} <= set(stage.sides)]


def _otherwise(request: Request) -> str:
    """What can be typed where a model cannot be had; '' where there is nothing else."""
    if PACKAGED in features(request) or PACKAGED not in _pairs(request.graph()):
        return ""
    folder = _folder(request)
    where = "" if _same(folder / home.NAME, request.work) else f" -w {shlex.quote(str(request.work))}"
    return (
        f"\nor search by what is here already: laff index {shlex.quote(str(folder))}{where} --feature {PACKAGED}\n"
        "(its models come in packages; it knows the thousand things of ImageNet in photographs, and is less exact)"
    )


def _folder(request: Request) -> Path:
    """The folder that is indexed."""
    return Path(os.path.normpath(request.collection.parent / str(yamls.load(request.collection)["videos"])))


def _change(before: dict[str, str], after: dict[str, str]) -> Change:
    """How videos {id: digest of the file} differ from those before."""
    both = before.keys() & after.keys()
    changed = sum(before[video] != after[video] for video in both)
    return Change(len(after) - len(both), changed, len(before) - len(both), len(both) - changed)


def _listed(work: Path) -> dict[str, str]:
    """{id: digest of the file} of the videos that a workspace lists; {} where it lists none yet."""
    try:
        found = table.read(Workspace(work).table)[0]
    except LaffError as error:  # the run makes it again
        progress.note(str(error))
        return {}
    return dict(zip(found.videos, found.digests, strict=True))


def _videos(found: Collection) -> set[str]:
    return {video for split in found.ids.values() for video in split}


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
