"""A workspace that is open: what the page has to know of it, and answers to questions. Until it changes on disk."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.assembly import assemble
from pipeline.errors import LaffError, printable
from pipeline.graph import models
from pipeline.graph.kept import Kept
from pipeline.items.examples import examples
from pipeline.items.splits import SPLITS
from pipeline.parts import classes
from pipeline.search.finder import choose
from pipeline.search.library import Library
from pipeline.search.unknown import Unknown
from pipeline.search.weights import read as read_weights
from pipeline.serve.item_files import ItemFiles
from pipeline.serve.looks import Looks
from pipeline.serve.problems import Refused
from pipeline.serve.question import Question
from pipeline.store import home

if TYPE_CHECKING:
    from pipeline.request import Request

MEMORY = 2 << 30  # bytes that the stored vectors of a model may take; larger ones are streamed from their files
CAPTIONS = 3  # of a hit


class Opened:
    """A workspace as it was when it was opened. `answer` is for one thread, the rest for any."""

    def __init__(self, request: Request, chosen: tuple[str, ...], version: str) -> None:
        """Open its library. LaffError where it cannot be searched.

        chosen: the models that search where a question names none; version: of the table, which numbers the items.
        """
        self.request, self.chosen, self.version = request, chosen, version
        self.library = Library(request, chosen, memory=MEMORY)
        context = self.library.context
        self.catalog, self._graph = context.catalog, context.graph
        self.looks, self.files = Looks(context), ItemFiles(context.catalog)
        index = home.is_index(request.collection, request.work)
        self.about = self._facts()
        self._folder = str((home.shown(request.work) if index else request.collection.parent).absolute())

    def answer(self, question: Question) -> dict[str, Any]:
        """What /api/search or /api/like gives, without pictures and clips. LaffError where it cannot be answered."""
        start = time.perf_counter()
        library = self.library.beside(question.models or self.chosen, question.split)
        weights, unknown = read_weights(question.weights), Unknown()
        if question.like:
            if question.like not in self.catalog.row:
                raise Refused("no video has this id", 404)  # a path, which a library would take too, is none
            hits = library.like(question.like, question.k, weights)
        else:
            hits, unknown = library.search(question.text, question.k, weights), library.unknown(question.text)
        return {
            "query": question.text or question.like,
            "model": library.name,
            "milliseconds": round(1000 * (time.perf_counter() - start), 1),
            "notes": library.notes(weights),
            "unknown": unknown.words,
            "lost": unknown.all,
            "hits": [
                {
                    "rank": rank,
                    "id": hit.video,
                    "name": printable(hit.video),
                    "item": self.catalog.row[hit.video],
                    "score": hit.score,
                    "start": hit.start,
                    "end": hit.end,
                    "shares": hit.shares,
                }
                for rank, hit in enumerate(hits, 1)
            ],
        }

    def _facts(self) -> dict[str, Any]:
        """What /api/workspaces gives of it, without its key and name."""
        return {
            "videos": len(self.catalog.videos),
            "models": [self._model(kept) for kept in self._models()],
            "main": [self._model(finder.chosen)["name"] for finder in self.library.finders],  # they search unasked
            "splits": self._splits(),
            "notes": self.library.notes(),
            "examples": examples(self.catalog),
        }

    def _models(self) -> list[Kept]:
        """Models that are trained, and features of both sides that are made; first what searches unasked."""
        context = self.library.context
        trainings = self._graph.stages_of("train")
        found = [finder.chosen for finder in self.library.finders]
        names = {kept.name for kept in found}
        for model in models.of(self._graph, trainings[0]) if trainings else []:
            if model.name not in names and assemble.best(context, trainings[0], model, model.seeds[0]).is_file():
                found.append(Kept(model.name, model.seeds[0], model))
        for stage in self._graph.stages.values():
            both = {"video", "text"} <= set(stage.sides)
            if both and stage.name not in names and context.work.index(stage.name).entries:
                found.append(choose(context, stage.name))
        return found

    def _model(self, kept: Kept) -> dict[str, Any]:
        model = kept.model
        convex = model is not None and bool(classes.plugged(model.uses, self._graph.trusted).constants.get("convex"))
        name = kept.name if model is None or kept.seed == model.seeds[0] else kept.key
        video, text = (model.video, model.text) if model else ((kept.name,), (kept.name,))
        return {
            "name": name,
            "label": name,
            "features": {"video": list(video), "text": list(text)},
            "weighable": {"video": convex and len(video) > 1, "text": convex and len(text) > 1},
        }

    def _splits(self) -> list[str]:
        """The splits that can be searched alone; all is the first, and the only one where there is one split."""
        splits = [split for split in SPLITS if len(self.catalog.split_videos(split))]
        return ["all", *(splits if len(splits) > 1 else [])]

    def shown(self, row: int) -> str:
        """The file of a row as a person knows it: below the folder of the collection, or its name alone."""
        path = self.catalog.paths[row]
        inside = path.startswith(f"{self._folder}/")
        return printable(path[len(self._folder) + 1 :] if inside else path.rpartition("/")[2])

    def window(self, row: int) -> tuple[float, float]:
        """The bounds of an item in its file, in seconds; inf for the end of a whole video."""
        return float(self.catalog.starts[row]), float(self.catalog.ends[row])

    def captions(self, row: int) -> list[str]:
        """The first captions that the collection has of an item."""
        order, starts = self._captions
        return [self.catalog.texts[caption] for caption in order[starts[row] : starts[row + 1]][:CAPTIONS].tolist()]

    @cached_property
    def _captions(self) -> tuple[np.ndarray, np.ndarray]:
        """Captions by item, and where those of each item begin."""
        of_videos = self.catalog.caption_video
        order = np.argsort(of_videos, kind="stable")
        return order, np.searchsorted(of_videos[order], np.arange(len(self.catalog.videos) + 1))


def check_row(opened: Opened, text: str) -> int:
    """The row of the table that the text of an address names. LaffError where there is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) < len(opened.catalog.videos)):
        raise LaffError(f"no item {text[:20]!r}; items are the numbers that a search gives")
    return int(text)
