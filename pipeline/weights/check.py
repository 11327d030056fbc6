"""Checks a file of weights against its entry, or against all entries, for `laff weights check`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from extractors.base import member
from pipeline import files, yamls
from pipeline.errors import LaffError, near_path, problems
from pipeline.graph.graph import Graph, Weights
from pipeline.graph.published import belongs
from pipeline.parts.make import make
from pipeline.weights import listing, lookup, note
from pipeline.weights.outline import outline, unfilled

if TYPE_CHECKING:
    from extractors.checkpoint import Converted

SHOWN = 8  # keys or names of a list that are shown
T = TypeVar("T")


def check_entry(entry: Weights, path: Path | None = None) -> str:
    """What an entry's file is, in lines; LaffError where it is not as it should be.

    path: another file in its place.
    """
    is_own = path is None
    path = lookup.find(entry) if path is None else path
    if path is None:
        raise LaffError(_absence(entry))
    if not path.exists():
        raise LaffError(f"{path}: no such file{near_path(path)}")
    if not entry.uses:
        raise LaffError(f"weights '{entry.name}' say no `uses:`, so there is no extractor to check {path} with")
    hashed = _compared(entry, path) if is_own else f"sha256 {lookup.sha256_of(path)}"
    converted = _fit(entry, path)
    lines = [
        f"{path}: {listing.megabytes(path)}, {hashed}",
        f"  in {converted.layout.name}; fits '{entry.name}' ({entry.uses}): all of its {len(converted.state)} tensors "
        "are used",
    ]
    if converted.taken:
        lines.append(f"  {converted.taken}")
    if converted.dropped:
        lines.append(f"  dropped, as the feature does not need them: {some(converted.dropped)}")
    return "\n".join(lines)


def check_file(path: Path, graph: Graph) -> str:
    """Which entries a file or folder fits, and how to use it; LaffError where none does."""
    from extractors import checkpoint

    if not path.exists():
        raise LaffError(f"{path}: neither an entry (`laff weights list` shows them) nor a file")
    held = asked(checkpoint.read_all, path)
    taken: dict[str, None] = {}  # what stands around the tensors in the file
    fitting: list[Weights] = []
    refused: dict[str, list[str]] = {}  # reason -> names of the entries
    for entry in sorted(graph.weights.values(), key=lambda entry: entry.file != path.name):
        part = listing.construct(entry) if entry.uses else None
        with unfilled():  # a layout may be that of a network which is built to ask for its names
            unwrapped = None if part is None else asked(checkpoint.unwrap, held, part.LAYOUTS, str(path))
        if part is None or unwrapped is None:
            continue
        if unwrapped.taken:
            taken[unwrapped.taken] = None
        try:
            if wrong := _other_shape(part, unwrapped.state):
                raise ValueError(wrong)
            part.load("cpu", path)
        except ValueError as error:
            refused.setdefault(str(error), []).append(entry.name)
        else:
            fitting.append(entry)
    if not fitting and not refused:
        raise LaffError(f"{path} fits no entry: {checkpoint.recognise(held)}")
    first = f"{path}: {listing.megabytes(path)}, sha256 {lookup.sha256_of(path)}"
    if not fitting and (stages := _reading(path, graph)):
        lines = [first, *(f"  {text}" for text in taken), "  fits no entry; as a model of its own it is read by:"]
        return "\n".join([*lines, *(f"  {name:32} --set {shlex.quote(f'{name}.weights={path}')}" for name in stages)])
    if not fitting:
        raise problems(f"{path} fits no entry", [f"as {some(names)}: {why}" for why, names in refused.items()])
    lines = [first, *(f"  {text}" for text in taken), f"  fits {len(fitting)} of {len(graph.weights)} entries:"]
    for entry in fitting:
        lines.append(f"  {entry.name:32} {' '.join(_settings(entry, path, graph)) or f'read by {entry.uses}'}")
    if len(fitting) > 1:
        lines.append(
            "  The tensors do not tell which of these it is; their preprocessing may differ: see their `list`."
        )
    return "\n".join(lines)


def _reading(path: Path, graph: Graph) -> list[str]:
    """The stages that read a folder as it is: their classes learn from a config.json which network they have."""
    names = []
    for stage in graph.stages.values() if path.is_dir() else ():
        if stage.part and stage.uses and not stage.borrowed and "config" in stage.part.parameters:
            try:
                make(stage.name, stage.uses, {"weights": str(path)}).load("cpu", path)
            except (LaffError, ValueError):
                continue
            names.append(stage.name)
    return names


def _other_shape(part: Any, state: dict[str, Any]) -> str:
    """The first tensor of another shape than the network's, or how many of it the file lacks; or ''.

    Asked of a network without memory: to load a file into all that it might fit would take minutes.
    """
    layout = next(layout for layout in part.LAYOUTS if layout.fits(state))
    ours = layout.convert({key: value for key, value in state.items() if not key.startswith(layout.dropped)})
    try:
        with outline():
            expected = part.build().state_dict()
    except ValueError:  # a sentence encoder's is known when its folder is read
        return ""
    for key in expected:
        single = expected[key].numel() == 1  # scales may be [] or [1]
        if key in ours and not single and ours[key].shape != expected[key].shape:
            return f"{key} is {list(ours[key].shape)}, the model's {list(expected[key].shape)}"
    lacking = [key for key in expected if key not in ours]
    if 2 * len(lacking) > len(expected):  # some layouts leave out a few that the network makes itself
        return f"it lacks {len(lacking)} of {len(expected)} tensors, such as {some(lacking)}"
    return ""


def _fit(entry: Weights, path: Path) -> "Converted":
    """The tensors of `path`, after a check that the entry's network takes all of them.

    Loaded as a run loads it: a check that only compared names could be wrong where the run is right.
    """
    from extractors import checkpoint

    part = part_of(entry)
    converted = asked(checkpoint.convert, path, part.LAYOUTS, f"'{entry.name}'")
    asked(part.load, "cpu", path)
    return converted


def _absence(entry: Weights) -> str:
    """Why an entry's file is not here, with the command that fetches it where one does."""
    place = lookup.place(entry)
    if entry.path or lookup.misplaced(entry, place) or not entry.source.startswith("http"):
        return lookup.absence(entry)
    return f"weights '{entry.name}' are not here: {place}; `laff weights get {entry.name}` fetches them"


