"""The files of a package: what was learned, and weights and other files that its stages read."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from pipeline import files
from pipeline.assembly import assemble
from pipeline.build import learned
from pipeline.errors import LaffError
from pipeline.files import JsonObject
from pipeline.graph.graph import Stage, Weights
from pipeline.graph.published import RANDOM
from pipeline.graph.stages_file import Entries
from pipeline.package.manifest import INPUTS, LEARNED, TRAINED, WEIGHTS
from pipeline.packing.selection import Selection
from pipeline.plan.context import Context
from pipeline.weights import lookup


@dataclass
class Held:
    """The files that were copied into a package, and their entries in its package.yaml."""

    root: Path
    learned: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    trained: dict[str, str] = field(default_factory=dict)
    weights: list[JsonObject] = field(default_factory=list)
    inputs: list[JsonObject] = field(default_factory=list)
    entries: dict[str, JsonObject] = field(default_factory=dict)  # of `weights:` in the stages file

    def copy(self, source: Path, name: str) -> str:
        """Copy a file below the package; returns its name there."""
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.writing(target):
            shutil.copyfile(source, target)
        return name


def hold(context: Context, selection: Selection, root: Path, stages: Entries, with_weights: bool) -> Held:
    """Copy the learned files, and `with_weights` all other files; changes the params in `stages` to the copies."""
    held = Held(root)
    for stage in selection.learned:
        source = learned.file(context, stage)
        assert source is not None
        held.learned[stage.name] = held.copy(source, f"{LEARNED}/{stage.name}/{source.name}")
    if selection.joint and selection.train:
        for joint in assemble.joints(context, selection.train):
            if joint.name in selection.joint and joint.words:
                name = held.words[joint.name] = f"{LEARNED}/{joint.name}/words.json"
                files.write_text(root / name, json.dumps(joint.words, ensure_ascii=False, indent=0) + "\n")
    for kept in selection.ones:
        if kept.model and selection.train:
            source = assemble.best(context, selection.train, kept.model, kept.seed)
            held.trained[kept.key] = held.copy(source, f"{TRAINED}/{kept.key}/{source.name}")
    for stage in selection.stages:
        for param in ("weights", *stage.further):
            if not stage.borrowed and stage.params.get(param) not in (None, "", RANDOM):
                stages[stage.name]["params"][param] = _weights(context, held, stage, param, with_weights)
        for param in _files(stage):
            _input(context, held, stage, param, stages, with_weights)
    return held


def _weights(context: Context, held: Held, stage: Stage, param: str, copies: bool) -> str:
    """Note the weights of a stage, and copy them if `copies`; returns the name of their entry."""
    name = str(stage.params[param])
    entry = lookup.entry_of(context.graph, name)
    published = entry is not None and not entry.path
    title = name if published else f"{stage.name}-{param}"
    needed = not stage.fitted  # what a fine-tuning started from is of no use any more
    described = _told(entry) if entry and published else {}
    folder = f"{WEIGHTS}/{re.sub(r'[^A-Za-z0-9._-]+', '-', title)}"
    path = lookup.get(stage, context.graph, context.work, param) if needed and copies else None
    if path is not None:
        described["path"] = f"{folder}/{path.name}"
        for source, inside in _inside(path, entry if published else None, stage):
            held.copy(source, f"{folder}/{inside}")
    elif not published:
        described["path"] = f"{folder}/{Path(entry.path if entry and entry.path else name).name}"
    held.entries[title] = described
    if needed:
        held.weights.append(
            {
                "stage": stage.name,
                "param": param,
                "name": title,
                "digest": lookup.digest(stage, context.graph, context.work, param),
                "held": path is not None,
                "licence": entry.licence if entry else "",
                "source": entry.source if entry and published else "a file of the user's",
            }
        )
    return title


def _told(entry: Weights) -> JsonObject:
    """The entry as it is written in a stages file."""
    return {
        key.name: getattr(entry, key.name)
        for key in fields(entry)
        if key.name not in ("name", "path") and getattr(entry, key.name)
    }


def _inside(path: Path, published: Weights | None, stage: Stage) -> Iterator[tuple[Path, str]]:
    """The files of weights, each with its name below the folder that it is copied to."""
    if path.is_file():
        yield path, path.name
        for name in stage.part.constants.get("BESIDE", ()) if stage.part and not published else ():
            if path.with_name(name).is_file():
                yield path.with_name(name), name
        return
    if published and published.files:
        yield from ((path / name, f"{path.name}/{name}") for name in published.files)
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if file.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield file, f"{path.name}/{inside.as_posix()}"


def _files(stage: Stage) -> list[str]:
    """Params that name files which the stage reads in any collection; imported features belong to one collection."""
    if stage.step == "import":
        return []
    constants = stage.part.constants if stage.part else {}
    values = stage.values
    return [name for name in (*constants.get("FILES", ()), *stage.about.files) if values.get(name)]


def _input(context: Context, held: Held, stage: Stage, param: str, stages: Entries, copies: bool) -> None:
    """Note the files that a param names, and copy them if `copies`; removes the param from the stage's entry."""
    value = stage.values[param]
    paths = [context.path(name) for name in (value if isinstance(value, list) else [value])]
    if lost := [path for path in paths if not path.exists()]:
        raise LaffError(f"'{stage.name}': {param}: no such file: {lost[0]}")
    placed, copied = [], []
    for number, path in enumerate(paths if copies else ()):
        folder = f"{INPUTS}/{stage.name}/{param}{number or ''}"
        placed.append(f"{folder}/{path.name}")
        inside = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
        copied += [
            held.copy(file, f"{folder}/{path.name}" if file == path else f"{folder}/{path.name}/{file.name}")
            for file in inside
        ]
    held.inputs.append(
        {
            "stage": stage.name,
            "param": param,
            "names": [path.name for path in paths],
            "digests": context.recipe(stage.name)[f"file of {param}"],
            "several": isinstance(value, list),
            "held": placed,
            "files": copied,
        }
    )
    del stages[stage.name]["params"][param]
