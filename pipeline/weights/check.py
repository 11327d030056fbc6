"""What `laff weights check` and `convert` do: a file against its entry, or against all of them."""

import json
import os
import re
import shlex
from pathlib import Path
from typing import Any

from extractors.base import member
from pipeline import files, yamls
from pipeline.errors import LaffError, problems
from pipeline.graph.graph import Graph, Weights
from pipeline.graph.published import belongs
from pipeline.weights import fetch, listing, lookup
from pipeline.weights.outline import outline, unfilled

SHOWN = 8  # dropped keys that are named


def check_entry(entry: Weights, path: Path | None = None) -> str:
    """What is said of an entry's file, or of another one in its place; LaffError where it is not as it should be."""
    own = path is None
    path = lookup.find(entry) if path is None else path
    if path is None:
        raise LaffError(_absence(entry))
    if not path.exists():
        raise LaffError(f"{path}: no such file")
    if not entry.uses:
        raise LaffError(f"weights '{entry.name}' say no `uses:`, so there is no extractor to check {path} with")
    hashed = _compared(entry, path) if own else f"sha256 {lookup.sha256_of(path)}"
    found = _fit(entry, path)
    lines = [
        f"{path}: {listing.megabytes(path)}, {hashed}",
        f"  in {found.layout.name}; fits '{entry.name}' ({entry.uses}): all of its {len(found.state)} tensors are used",
    ]
    if found.taken:
        lines.append(f"  {found.taken}")
    if found.dropped:
        lines.append(f"  dropped, as the feature does not need them: {_some(found.dropped)}")
    return "\n".join(lines)


def check_file(path: Path, graph: Graph) -> str:
    """Which entries a file or folder fits, and how to use it; LaffError where none does."""
    from extractors import checkpoint

    if not path.exists():
        raise LaffError(f"{path}: neither an entry (`laff weights list` shows them) nor a file")
    held = _asked(checkpoint.read_all, path)
    taken: dict[str, None] = {}  # what stands around the tensors in the file
    fitting: list[Weights] = []
    refused: dict[str, list[str]] = {}  # reason -> names of the entries
    for entry in sorted(graph.weights.values(), key=lambda entry: entry.file != path.name):
        part = listing.construct(entry) if entry.uses else None
        with unfilled():  # a layout may be that of a network which is built to ask for its names
            found = None if part is None else _asked(checkpoint.unwrap, held, part.LAYOUTS, str(path))
        if part is None or found is None:
            continue
        if found.taken:
            taken[found.taken] = None
        try:
            if wrong := _other_shape(part, found.state):
                raise ValueError(wrong)
            part.load("cpu", path)
        except ValueError as error:
            refused.setdefault(str(error), []).append(entry.name)
        else:
            fitting.append(entry)
    if not fitting and not refused:
        raise LaffError(f"{path} fits no entry: {checkpoint.recognise(held)}")
    if not fitting:
        raise problems(f"{path} fits no entry", [f"as {_some(names)}: {why}" for why, names in refused.items()])
    first = f"{path}: {listing.megabytes(path)}, sha256 {lookup.sha256_of(path)}"
    lines = [first, *(f"  {text}" for text in taken), f"  fits {len(fitting)} of {len(graph.weights)} entries:"]
    for entry in fitting:
        lines.append(f"  {entry.name:32} {' '.join(_settings(entry, path, graph)) or f'read by {entry.uses}'}")
    if len(fitting) > 1:
        lines.append(
            "  The tensors do not tell which of these it is; their preprocessing may differ: see their `list`."
        )
    return "\n".join(lines)


def convert(path: Path, out: Path, entry: Weights) -> str:
    """Write the tensors of `path` by our names as safetensors, after a check that they fit.

    Values and types stay as they are. LaffError where `out` exists, the file does not fit, or its tensors alone say too
    little; OSError for a full disk.
    """
    from extractors import checkpoint

    if out.suffix != ".safetensors":
        raise LaffError(f"{out}: should end in .safetensors, which is what is written")
    if out.exists():
        raise LaffError(f"{out}: is there already; give another name, or delete it first")
    part = _part(entry)
    if wrong := _unbuildable(part):
        raise LaffError(f"weights '{entry.name}' stay as they are: {wrong}")
    found = _asked(checkpoint.convert, path, part.LAYOUTS, f"'{entry.name}'")
    _asked(part.load, "cpu", path)
    about = {
        "entry": entry.name,
        "extractor": entry.uses,
        "source": path.name,
        "source_sha256": lookup.sha256_of(path),
        "source_layout": found.layout.name,
        "dropped": ", ".join(found.dropped),
    }
    if found.taken:
        about["source_wrapping"] = found.taken
    with files.whole(out) as temporary:
        _write(found.state, temporary, about)
    told = [f"{out}: {len(found.state)} tensors, from {found.layout.name}"]
    if found.taken:
        told[0] += f", {found.taken}"
    if found.dropped:
        told[0] += f"; dropped: {_some(found.dropped)}"
    folder = path if path.is_dir() else path.parent
    if left := [name for name in member(part, "BESIDE") if (folder / name).is_file()]:
        told.append(f"  {', '.join(left)} stay in {folder}: put copies beside {out.name}, where they are read too")
    return "\n".join(told)


