"""The graph of a package: its stages file, with the files of what its stages learned."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.errors import LaffError, Problems, problems
from pipeline.graph import published, stages, step_facts
from pipeline.graph.graph import Graph, Package, Packed, Stage, Weights
from pipeline.graph.options import ModelOptions
from pipeline.graph.published import RANDOM
from pipeline.graph.stages_file import StagesFile
from pipeline.package.manifest import NAME, STAGES, WEIGHTS, Manifest, read

FREE = ("ingest", "import", "vectors", "rank", "evaluate", "report")  # steps whose params change no vector
FIT = "fit"  # of a stage that is no train stage


def graph(root: Path, sets: Sequence[str] = (), trusted: Sequence[str] = (), complete: bool = True) -> Graph:
    """The graph that applies a package, with settings that change no vector.

    Raises LaffError with all that is wrong: no package, another format, a changed stages file, a setting that the
    package fixes. Its other files are checked when a run or a search begins. complete: whether --set has to name the
    files that the package does not hold, such as imported features.
    """
    manifest = read(root)
    file = _stages_file(manifest)
    if mistakes := _refused(manifest, file, sets):
        raise (
            problems(f"--package {root}", mistakes)
            if len(mistakes) > 1
            else LaffError(f"--package {root}: {mistakes[0]}")
        )
    applied = stages.load(file, None, sets, trusted)
    packed = {name: _packed(manifest, applied.stages[name], file) for name in _learning(manifest, applied)}
    stages_made = {name: packed.get(name, stage) for name, stage in applied.stages.items()}
    applied = replace(applied, stages=stages_made, package=_package(manifest))
    _check_files(manifest, applied, sets, complete)
    return replace(applied, weights=applied.weights | _published_here(manifest, applied))


def _published_here(manifest: Manifest, applied: Graph) -> dict[str, Weights]:
    """Weights that stages need and the package does not hold, with the sources that this laff knows, not the package's.

    Raises LaffError for weights that this laff does not know, or whose digests differ.
    """
    named = {
        str(stage.params.get(param))
        for stage in applied.stages.values()
        if not (stage.packed or stage.borrowed)
        for param in ("weights", *stage.further)
    }
    known, weights, mistakes = published.entries({}, Problems()), {}, []
    for name, entry in applied.weights.items():
        if name not in named or entry.path:
            continue
        entry_here = known.get(name) or published.named(name)
        if entry_here is None or (entry_here.sha256, entry_here.files) != (entry.sha256, entry.files):
            state = "does not know" if entry_here is None else "knows as others"
            mistakes.append(
                f"it needs weights '{name}', which this laff {state}, and fetches from nowhere that a package says: "
                "take a package made --with-weights"
            )
        else:
            weights[name] = replace(entry, source=entry_here.source, file=entry_here.file)
    if mistakes:
        raise problems(f"--package {manifest.root}", mistakes)
    return weights


def _package(manifest: Manifest) -> Package:
    return Package(
        manifest.root,
        manifest.root.name,
        manifest.sha256,
        manifest.files,
        {
            (entry["stage"], entry["param"]): (str(entry.get("name")), str(entry.get("digest")))
            for entry in manifest.weights
        },
        {(entry["stage"], entry["param"]): entry.get("digests") for entry in manifest.inputs},
        manifest.code,
    )


def _stages_file(manifest: Manifest) -> StagesFile:
    """The package's stages.yaml, with full paths of the files that the package holds."""
    path = manifest.root / STAGES
    if not path.is_file() or files.sha256(path) != manifest.files[STAGES]:
        state = "has changed since" if path.is_file() else "is missing, which"
        raise LaffError(f"{path} {state} the package was made; copy the package anew from where it was made")
    file = StagesFile(path)
    whole = deepcopy(file.content)
    if not isinstance(whole, dict) or not isinstance(whole.get("stages"), dict):
        raise LaffError(f"{path}: has no 'stages:' mapping; copy the package anew from where it was made")
    for one in manifest.inputs:
        entry = whole["stages"].get(one["stage"])
        if isinstance(entry, dict) and one.get("files") and one.get("held"):
            held = [str(manifest.root / name) for name in one["held"] if _inside(name)]
            entry["params"] = (entry.get("params") or {}) | {one["param"]: held if one.get("several") else held[0]}
    file.content = whole
    return file


def _inside(name: Any) -> bool:
    return isinstance(name, str) and not Path(name).is_absolute() and ".." not in Path(name).parts


def _refused(manifest: Manifest, file: StagesFile, sets: Sequence[str]) -> list[str]:
    """Problems of settings that would make other vectors than the package's."""
    wrong = []
    given = {(one["stage"], one["param"]) for one in (*manifest.weights, *manifest.inputs)}
    for text in sets:
        where, _, _ = text.partition("=")
        name, _, key = where.partition(".")
        entry, param = file.entries.get(name), key.partition(".")[0]
        if entry is None or not key or key == "on" or (name, key) in given:
            continue  # of no stage: reported when the file is read
        step = str(entry.get("step"))
        if step in FREE and key not in ("from", "uses"):
            continue
        fuses = step in step_facts.names() and step_facts.about(step).fuses  # it lists the models
        if param in _free(step) and not fuses:
            continue
        known = (entry.get("params") or {}).get(param, entry.get(param))
        now = f", {where} is {known!r} there" if known is not None else ""
        wrong.append(
            f"--set {text}: the package fixes how its features and models are made{now}; other settings need a run of "
            "their own, without --package"
        )
    return wrong


