"""The trained weights that a training starts from: the file that `train.init` means for a model and a seed."""

import re
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.package import manifest
from pipeline.plan.context import Context

STATE = "best.pt"
SEED = re.compile(r"seed(\d+)")


def file(context: Context, stage: Stage, model: Model, seed: int) -> Path | None:
    """The best.pt that a model starts from with this seed; None where it starts from random weights.

    A file is for all models and seeds. In a folder each seed starts from its own; where there is one seed only, all
    start from that. LaffError where there is nothing for the model or the seed.
    """
    given = model.training(stage).init
    if not given or stage.packed:
        return None
    place, where = context.path(given), f"'{stage.name}': init of {model.name}"
    if place.is_file():
        return place
    if not place.exists():
        raise LaffError(f"{where}: no such file or folder: {place}")
    if (place / STATE).is_file():
        return place / STATE
    models = _models(place, stage)
    if not models:
        raise LaffError(
            f"{where}: {place} holds no trained model; give a {STATE}, a workspace, a package, or a folder that holds "
            f"MODEL/seedN/{STATE}"
        )
    seeds = models.get(model.name) or models.get("")
    if not seeds:
        raise LaffError(
            f"{where}: {place} has no model '{model.name}'{did_you_mean(model.name, list(models))} (it has "
            f"{', '.join(models)}); `options: {{init: FILE}}` of an entry of baselines gives it a file of its own, and "
            "`options: {init: ''}` random weights"
        )
    if seed in seeds:
        return seeds[seed]
    if len(seeds) == 1:
        return next(iter(seeds.values()))
    raise LaffError(
        f"{where}: {place} has it with seeds {', '.join(map(str, sorted(seeds)))} and not with {seed}; train with "
        f"those, or give the {STATE} of one of them for all seeds"
    )


def _models(place: Path, stage: Stage) -> dict[str, dict[int, Path]]:
    """The trained models of a folder: {model: {seed: best.pt}}; the model '' fits any name."""
    if manifest.is_package(place):
        packed = manifest.read(place)
        return _by_model({key: packed.root / name for key, name in packed.trained.items()})
    for folder in (place / stage.name, place / "train", place):
        if models := _by_model(
            {path.parent.relative_to(folder).as_posix(): path for path in folder.glob(f"*/*/{STATE}")}
        ):
            return models
    return _by_model({f"/{path.parent.name}": path for path in place.glob(f"*/{STATE}")})


def _by_model(files: dict[str, Path]) -> dict[str, dict[int, Path]]:
    models: dict[str, dict[int, Path]] = {}
    for key, path in sorted(files.items()):
        name, _, last = key.rpartition("/")
        if seed := SEED.fullmatch(last):
            models.setdefault(name, {})[int(seed[1])] = path
    return models


def content(context: Context, stage: Stage, model: Model, seed: int) -> list[str]:
    """What a unit's content says of the weights that its training starts from; empty where these are random.

    Where they are gone, what they were when they were last seen still holds for what was trained with them.
    """
    seen = _seen(context, stage, model, seed)
    try:
        path = file(context, stage, model, seed)
    except LaffError:  # `problems` of the step says it
        return [context.work.remembered(seen) or "missing"]
    if path is None:
        return []
    digest = context.work.sha256(path)
    context.work.remember(seen, digest)
    return [digest]


def is_known(context: Context, stage: Stage, model: Model, seed: int) -> bool:
    """Whether a training may have started from these weights before, even if they are gone now."""
    return bool(context.work.remembered(_seen(context, stage, model, seed)))


def _seen(context: Context, stage: Stage, model: Model, seed: int) -> str:
    given = model.training(stage).init
    return f"{context.path(given) if given else ''} {model.name}/seed{seed}"


def root(path: Path) -> Path | None:
    """The package or workspace that a best.pt lies in; None where it lies in neither."""
    for folder in path.absolute().parents:
        if manifest.is_package(folder) or (folder / "ingest" / "table.h5").is_file():
            return folder
    return None


def damage(context: Context, path: Path) -> str:
    """How a best.pt of a package differs from what the package lists, or ''."""
    folder = root(path)
    if folder is None or not manifest.is_package(folder):
        return ""
    listed = manifest.read(folder).files.get(path.absolute().relative_to(folder).as_posix())
    if listed == context.work.sha256(path):
        return ""
    return f"{path} has changed since the package was made; copy the package anew from where it was made"
