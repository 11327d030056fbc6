"""Finds the files of a workspace that none of its runs uses, with size and reason, and deletes them when asked to."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pipeline.errors import LaffError, printable
from pipeline.files import PARTIAL, JsonObject
from pipeline.graph import step_facts
from pipeline.graph.stages_file import shipped
from pipeline.opening import open_context
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.run_settings import members
from pipeline.plan.runs import places
from pipeline.plan.units import Unit
from pipeline.request import Request, of_memory
from pipeline.store import home, memory, verify
from pipeline.store.index import Index
from pipeline.store.memory import Memory
from pipeline.store.workspace import COMPARISONS, MAIN, RUNS, Workspace
from pipeline.views import printed
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper
from pipeline.wording import number_of

ALWAYS = (
    "ingest/table.h5",
    "ingest/windows.jsonl",
    "failures.jsonl",
    "times.jsonl",
    "digests.json",
    "run.yaml",
    "laff.log",
    ".lock",
)
KEPT = ("analyze/", f"{COMPARISONS}/", f"{RUNS}/")  # a person keeps or deletes them whole


@dataclass
class Leftovers:
    """The files of a workspace that no run uses, by their path below it."""

    unused: dict[str, tuple[int, str]] = field(default_factory=dict)  # -> bytes, why
    foreign: list[str] = field(default_factory=list)  # not written by laff, or links: never deleted
    links: dict[str, str] = field(default_factory=dict)  # -> where they lead: never followed

    @property
    def size(self) -> int:
        """Bytes of all that is unused."""
        return sum(size for size, _ in self.unused.values())

    def summary(self) -> JsonObject:
        """All of it as `laff gc --json` gives it."""
        unused = [{"file": name, "bytes": size, "why": why} for name, (size, why) in self.unused.items()]
        foreign = [name for name in self.foreign if name not in self.links]
        return {"unused": unused, "bytes": self.size, "foreign": foreign, "links": self.links}


def leftovers(request: Request) -> Leftovers:
    """The files that neither the request nor the other runs of its workspace use. Writes nothing.

    The request says what its run uses, the settings in the workspace what the other runs use. Raises LaffError where
    the collection has changed since the workspace's table was made, and where nobody can tell what another run uses.
    """
    context = open_context(request)
    if context.changes or context.changes is None:
        changes = "; ".join(context.changes or ["not made yet"])
        raise LaffError(
            f"{request.work}: its table is not of {request.collection} as it is now ({changes}), so "
            "nobody can tell what is unused; check -c and -w, or run `laff ingest` first"
        )
    unneeded, kinds = Leftovers(links=verify.links(request.work)), verify.Kinds(step_facts.made())
    used, runs = _used(context), [context]
    for run, settings in _remembered(request, context):
        other, uses = _of_run(run, settings, request, context)
        used |= uses
        runs.append(other)
    # For a request of a named run the stages of main are kept, as named runs are for a request of main.
    moved = context.work.places
    beside = {*moved, *(stage for one in runs for stage in members(one.graph))} if moved else set()
    kept = (*KEPT, *(f"{stage}/" for stage in beside))
    for name, ours in verify.walk(request.work, kinds):
        path = request.work / name
        if name in used or name.startswith(kept):
            continue
        if path.is_symlink() or not (ours or _left_over(kinds, name)):
            unneeded.foreign.append(name)
            continue
        with suppress(FileNotFoundError):  # a run beside this one removes files
            unneeded.unused[name] = path.stat().st_size, _reason(runs, used, name)
    return unneeded


def _remembered(request: Request, context: Context) -> Iterator[tuple[str, Memory]]:
    """The other runs of the workspace with their settings. LaffError where those of one are missing.

    The run of the request counts as another run, too, where it was made with another stages file.
    """
    root, last_settings = request.work, memory.read(request.work)
    run_of_request = next(iter(context.work.places.values()), f"{RUNS}/{MAIN}").split("/")[1]
    for run in [MAIN, *memory.names(root)]:
        settings = memory.read(root, run) or (last_settings if last_settings and last_settings.run == run else None)
        if settings is None and run not in (MAIN, run_of_request):
            raise LaffError(
                f"{memory.path(root, run)}: is missing, so nobody can tell what this run uses; `laff run -c FILE -w "
                f"{root} --name {run}` with its settings writes it again; or delete {root / RUNS / run}"
            )
        if settings and not (
            run == run_of_request and (settings.stages or shipped()).resolve() == context.graph.path.resolve()
        ):
            yield run, settings


def _of_run(run: str, settings: Memory, request: Request, context: Context) -> tuple[Context, set[str]]:
    """The context of another run on the items of the workspace, and the paths of all files that it uses.

    LaffError where nobody can tell, as its stages file is gone or has changed.
    """
    try:
        graph = of_memory(settings, request.work, request.trust).graph()
        work = Workspace(request.work, places(graph, run))
        other = replace(context, graph=graph, work=work, source=settings.collection)
        return other, _used(other)
    except LaffError as error:
        raise LaffError(
            f"nobody can tell what run '{run}' uses, as {memory.path(request.work, run)} says it, so nothing is called "
            f"unused; mend this first:\n{error}"
        ) from None


def _used(context: Context) -> set[str]:
    """The paths of all files that a run uses or would make."""
    used = set(ALWAYS)
    shards = [f"{number:05d}.h5" for number in range(len(context.catalog.shards("video")))]
    for name, stage in context.graph.stages.items():
        plan = stage_plan(context, name)
        keeps = getattr(steps.module(stage), "keeps", None)
        inside = {"index.jsonl", *(keeps(context, plan) if keeps else ())}
        for unit in plan.cached + plan.todo:
            inside.update(unit.makes)
        for unit in plan.todo:  # a finished unit needs no working files
            inside.update(file for working in stage.about.working for file in _working(working, unit, shards))
        used |= {f"{context.work.place(name)}/{file}" for file in inside}
    return used


def _working(name: str, unit: Unit, shards: Sequence[str]) -> list[str]:
    """The files that a unit to be made needs under a name of WORKING."""
    if "{unit}" in name:
        return [name.format(unit=unit.key)]
    if "{shard}" in name:
        return [name.format(shard=shard) for shard in shards]
    return [name] if unit.shard < 0 else []  # a fit needs it, the shards that are made with the fit do not


def _left_over(kinds: verify.Kinds, name: str) -> bool:
    """Whether a file was set aside or left by an interrupted write."""
    path = PurePosixPath(name)
    if path.suffix == verify.DAMAGED:
        return kinds.ours(str(path.with_suffix("")))
    return path.name.startswith(".") and path.suffix == PARTIAL


def _reason(runs: Sequence[Context], used: set[str], name: str) -> str:
    """Why a file is not used."""
    path = PurePosixPath(name)
    if path.suffix == PARTIAL:
        return "an interrupted write"
    if path.suffix == verify.DAMAGED:
        return "damaged, set aside"
    stage = next((one.graph.stages[path.parts[0]] for one in runs if path.parts[0] in one.graph.stages), None)
    if stage is None:
        graphs = ", ".join(dict.fromkeys(one.graph.path.name for one in runs))
        return f"no stage '{path.parts[0]}' in {graphs}"
    in_use = any(one.startswith(f"{path.parent.as_posix()}/") for one in used)
    if any("{unit}" in one for one in stage.about.makes) and len(path.parts) > 2 and not in_use:
        return "the settings name no such model and seed"
    if verify.pattern(stage.about.working).fullmatch(path.relative_to(stage.name).as_posix()):
        return f"needed only until '{stage.name}' was finished"
    if path.suffix == ".h5":
        return "no item is in this shard"
    return f"no file of '{stage.name}' as it is now"


def remove(request: Request) -> Leftovers:
    """Delete the unused files, with the workspace held -> all leftovers. Links and foreign files stay."""
    home.check(request.work)
    with Workspace(request.work).lock():
        unneeded = leftovers(request)
        for stage in {PurePosixPath(name).parts[0] for name in unneeded.unused if "/" in name}:
            names = [name.partition("/")[2] for name in unneeded.unused if name.startswith(f"{stage}/")]
            if "index.jsonl" not in names:  # else all of it goes
                Index(request.work / stage).forget(names)
        # A folder without its index may not be recognised as laff's, so indexes go last, should this be interrupted.
        for name in sorted(unneeded.unused, key=lambda name: (PurePosixPath(name).stem == "index", name)):
            path = request.work / name
            path.unlink(missing_ok=True)
            for folder in list(path.relative_to(request.work).parents)[:-1]:
                with suppress(OSError):  # something else is in it
                    (request.work / folder).rmdir()
    return unneeded


def table(root: Path, unneeded: Leftovers, paper: Paper = PLAIN) -> str:
    """A text: the unused files, a line for each folder and reason; their total; files that are not laff's."""
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, (size, reason) in unneeded.unused.items():
        path = PurePosixPath(name)
        folder = path.parts[0] if reason.startswith("no stage") else str(path.parent)  # a whole stage takes one line
        groups.setdefault((folder, reason), []).append((name, size))
    rows = []
    for (folder, reason), alike in groups.items():
        label = alike[0][0] if len(alike) == 1 else f"{folder}: {len(alike):,} files"
        rows.append([printable(label), in_words(sum(size for _, size in alike)), reason])
    lines = [printed.columns(FigureTable(["files", "size", "why"], rows), paper)] if rows else []
    files = number_of(unneeded.unused, "files")
    lines.append(f"{in_words(unneeded.size)}, {files} in {root} that this configuration does not use")
    others: dict[str, list[str]] = {}
    for name in unneeded.foreign:
        if name in unneeded.links:
            continue
        others.setdefault(name.partition("/")[0], []).append(name)
    for top, names in others.items():
        lines.append(
            f"not laff's, stays: {root / names[0] if len(names) == 1 else f'{root / top} ({len(names):,} files)'}"
        )
    lines += [
        printable(f"a link, stays as it is: {root / name} -> {target}") for name, target in unneeded.links.items()
    ]
    return "\n".join(lines)


def in_words(size: float) -> str:
    """Bytes in words, as '512 B' or '1.4 MB'; units are powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