def _free(step: str) -> list[str]:
    """Params of a step that do not change its results, so not `decoder`: another one gives slightly other frames."""
    return [param for param in step_facts.about(step).how if param != "decoder"] if step in step_facts.names() else []


def _check_files(manifest: Manifest, applied: Graph, sets: Sequence[str], complete: bool) -> None:
    """LaffError where params name files that nobody gave: what is neither given by --set nor lies in the package."""
    given = {text.partition("=")[0] for text in sets}
    lacking = {(one["stage"], one["param"]): one for one in manifest.inputs if not one.get("held")}
    mistakes: list[str] = []
    wanting: list[str] = []
    for entry in applied.weights.values():
        if entry.path and not (_inside(entry.path) and Path(entry.path).parts[0] == WEIGHTS):
            mistakes.append(f"weights '{entry.name}' lie at {entry.path!r}, out of the package")
    for stage in applied.stages.values():
        values = stage.values
        constants = stage.part.constants if stage.part else {}
        for param in dict.fromkeys(("weights", *stage.further, *stage.about.files, *constants.get("FILES", ()))):
            value, where = values.get(param), f"{stage.name}.{param}"
            if where in given or stage.borrowed or (stage.packed and param == "weights"):
                continue
            if stage.step == "import" and param == "file" and not value:
                wanting.append(
                    f"'{stage.name}' takes features that others extracted: give those of this collection by "
                    f"--set {where}=FILE, an .npz or a BigFile folder"
                )
            elif one := lacking.get((stage.name, param)):
                names = ", ".join(map(str, one.get("names") or []))
                wanting.append(
                    f"'{stage.name}' reads {names}, which the package does not hold: give it by --set {where}=FILE, or "
                    "take a package made --with-weights"
                )
            elif not _harmless(manifest, applied, value):
                mistakes.append(f"'{stage.name}': {param} names {value!r}, which is out of the package")
    mistakes += wanting if complete else []
    if mistakes:
        raise problems(f"--package {manifest.root}", mistakes)


def _harmless(manifest: Manifest, applied: Graph, value: Any) -> bool:
    """Whether a param of files or weights names only files of the package and published weights."""
    values = value if isinstance(value, list) else [value]
    paths = [
        Path(str(value_given))
        for value_given in values
        if value_given and value_given != RANDOM and value_given not in applied.weights
    ]
    return all(path.is_relative_to(manifest.root) and ".." not in path.parts for path in paths)


def _learning(manifest: Manifest, applied: Graph) -> list[str]:
    """The stages whose learned files a package holds. LaffError where one is missing, or is of no stage."""
    trains = [stage.name for stage in applied.stages.values() if stage.about.fuses]
    named = {*manifest.learned, *manifest.words, *(trains if manifest.trained else ())}
    mistakes = [f"there is no stage '{name}', whose file it holds" for name in named if name not in applied.stages]
    joint = {name for train in trains for name in applied.stages[train].options_as(ModelOptions).joint}
    mistakes += [
        f"it lacks what '{stage.name}' learned"
        for stage in applied.stages.values()
        if stage.fitted and stage.name not in named and stage.name not in joint
    ]
    mistakes += [
        f"it lacks the vocabulary of '{name}'"
        for name in joint
        if name not in manifest.words and "vocabulary" in _methods(applied, name)
    ]
    if mistakes:
        raise problems(f"{manifest.root}/{NAME}", mistakes)
    return [name for name in applied.stages if name in named]


def _methods(applied: Graph, name: str) -> frozenset[str]:
    """The methods of a stage's class; none for a stage that is not there, which is reported elsewhere."""
    stage = applied.stages.get(name)
    return frozenset(stage.part.methods) if stage and stage.part else frozenset()


def _packed(manifest: Manifest, stage: Stage, file: StagesFile) -> Stage:
    """The stage with its learned files. It reads only the `from` of its entry, since it does not learn any more."""
    if stage.about.fuses:
        names = dict(manifest.trained)
    else:
        names = {FIT: manifest.learned[stage.name]} if stage.name in manifest.learned else {}
        names |= {"words": manifest.words[stage.name]} if stage.name in manifest.words else {}
    entry = file.entries[stage.name].get("from") or []
    sources = tuple(map(str, entry)) if isinstance(entry, list) else (str(entry),)
    return replace(
        stage,
        sources=stage.sources if stage.about.fuses else tuple(source for source in stage.sources if source in sources),
        packed=Packed(
            {key: manifest.root / name for key, name in names.items()},
            {key: manifest.files[name] for key, name in names.items()},
            {name: (shape[0], shape[1]) for name, shape in manifest.widths.items()} if stage.about.fuses else {},
        ),
    )
