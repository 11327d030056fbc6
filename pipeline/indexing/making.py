"""Make an index, and say which videos are new, changed or gone, and what to type if a model cannot be fetched."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from pipeline import progress, yamls
from pipeline import run as stages_run
from pipeline.errors import LaffError
from pipeline.graph import kept
from pipeline.indexing.order import Order, pairs_of, same, vectors_of, videos_of
from pipeline.items import collection, table
from pipeline.items.windows import Window
from pipeline.outcome import Outcome
from pipeline.plan.losses import WouldReplace
from pipeline.request import Request
from pipeline.run import NoWeights
from pipeline.store import home
from pipeline.store.workspace import Workspace

PACKAGED = "conse"  # its weights come as Python packages, so no hub is needed


@dataclass(frozen=True)
class Change:
    """How the videos differ from those of the previous index."""

    new: int
    changed: int
    gone: int
    same: int

    @property
    def now(self) -> int:
        """How many videos there are."""
        return self.new + self.changed + self.same

    def __str__(self) -> str:
        return f"{self.new} new, {self.changed} changed, {self.gone} gone; {self.same} as they were"


def run(request: Request, retry: bool, order: Order) -> tuple[Outcome, Change]:
    """Bring the index up to date.

    Raises:
        WouldReplace: if most videos are gone, or finished features would be lost.
        LaffError: if a model is not here and cannot be fetched; its text says what to type instead.
    """
    old_digests = _listed_digests(request.work)
    gone = len(old_digests.keys() - videos_of(collection.load(request.collection)))
    if 2 * gone > len(old_digests) and not request.replace:
        message = f"{gone} of the {len(old_digests)} videos are not in {_folder(request)} any more"
        raise WouldReplace([], str(request.work), "", message)
    vectors = vectors_of(request.graph())
    try:
        outcome = stages_run.run(request, (vectors.name,), retry)
    except NoWeights as error:
        raise LaffError(f"{error}{_alternative(request, order)}") from None
    return outcome, _change(old_digests, _listed_digests(request.work))


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
    return (
        f"\nor use models that are here already: {order.command(PACKAGED, graph)}\n"
        "(its models come in packages; it knows the thousand classes of ImageNet in photographs, and is less exact)"
    )


def _folder(request: Request) -> Path:
    """The folder of videos."""
    return Path(os.path.normpath(request.collection.parent / str(yamls.load(request.collection)["videos"])))


def _change(old: dict[str, str], new: dict[str, str]) -> Change:
    """How two mappings of videos, {id: digest of the file}, differ."""
    common = old.keys() & new.keys()
    changed = sum(old[video] != new[video] for video in common)
    return Change(len(new) - len(common), changed, len(old) - len(common), len(common) - changed)


def _listed_digests(work: Path) -> dict[str, str]:
    """{id: digest of the file} of the videos that a workspace lists, whole or in windows; {} if it has no table yet."""
    try:
        catalog = table.read(Workspace(work).table)[0]
    except LaffError as error:  # the run makes the table again
        progress.note(str(error))
        return {}
    items = zip(catalog.videos, catalog.starts.tolist(), catalog.ends.tolist(), catalog.digests, strict=True)
    return {id_.removesuffix(Window(start, end).name("")): digest for id_, start, end, digest in items}
