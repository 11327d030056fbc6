"""What the runs of a workspace leave unused in it: told with size and reason, and deleted when asked to."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pipeline.errors import LaffError, printable
from pipeline.files import PARTIAL
from pipeline.graph import step_facts
from pipeline.graph.stages_file import shipped
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.run_settings import members
from pipeline.plan.runs import places
from pipeline.plan.units import Unit
from pipeline.request import Request, of_memory
from pipeline.run import open_context
from pipeline.store import memory, verify
from pipeline.store.index import Index
from pipeline.store.memory import Memory
from pipeline.store.workspace import COMPARISONS, MAIN, RUNS, Workspace

ALWAYS = ("ingest/table.h5", "failures.jsonl", "times.jsonl", "digests.json", "run.yaml", "laff.log", ".lock")
KEPT = ("analyze/", f"{COMPARISONS}/", f"{RUNS}/")  # a person keeps or deletes them whole


@dataclass
class Found:
    """Files below a workspace, by their path below it."""

    unused: dict[str, tuple[int, str]] = field(default_factory=dict)  # -> bytes, why
    foreign: list[str] = field(default_factory=list)  # not written by laff, or links: never deleted
    links: dict[str, str] = field(default_factory=dict)  # -> where they lead: never followed

    @property
    def size(self) -> int:
        """Bytes of all that is unused."""
        return sum(size for size, _ in self.unused.values())


def look(request: Request) -> Found:
    """What the configuration of a request and the other runs of its workspace leave unused. Writes nothing.

    The run that the request belongs to uses what the request says; the others what the workspace remembers of them.
    Raises LaffError where the collection is not as it was when the workspace's table was made, and where it cannot be
    told what another run uses.
    """
    context = open_context(request)
    if context.changes or context.changes is None:
        changes = "; ".join(context.changes or ["not made yet"])
        raise LaffError(
            f"{request.work}: its table is not of {request.collection} as it is now ({changes}), so "
            "nobody can tell what is unused; check -c and -w, or run `laff ingest` first"
        )
    found, kinds = Found(links=verify.links(request.work)), verify.Kinds(step_facts.made())
    used, runs = _used(context), [context]
    for run, known in _remembered(request, context):
        other, uses = _of_run(run, known, request, context)
        used |= uses
        runs.append(other)
    # Beside a run with a name of its own the main one is kept, as that is beside it.
    moved = context.work.places
    beside = {*moved, *(stage for one in runs for stage in members(one.graph))} if moved else set()
    kept = (*KEPT, *(f"{stage}/" for stage in beside))
    for name, own in verify.walk(request.work, kinds):
        path = request.work / name
        if name in used or name.startswith(kept):
            continue
        if path.is_symlink() or not (own or _left_over(kinds, name)):
            found.foreign.append(name)
            continue
        with suppress(FileNotFoundError):  # a run beside this one removes files
            found.unused[name] = path.stat().st_size, _reason(runs, used, name)
    return found


def _remembered(request: Request, context: Context) -> Iterator[tuple[str, Memory]]:
    """The runs of the workspace by name, but for the one that the request is of. LaffError where one is not known.

    Of the same run with another stages file what it is remembered with counts too: it was another machine.
    """
    root, last = request.work, memory.read(request.work)
    own = next(iter(context.work.places.values()), f"{RUNS}/{MAIN}").split("/")[1]
    for run in [MAIN, *memory.names(root)]:
        known = memory.read(root, run) or (last if last and last.run == run else None)
        if known is None and run not in (MAIN, own):
            raise LaffError(
                f"{memory.path(root, run)}: is missing, so nobody can tell what this run uses; `laff run -c FILE -w "
                f"{root} --name {run}` with its settings writes it again; or delete {root / RUNS / run}"
            )
        if known and not (run == own and (known.stages or shipped()).resolve() == context.graph.path.resolve()):
            yield run, known


def _of_run(run: str, known: Memory, request: Request, context: Context) -> tuple[Context, set[str]]:
    """The surroundings of a remembered run on the items of the workspace, and the paths of all that it uses.

    LaffError where that cannot be told, for a stages file that is gone or has changed.
    """
    try:
        graph = of_memory(known, request.work, request.trust).graph()
        work = Workspace(request.work, places(graph, run))
        other = replace(context, graph=graph, work=work, source=known.collection)
        return other, _used(other)
    except LaffError as error:
        raise LaffError(
            f"nobody can tell what run '{run}' uses, as {memory.path(request.work, run)} says it, so nothing is called "
            f"unused; mend this first:\n{error}"
        ) from None


def _used(context: Context) -> set[str]:
    """Paths of all that the configuration uses, or would make."""
    found = set(ALWAYS)
    shards = [f"{number:05d}.h5" for number in range(len(context.catalog.shards("video")))]
    for name, stage in context.graph.stages.items():
        plan = stage_plan(context, name)
        keeps = getattr(steps.module(stage), "keeps", None)
        inside = {"index.jsonl", *(keeps(context, plan) if keeps else ())}
        for unit in plan.cached + plan.todo:
            inside.update(unit.makes)
        for unit in plan.todo:  # one that is finished is never asked for what it worked with
            inside.update(file for working in stage.about.working for file in _working(working, unit, shards))
        found |= {f"{context.work.place(name)}/{file}" for file in inside}
    return found


def _working(name: str, unit: Unit, shards: Sequence[str]) -> list[str]:
    """The files of a name of WORKING that a unit which is to be made needs."""
    if "{unit}" in name:
        return [name.format(unit=unit.key)]
    if "{shard}" in name:
        return [name.format(shard=shard) for shard in shards]
    return [name] if unit.shard < 0 else []  # what is learned needs it, the shards made with that do not


def _left_over(kinds: verify.Kinds, name: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix == verify.DAMAGED:
        return kinds.ours(str(path.with_suffix("")))
    return path.name.startswith(".") and path.suffix == PARTIAL


def _reason(runs: Sequence[Context], used: set[str], name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix == PARTIAL:
        return "an interrupted write"
    if path.suffix == verify.DAMAGED:
        return "damaged, set aside"
    stage = next((one.graph.stages[path.parts[0]] for one in runs if path.parts[0] in one.graph.stages), None)
    if stage is None:
        told = ", ".join(dict.fromkeys(one.graph.path.name for one in runs))
        return f"no stage '{path.parts[0]}' in {told}"
    in_use = any(one.startswith(f"{path.parent.as_posix()}/") for one in used)
    if any("{unit}" in one for one in stage.about.makes) and len(path.parts) > 2 and not in_use:
        return "the settings name no such model and seed"
    if verify.pattern(stage.about.working).fullmatch(path.relative_to(stage.name).as_posix()):
        return f"needed only until '{stage.name}' was finished"
    if path.suffix == ".h5":
        return "no item is in this shard"
    return f"no file of '{stage.name}' as it is now"


def remove(request: Request) -> Found:
    """Delete what `look` finds, with the workspace held; returns what it found. Only that: no link, no foreign file."""
    if not request.work.is_dir():
        raise LaffError(f"{request.work}: no such workspace")
    with Workspace(request.work).lock():
        found = look(request)
        for stage in {PurePosixPath(name).parts[0] for name in found.unused if "/" in name}:
            names = [name.partition("/")[2] for name in found.unused if name.startswith(f"{stage}/")]
            if "index.jsonl" not in names:  # else all of it goes
                Index(request.work / stage).forget(names)
        # Without its index a folder may not be told for ours any more, so indexes go last, should this be interrupted.
        for name in sorted(found.unused, key=lambda name: (PurePosixPath(name).stem == "index", name)):
            path = request.work / name
            path.unlink(missing_ok=True)
            for folder in list(path.relative_to(request.work).parents)[:-1]:
                with suppress(OSError):  # something else is in it
                    (request.work / folder).rmdir()
    return found


def table(root: Path, found: Found) -> str:
    """For a terminal: unused files, those of one folder and reason on a line; the total; what is not laff's."""
    groups: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for name, (size, reason) in found.unused.items():
        path = PurePosixPath(name)
        folder = path.parts[0] if reason.startswith("no stage") else str(path.parent)  # a whole stage takes one line
        groups.setdefault((folder, reason), []).append((name, size))
    rows = []
    for (folder, reason), alike in groups.items():
        what = alike[0][0] if len(alike) == 1 else f"{folder}: {len(alike)} files"
        rows.append(f"{in_words(sum(size for _, size in alike)):>9}  {what}  ({reason})")
    rows.append(
        f"{in_words(found.size):>9}  {len(found.unused)} file(s) in {root} that this configuration does not use"
    )
    others: dict[str, list[str]] = {}
    for name in found.foreign:
        if name in found.links:
            continue
        others.setdefault(name.partition("/")[0], []).append(name)
    for top, names in others.items():
        rows.append(
            f"not laff's, stays: {root / names[0] if len(names) == 1 else f'{root / top} ({len(names)} files)'}"
        )
    rows += [printable(f"a link, stays as it is: {root / name} -> {target}") for name, target in found.links.items()]
    return "\n".join(rows)


def in_words(size: float) -> str:
    """Bytes as '512 B', '1.4 MB': powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
