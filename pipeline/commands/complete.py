"""What the shell completes: names of profiles, runs, stages, params, models, grids and so on, as they are here.

Called while a person types, so that nothing heavy is imported, and nothing may fail: without a workspace or with a
broken stages file, fewer names are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from pipeline.graph.stages_file import StagesFile

Items = list[CompletionItem]
Completer = Callable[[click.Context, click.Parameter, str], Items]
PIPELINE = Path(__file__).parents[1]


def items(names: Iterable[str], incomplete: str, files: bool = False) -> Items:
    """The names that begin as the incomplete word does; files: a file may stand there too."""
    found = [CompletionItem(name) for name in dict.fromkeys(names) if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, type="file")] if files and not found else found


def of(names: Callable[[click.Context], Iterable[str]], files: bool = False) -> Completer:
    """A completer of the names that a function finds; of none where it cannot."""

    def complete(context: click.Context, option: click.Parameter, incomplete: str) -> Items:
        try:
            return items(names(context), incomplete, files)
        except Exception:
            return []

    return complete


def _file(context: click.Context) -> StagesFile:
    """The stages file that the command line leads to so far."""
    return context.find_root().ensure_object(StagesFile)


def _work(context: click.Context) -> Path | None:
    """The workspace that the command line names, else the nearest."""
    from pipeline.store import home

    work = context.params.get("work")
    return home.meant(Path(work)) if work else home.nearest(Path())


def _stages_of(context: click.Context, *steps: str) -> list[str]:
    """The stages of some steps; of all, if none is named."""
    return [name for name, entry in _file(context).entries.items() if not steps or entry.get("step") in steps]


def _profiles(context: click.Context) -> list[str]:
    return list(_file(context).content.get("profiles") or {})


def _runs(context: click.Context) -> list[str]:
    from pipeline.store import home

    work = _work(context)
    return [home.MAIN, *_folders(work / home.RUNS)] if work else []


def _models(context: click.Context) -> list[str]:
    """What was trained, each model and each of its seeds; then features of both sides, which can search too."""
    work = _work(context)
    if work is None:
        return []
    name = str(context.params.get("name") or "")
    folders = [work / "runs" / name / stage if name and name != "main" else work / stage for stage in _trains(context)]
    trained = [model for folder in folders for model in _folders(folder)]
    seeds = [f"{model}/{seed}" for folder in folders for model in _folders(folder) for seed in _folders(folder / model)]
    pairs = [stage for stage in _stages_of(context, "extract") if (work / stage / "text").is_dir()]
    return [*trained, *pairs, *seeds]


def _trains(context: click.Context) -> list[str]:
    return _stages_of(context, "train")


def _rows(context: click.Context) -> list[str]:
    """The rows of the table of results."""
    work = _work(context)
    return [row for stage in _stages_of(context, "rank") for row in _folders(work / stage)] if work else []


def _features(context: click.Context) -> list[str]:
    """The features that the workspace has; of the stages file, if there is no workspace."""
    work, names = _work(context), _stages_of(context, "extract", "import", "vectors")
    return [name for name in names if work is None or (work / name).is_dir()]


def _pairs(context: click.Context) -> list[str]:
    """Features of both sides, by the classes that make them; their sources are read, not imported."""
    from pipeline.parts.classes import part

    entries = _file(context).entries
    uses = {name: str(entries[name].get("uses") or "") for name in _stages_of(context, "extract")}
    return [
        name for name, path in uses.items() if path and set(part(path).constants.get("sides", ())) == {"video", "text"}
    ]


def _folders(folder: Path) -> list[str]:
    """The visible folders in a folder, sorted."""
    return sorted(path.name for path in folder.glob("[!._]*") if path.is_dir())


def _files_in(folder: str, ending: str = ".yaml") -> list[str]:
    """The names of the files that come with laff in a folder of it."""
    return sorted(path.stem for path in (PIPELINE / folder).glob(f"[!_]*{ending}"))


def _weights(context: click.Context) -> list[str]:
    """The entries of published weights, those of the stages file too."""
    from pipeline import yamls
    from pipeline.parts.code import ROOT

    own = _file(context).content.get("weights") or {}
    return [*own, *(yamls.load(ROOT / "extractors" / "weights.yaml") or {})]


def _present(context: click.Context, stage: str) -> dict[str, str]:
    """The params of a stage that the profile and --set give: those typed, else those that the workspace remembers."""
    from pipeline import yamls
    from pipeline.graph.params import shown
    from pipeline.store import memory

    work, name = _work(context), str(context.params.get("name") or "")
    known = (memory.read(work, name) or memory.read(work)) if work and not context.params.get("collection") else None
    typed = context.params.get("profile")
    profile = typed if typed is not None else known.profile if known else None
    changed = (_file(context).content.get("profiles") or {}).get(profile or "") or {}
    values = {param: shown(value) for param, value in _flat(changed.get(stage) or {}).items()}
    for text in (*(known.sets if known else ()), *(context.params.get("sets") or ())):
        where, _, value = text.partition("=")
        if where.startswith(f"{stage}."):
            name = where.removeprefix(f"{stage}.")
            values |= {param: shown(one) for param, one in _flat({name: yamls.parse(value, where)}).items()}
    return values


def _flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Params by the names that --set takes: of `fit: {epochs: 15}` also `fit.epochs`."""
    inner = {
        f"{name}.{key}": one for name, value in params.items() if isinstance(value, dict) for key, one in value.items()
    }
    return {**params, **inner}


def _settings(context: click.Context, option: click.Parameter, incomplete: str) -> Items:
    """`--set`: stages with a point behind; of one stage its params with their values."""
    stage, point, _ = incomplete.partition(".")
    names = _stages_of(context)
    if not point:
        near = [name for name in names if name.startswith(stage)]
        if len(near) != 1:
            return items([f"{name}." for name in near], incomplete)
        stage = near[0]
    from pipeline.graph import params

    listed = [param for members in params.listed(stage, _file(context)).values() for param in members]
    present = _present(context, stage)
    return [
        CompletionItem(f"{stage}.{param.name}={present.get(param.name, param.value)}", help=param.meaning)
        for param in listed
        if f"{stage}.{param.name}=".startswith(incomplete)
    ]


def settings(context: click.Context, option: click.Parameter, incomplete: str) -> Items:
    """The completer of --set."""
    try:
        return _settings(context, option, incomplete)
    except Exception:
        return []


PROFILES, RUNS, STAGES = of(_profiles), of(_runs), of(_stages_of)
MODELS, ROWS, FEATURES, WEIGHTS = of(_models), of(_rows, files=True), of(_features), of(_weights, files=True)
PAIRS = of(_pairs)
SIDES = of(_runs, files=True)  # of `laff diff`: the name of a run, or a workspace
GRIDS = of(lambda context: _files_in("compare/grids"), files=True)
FACETS = of(lambda context: _files_in("score/facets"), files=True)
TABLES = of(lambda context: _files_in("published/tables"))
DATA_SETS = of(lambda context: _files_in("protocols/sets", ".py"))