def _write(state: dict[str, Any], path: Path, about: dict[str, str]) -> None:
    """Write tensors as safetensors and look whether the same can be read back."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    try:
        save_file({key: value.clone().contiguous() for key, value in state.items()}, path, about)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise LaffError(f"{path} cannot be written: {error}") from None
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from None
    back = load_file(path)
    if back.keys() != state.keys() or not all(torch.equal(back[key], state[key]) for key in state):
        raise LaffError(f"{path}: reads back as other tensors than were written; the disk may be damaged")


def _unbuildable(part: Any) -> str:
    """Why the part's network cannot be built without its files, or ''. No memory is taken for it."""
    try:
        with outline():
            part.build()
    except ValueError as error:
        return str(error)
    return ""


def _other_shape(part: Any, state: dict[str, Any]) -> str:
    """The first tensor of another shape than the network's, or ''.

    Asked of a network without memory: to load a file into all that it might fit would take minutes.
    """
    layout = next(layout for layout in part.LAYOUTS if layout.fits(state))
    ours = layout.convert({key: value for key, value in state.items() if not key.startswith(layout.dropped)})
    try:
        with outline():
            own = part.build().state_dict()
    except ValueError:  # a sentence encoder's is known when its folder is read
        return ""
    for key in own:
        single = own[key].numel() == 1  # scales may be [] or [1]
        if key in ours and not single and ours[key].shape != own[key].shape:
            return f"{key} is {list(ours[key].shape)}, the model's {list(own[key].shape)}"
    return ""


def _fit(entry: Weights, path: Path) -> Any:
    """The tensors of `path` (checkpoint.Converted) that the entry's network takes, all of them.

    Loaded as a run loads it: a check that only compared names could be wrong where the run is right.
    """
    from extractors import checkpoint

    part = _part(entry)
    found = _asked(checkpoint.convert, path, part.LAYOUTS, f"'{entry.name}'")
    _asked(part.load, "cpu", path)
    return found


def _absence(entry: Weights) -> str:
    """Why an entry's file is not here, with the command that fetches it where one does."""
    place = lookup.place(entry)
    if entry.path or lookup.misplaced(entry, place) or not entry.source.startswith("http"):
        return lookup.absence(entry)
    return f"weights '{entry.name}' are not here: {place}; `laff weights get {entry.name}` fetches them"


def _part(entry: Weights) -> Any:
    part = listing.construct(entry)
    if not member(part, "LAYOUTS"):
        raise LaffError(f"weights '{entry.name}': {entry.uses} says no LAYOUTS, so nothing can be told of its files")
    return part


def _asked(function: Any, *arguments: Any) -> Any:
    """What a function of an extractor says; its ValueError is what a person reads."""
    try:
        return function(*arguments)
    except ValueError as error:
        raise LaffError(str(error)) from None


def _compared(entry: Weights, path: Path) -> str:
    """sha256 in words; LaffError where it is not what was published, or noted when the file was fetched."""
    if wrong := lookup.damage(entry, path):
        raise LaffError(f"{wrong}: the file is damaged or another one; delete it and fetch it again")
    found = lookup.sha256_of(path)
    if lookup.published(entry):
        return f"sha256 {found}, as published"
    noted = {} if entry.path else fetch.noted(lookup.place(entry))
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
    return f"sha256 {found}, {'as noted when it was fetched' if noted else 'and none is published to compare it with'}"


def _settings(entry: Weights, path: Path, graph: Graph) -> list[str]:
    """The --set options by which a stage of the graph takes `path` with what the entry fixes."""
    users = [s for s in graph.stages.values() if s.part and not s.borrowed and s.uses]
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


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (f", … ({len(keys)} in all)" if len(keys) > SHOWN else "")
