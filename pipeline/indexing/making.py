"""An index made and told: what is new, changed or gone, and what to type where a model cannot be had."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from pipeline import progress, yamls
from pipeline import run as stages_run
from pipeline.errors import LaffError
from pipeline.graph import kept
from pipeline.indexing.order import pairs_of, same, vectors_of, videos_of
from pipeline.items import collection, table
from pipeline.items.windows import Window
from pipeline.outcome import Outcome
from pipeline.plan.losses import WouldReplace
from pipeline.request import Request
from pipeline.run import NoWeights
from pipeline.store import home
from pipeline.store.workspace import Workspace

PACKAGED = "conse"  # its weights come in packages, so no hub is needed


@dataclass(frozen=True)
class Change:
    """How the videos differ from those of the last time."""

    new: int
    changed: int
    gone: int
    same: int

    @property
    def now(self) -> int:
        """How many videos there are."""
        return self.new + self.changed + self.same

    def __str__(self) -> str:
        told = [
            f"{count} {word}" for count, word in ((self.new, "new"), (self.changed, "changed"), (self.gone, "gone"))
        ]
        return f"{', '.join(told)}; {self.same} as they were"


def run(request: Request, retry: bool) -> tuple[Outcome, Change]:
    """Make what is new or changed. WouldReplace where most videos are gone, or finished features would be lost.

    LaffError where the model of a feature is neither here nor can be fetched: it says what to type instead.
    """
    before = _listed(request.work)
    now = videos_of(collection.load(request.collection))
    gone = len(before.keys() - now)
    if 2 * gone > len(before) and not request.replace:
        told = f"{gone} of the {len(before)} videos are not in {_folder(request)} any more"
        raise WouldReplace([], str(request.work), "", told)
    vectors = vectors_of(request.graph())
    try:
        outcome = stages_run.run(request, (vectors.name,), retry)
    except NoWeights as error:
        raise LaffError(f"{error}{_otherwise(request)}") from None
    return outcome, _change(before, _listed(request.work))


def features(request: Request) -> list[str]:
    """The features that can be searched, or models, the one that search takes before the others first."""
    graph = request.graph()
    return [one.name for one in kept.kept(graph, vectors_of(graph))]


def by(request: Request, here: Path) -> str:
    """How a command that is called in the folder `here` says which index: `-w FOLDER`, or '' where it finds it."""
    found = home.nearest(here)
    if found and same(found, request.work):
        return ""
    folder = _folder(request)
    return f" -w {shlex.quote(str(folder if same(folder / home.NAME, request.work) else request.work))}"


def _otherwise(request: Request) -> str:
    """What can be typed where a model cannot be had; '' where there is nothing else."""
    if PACKAGED in features(request) or PACKAGED not in pairs_of(request.graph()):
        return ""
    folder = _folder(request)
    where = "" if same(folder / home.NAME, request.work) else f" -w {shlex.quote(str(request.work))}"
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
    """{id: digest of the file} of the videos that a workspace lists, whole or in parts; {} where it lists none yet."""
    try:
        found = table.read(Workspace(work).table)[0]
    except LaffError as error:  # the run makes it again
        progress.note(str(error))
        return {}
    items = zip(found.videos, found.starts.tolist(), found.ends.tolist(), found.digests, strict=True)
    return {id_.removesuffix(Window(start, end).name("")): digest for id_, start, end, digest in items}
