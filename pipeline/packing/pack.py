"""Makes a package as a whole or not at all: chooses, checks, copies, describes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from pipeline import files
from pipeline.assembly import assemble
from pipeline.errors import LaffError
from pipeline.files import JsonObject
from pipeline.opening import open_context
from pipeline.package import applied
from pipeline.package.manifest import CARD, FORMAT, NAME, STAGES, is_package, strangers
from pipeline.packing import card, recipe
from pipeline.packing.held import hold
from pipeline.packing.selection import Selection, select
from pipeline.plan import packed
from pipeline.plan.context import Context
from pipeline.request import Request
from pipeline.store import home
from pipeline.workers.versions import installed

HEADER = "# What the models of this package are applied with. laff reads it; a changed file is refused.\n"


@dataclass(frozen=True)
class Made:
    """A finished package."""

    out: Path
    models: list[str]
    random: list[str]
    away: list[str]  # weights and files that it needs and does not hold
    size: str


def pack(request: Request, out: Path, names: Sequence[str] = (), weights: bool = False, again: bool = False) -> Made:
    """Write a package of these models, the main one if none is named, to the folder `out`.

    weights: copy published weights, and other files that stages read, into it; again: replace a package that is there.
    LaffError where there is nothing to package, or `out` holds something else.
    """
    _check_place(request, out, again)
    context = open_context(request)
    selection = select(context, names)
    with files.whole_folder(out) as part:
        content = _write(context, selection, part, out.absolute().name, weights)
    not_held = [str(entry["name"]) for entry in content["weights"] if not entry["held"]]
    not_held += [str(name) for entry in content["inputs"] if not entry["held"] for name in entry["names"]]
    return Made(out, content["models"], content["random"], list(dict.fromkeys(not_held)), card.shown(out))


def _check_place(request: Request, out: Path, again: bool) -> None:
    """Raise LaffError where `out` cannot become a package: a file, a folder in use, or in the workspace."""
    home.check(request.work)
    if out.resolve().is_relative_to(request.work.resolve()):
        raise LaffError(f"{out} lies in the workspace {request.work}; give the package a folder of its own")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise LaffError(f"{out} is {'a link' if out.is_symlink() else 'a file'}; give the package a folder of its own")
    if out.is_dir() and any(out.iterdir()):
        if not is_package(out):
            raise LaffError(f"{out} is not empty, and no package; give another folder, nothing in it was changed")
        if not again:
            raise LaffError(f"{out} is a package already; --yes replaces it")
        if strange_files := strangers(out):
            raise LaffError(
                f"{out} is a package, and also holds {strange_files[0]}, which does not belong to it; move that away, "
                "or give another folder"
            )


def _write(context: Context, selection: Selection, root: Path, name: str, weights: bool) -> JsonObject:
    """Write all files of a package into an empty folder; returns its package.yaml."""
    stages = recipe.stages(selection)
    held = hold(context, selection, root, stages, weights)
    file: JsonObject = {"threads": context.graph.threads}
    if held.entries:
        file["weights"] = recipe.plain(held.entries)
    _dump(root / STAGES, HEADER, file | {"stages": stages})
    listed = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    content: JsonObject = {
        "package": FORMAT,
        "version": installed("laff"),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": [kept.key if kept.model else kept.name for kept in selection.ones],
    }
    content |= card.card(context, selection, held)
    content |= {
        "learned": held.learned,
        "words": held.words,
        "trained": held.trained,
        "widths": _widths(context, selection),
        "weights": held.weights,
        "inputs": held.inputs,
        "code": {},
        "files": {file: files.sha256(root / file) for file in listed},
    }
    _dump(root / NAME, "", content)
    content["code"] = _code(context, root)
    _dump(root / NAME, "", content)
    files.write_text(root / CARD, card.readme(name, content))
    return content


def _widths(context: Context, selection: Selection) -> dict[str, list[int]]:
    """Width and frames of each feature that the models fuse."""
    widths = {}
    if selection.train:
        encoders = {encoder.name: encoder for encoder in assemble.joints(context, selection.train)}
        for name in selection.fused:
            if name in encoders:
                widths[name] = [int(encoders[name].part.dim), 1]
                continue
            side = "video" if "video" in selection.graph.stages[name].sides else "text"
            widths[name] = list(assemble.shape(context, name, side))
    return widths


def _code(context: Context, root: Path) -> dict[str, dict[str, str]]:
    """Digests of the code that shapes the package's vectors, as `packed.code` gives them where it is applied."""
    graph = applied.graph(root, trusted=sorted(context.graph.trusted), complete=False)
    return packed.code(replace(context, graph=graph))


def _dump(path: Path, header: str, content: JsonObject) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    files.write_text(path, header + text)
