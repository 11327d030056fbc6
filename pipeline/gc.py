"""What a configuration leaves unused in a workspace: told with size and reason, and deleted when asked to."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.errors import LaffError, printable
from pipeline.files import PARTIAL
from pipeline.graph import step_facts
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.units import Unit
from pipeline.request import Request
from pipeline.run import open_context
from pipeline.store import verify
from pipeline.store.index import Index
from pipeline.store.workspace import COMPARISONS, RUNS, Workspace

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
    """What the configuration of a request leaves unused. Writes nothing.

    Raises LaffError where the collection is not as it was when the workspace's table was made.
    """
    context = open_context(request)
    if context.changes or context.changes is None:
        changes = "; ".join(context.changes or ["not made yet"])
        raise LaffError(
            f"{request.work}: its table is not of {request.collection} as it is now ({changes}), so "
            "nobody can tell what is unused; check -c and -w, or run `laff ingest` first"
        )
    found, used, kinds = Found(links=verify.links(request.work)), _used(context), verify.Kinds(step_facts.made())
    # Beside a run with a name of its own the main one is kept, as that is beside it.
    kept = (*KEPT, *(f"{stage}/" for stage in context.work.places))
    for name, own in verify.walk(request.work, kinds):
        path = request.work / name
        if name in used or name.startswith(kept):
            continue
        if path.is_symlink() or not (own or _left_over(kinds, name)):
            found.foreign.append(name)
            continue
        with suppress(FileNotFoundError):  # a run beside this one removes files
            found.unused[name] = path.stat().st_size, _reason(context, used, name)
    return found


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


def _reason(context: Context, used: set[str], name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix == PARTIAL:
        return "an interrupted write"
    if path.suffix == verify.DAMAGED:
        return "damaged, set aside"
    stage = context.graph.stages.get(path.parts[0])
    if stage is None:
        return f"no stage '{path.parts[0]}' in {context.graph.path.name}"
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
    for (folder, reason), members in groups.items():
        what = members[0][0] if len(members) == 1 else f"{folder}: {len(members)} files"
        rows.append(f"{in_words(sum(size for _, size in members)):>9}  {what}  ({reason})")
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