def part_of(entry: Weights) -> Any:
    """The entry's extractor, not loaded; LaffError where it says no layouts of files."""
    part = listing.construct(entry)
    if not member(part, "LAYOUTS"):
        raise LaffError(f"weights '{entry.name}': {entry.uses} says no LAYOUTS, so nothing can be told of its files")
    return part


def asked(function: Callable[..., T], *arguments: Any) -> T:
    """What a function of an extractor gives; a person reads its ValueError as LaffError."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise LaffError(str(error)) from None


def _compared(entry: Weights, path: Path) -> str:
    """The file's sha256 in words; LaffError where another was published, or noted when the file was fetched."""
    if wrong := lookup.damage(entry, path):
        raise LaffError(f"{wrong}: the file is damaged or another one; delete it and fetch it again")
    now = lookup.sha256_of(path)
    if lookup.published(entry):
        return f"sha256 {now}, as published"
    noted = {} if entry.path else note.noted(lookup.place(entry))
    for name, sha256 in noted.items():
        file = path.parent / name
        if not file.is_file():
            raise LaffError(
                f"{path} has no {file.name}, which it had when it was fetched; delete it and fetch it again"
            )
        if files.sha256(file) != sha256:
            raise LaffError(
                f"{file} has sha256 {files.sha256(file)}, but had {sha256} when it was fetched: it is damaged or "
                "another one; delete it and fetch it again"
            )
    return f"sha256 {now}, {'as noted when it was fetched' if noted else 'and none is published to compare it with'}"


def _settings(entry: Weights, path: Path, graph: Graph) -> list[str]:
    """The --set options by which a stage of the graph takes `path`, with the params that the entry fixes."""
    users = [stage for stage in graph.stages.values() if stage.part and not stage.borrowed and stage.uses]
    for stage in users:
        if stage.part and entry.uses and belongs(entry, stage.part, graph.trusted):
            values = {"weights": str(path)} | entry.params
            return [f"--set {shlex.quote(f'{stage.name}.{key}={_typed(value)}')}" for key, value in values.items()]
    return []


def _typed(value: Any) -> str:
    """A value as YAML reads it back; text stays as it is where that is read as the same text."""
    try:
        if isinstance(value, str) and yamls.parse(value, "") == value:
            return value
    except LaffError:
        pass
    return json.dumps(value, ensure_ascii=False)


def some(keys: list[str]) -> str:
    """The first of some names, and how many there are."""
    return ", ".join(keys[:SHOWN]) + (f", … ({len(keys)} in all)" if len(keys) > SHOWN else "")
