"""Entries of weights as text: all in a table, or everything about one. `laff weights list` shows it."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from extractors.base import member
from pipeline.files import JsonObject
from pipeline.graph.graph import Weights
from pipeline.parts.classes import part as described
from pipeline.parts.make import make
from pipeline.views import printed
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper
from pipeline.weights import hub, lookup, note
from pipeline.weights.outline import outline

WIDTH = 100  # of a note's lines


def construct(entry: Weights) -> Any:
    """The entry's extractor with its params, not loaded; LaffError where the class refuses them."""
    here = lookup.find(entry) if hub.address(entry) else None  # a repository tells how it was made when it is here
    named = {"weights": str(here or entry.name)} if "weights" in described(entry.uses).parameters else {}
    return make(f"weights {entry.name}", entry.uses, {**entry.params, **named})


def table(entries: Sequence[Weights], paper: Paper = PLAIN) -> str:
    """A line for each entry: its name, feature, whether it is here, size, whether its sha256 is known, licence."""
    rows = []
    for entry in entries:
        path = lookup.find(entry)
        size = megabytes(path) if path else "-"
        rows.append(
            [entry.name, entry.feature or "-", _where(entry, path), size, _hashed(entry) or "-", entry.licence or "-"]
        )
    columns = printed.columns(
        FigureTable(["name", "feature", "where", "size", "sha256", "licence"], rows, left=3), paper
    )
    return f"{columns}\nhere means: in {lookup.folder()} ($LAFF_WEIGHTS), or at the path that an entry names"


def summary(entry: Weights) -> JsonObject:
    """One entry as `laff weights list --json` gives it; reads no model."""
    path = lookup.find(entry)
    return {
        "name": entry.name,
        "feature": entry.feature,
        "uses": entry.uses,
        "where": _where(entry, path),
        "path": str(path or lookup.place(entry)),
        "bytes": _bytes(path) if path else None,
        "sha256": _hashed(entry),
        "files": dict(entry.files),
        "source": entry.source,
        "licence": entry.licence,
        "params": dict(entry.params),
        "note": entry.note,
    }


def details(entry: Weights, keys: bool = False) -> str:
    """Everything about one entry, with the preprocessing that it fixes and the size of its network.

    `keys` adds the name and shape of every tensor, by our names.
    """
    path = lookup.find(entry)
    facts = {
        "stands for": entry.feature or "no feature of the paper",
        "read by": entry.uses or "whatever extractor names it",
        "source": entry.source,
        "files": ", ".join(entry.files),
        "place": f"{path or lookup.place(entry)} ({_where(entry, path)}{f', {megabytes(path)}' if path else ''})",
        "but": lookup.misplaced(entry, lookup.place(entry)),
        "sha256": entry.sha256 or _known_hashes(entry),
        "licence": entry.licence,
        "params": ", ".join(f"{key}: {value}" for key, value in entry.params.items()),
    }
    tensors: list[str] = []
    if entry.uses:
        part = construct(entry)
        facts |= _preprocessing(part)
        facts["layouts"] = "; ".join(layout.name for layout in member(part, "LAYOUTS"))
        facts["network"], tensors = _network(part)
    facts["note"] = entry.note
    lines = [entry.name]
    for key, value in facts.items():
        if value:
            lines += [f"  {word:11} {line}" for word, line in zip([key, *[""] * 99], _wrapped(value), strict=False)]
    return "\n".join([*lines, *(f"    {tensor}" for tensor in (tensors if keys else []))])


def megabytes(path: Path) -> str:
    """The size of a file, or of a folder's files, in MB of a million bytes."""
    return f"{_bytes(path) / 1e6:,.1f} MB"


def _bytes(path: Path) -> int:
    inside = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in inside)


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def _where(entry: Weights, path: Path | None) -> str:
    if path is None:
        return "unfit" if lookup.misplaced(entry, lookup.place(entry)) else "absent"
    return "here" if path == lookup.place(entry) else "package"


def _hashed(entry: Weights) -> str:
    """Who knows its sha256: 'published', 'noted' when it was fetched, or '' for nobody."""
    return "published" if lookup.published(entry) else "noted" if _noted(entry) else ""


def _noted(entry: Weights) -> dict[str, str]:
    return {} if entry.path else note.noted(lookup.place(entry))


def _known_hashes(entry: Weights) -> str:
    """What was published of each file, and what was noted when it was fetched."""
    noted = _noted(entry)
    known = [f"{name} {sha256 or 'not published'}" for name, sha256 in entry.files.items()] or ["not published"]
    fetched = [f"{name} {sha256} when it was fetched" for name, sha256 in noted.items()]
    return "; ".join([*known, *fetched])


def _preprocessing(part: Any) -> dict[str, str]:
    """Frames and pixels in words, for parts that see videos."""
    if "video" not in part.sides:
        return {}
    try:
        mean, std = ([round(value, 6) for value in values] for values in (part.mean, part.std))
    except ValueError as error:  # it is known when the files are here
        return {"frames": str(error)}
    return {"frames": str(part.sampling), "pixels": f"{part.colours}, 0..1, mean {mean}, std {std}"}


def _network(part: Any) -> tuple[str, list[str]]:
    """How many tensors and parameters the part's network has, and each with its shape; no memory is taken for them."""
    try:
        with outline():
            net = part.build()
    except ValueError as error:  # a sentence encoder's is known when its folder is read
        return str(error), []
    state = net.state_dict()
    shown = [f"{key} {list(tensor.shape)}" for key, tensor in state.items()]
    count = sum(parameter.numel() for parameter in net.parameters())
    return f"{len(state)} tensors, {count:,} parameters", shown
