"""Opens the context of a request: its collection, graph, workspace, and the run that its settings belong to."""

from pathlib import Path, PurePosixPath

from pipeline import progress
from pipeline.errors import LaffError, printable
from pipeline.graph.graph import Graph
from pipeline.items.collection import Collection
from pipeline.items.collection import load as load_collection
from pipeline.plan import packed, runs
from pipeline.plan.context import Context
from pipeline.plan.runs import Chosen
from pipeline.request import Request
from pipeline.steps import ingest
from pipeline.store.workspace import MAIN, Workspace


def open_context(request: Request, retry: bool = False) -> Context:
    """The context of a request, everything read and checked. Writes nothing."""
    collection = load_collection(request.collection)
    context = surroundings(request, request.graph(), collection, Workspace(request.work), retry)
    choose(context, request)
    return context


def surroundings(request: Request, graph: Graph, collection: Collection, work: Workspace, retry: bool) -> Context:
    """The context of a run over a collection that was read, with the table that an ingest would make."""
    for note in collection.notes:
        progress.say(printable(f"{collection.name}: {note}"))
    check_place(collection, work.root)
    catalog, changes, dated = ingest.look(collection, work, graph.of_step("ingest").options_as(ingest.Options))
    context = Context(graph, catalog, work, collection.has_videos, request.collection, retry, collection.name)
    context.collection, context.changes, context.dated = collection, changes, dated
    packed.admit(context)
    return context


def check_place(collection: Collection, root: Path) -> None:
    """Raise LaffError where the workspace is the folder of the videos, among which stages would have folders."""
    folders = {file.rpartition("/")[0]: file for file in collection.files.values()}  # there may be a million files
    for file in folders.values():
        if Path(file).parent.resolve() == root.resolve():
            raise LaffError(
                f"-w {root}: videos of the collection lie there, such as {Path(file).name}; name a folder of its own"
            )


def choose(context: Context, request: Request) -> Chosen:
    """The run that a request belongs to; sets the folders of its stages in the context's workspace."""
    if request.is_run:
        return runs.choose(context, request.name, request.last)
    runs.beside(context, str(PurePosixPath(context.graph.of_step("rank").name).parent))
    return Chosen(MAIN)
