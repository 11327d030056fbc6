"""Which models a train stage trains, and which rows a rank stage ranks."""

import re
from dataclasses import dataclass, field
from typing import Any

from pipeline import parts
from pipeline.binding import bind
from pipeline.context import Context
from pipeline.errors import LaffError
from pipeline.graph import FILLED, Stage

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
CHANCE = "chance"  # the row that evaluate adds
KEYS = ("uses", "params", "video", "text", "options")  # of a baseline's entry


@dataclass(frozen=True)
class Model:
    """One block over some features, trained once per seed."""

    name: str
    uses: str
    video: tuple[str, ...]
    text: tuple[str, ...]
    seeds: tuple[int, ...]
    params: dict[str, Any]
    single: bool = False  # over one video feature, beside the model over all
    options: dict[str, Any] = field(default_factory=dict)  # of the training, where they differ from the stage's

    @property
    def frames(self) -> tuple[str, ...]:
        """The video features that it reads frame by frame."""
        return tuple(name for name in self.params.get("frames", ()) if name in self.video)


@dataclass(frozen=True)
class Row:
    """One row of the table of results: a model, the mean of several models' scores, or two features compared."""

    name: str
    seeds: tuple[int, ...]
    models: tuple[Model, ...] = ()  # scores are averaged over them
    features: tuple[str, ...] = ()  # or (video feature, text feature), compared by their cosine


def main(stage: Stage) -> str:
    """The name of a train stage's own model: its block's file, as laff for fusion.laff.LAFF."""
    return str(stage.uses).split(".")[-2]


def of(context: Context, stage: Stage) -> list[Model]:
    """All models of a train stage: its own, its baselines, and its own on each single video feature."""
    video, text = (tuple(names) for names in context.features(stage.name))
    seeds = tuple(stage.options["seeds"])
    own = main(stage)
    found = [Model(own, str(stage.uses), video, text, seeds, stage.params)]
    for name, entry in stage.options["baselines"].items():
        found.append(_baseline(context, stage, name, {"uses": entry} if isinstance(entry, str) else entry))
    if stage.options["singles"] and len(video) > 1:
        found += [Model(f"{own}-{one}", str(stage.uses), (one,), text, seeds, stage.params, True) for one in video]
    _check_names(stage, [model.name for model in found])
    return found


def _check_names(stage: Stage, names: list[str]) -> None:
    """LaffError where a name of a model or row stands twice or cannot be a folder."""
    for name in names:
        if not NAME.fullmatch(name):
            raise LaffError(f"'{stage.name}': '{name}' is to be a folder; use letters, digits, _ and -")
        if names.count(name) > 1 or name == CHANCE:
            raise LaffError(f"'{stage.name}': the name '{name}' is taken; give the baseline or pair another")


def _baseline(context: Context, stage: Stage, name: str, entry: dict[str, Any]) -> Model:
    """A further model: where its entry says nothing, it has the stage's features, params and way of training."""
    where = f"'{stage.name}': baseline '{name}'"
    wrong = [f"unknown key '{key}'{parts.did_you_mean(key, KEYS)}" for key in entry if key not in KEYS]
    wrong += (
        [] if isinstance(entry.get("uses"), str) else ["uses should name a block or model, such as fusion.laff.LAFF"]
    )
    sides = []
    for side, have in zip(("video", "text"), context.features(stage.name), strict=True):
        names = entry.get(side, have)
        if not isinstance(names, list | tuple) or not names:
            wrong.append(f"{side} should list at least one feature, not {names!r}")
            continue
        wrong += [f"{side}: no feature '{one}'{parts.did_you_mean(one, have)}" for one in names if one not in have]
        sides.append(tuple(names))
    options, mistakes = bind(entry.get("options", {}), parts.part("pipeline.learning.Learning").parameters)
    wrong += mistakes
    if wrong:
        raise LaffError(f"{where}: {'; '.join(wrong)}")
    video, text = sides
    params = _params(stage, where, entry["uses"], entry.get("params", {}), context.graph.trusted)
    given = {key: options[key] for key in entry.get("options", {})}
    return Model(name, entry["uses"], video, text, tuple(stage.options["seeds"]), params, options=given)


def _params(stage: Stage, where: str, uses: str, own: dict[str, Any], trusted: frozenset[str]) -> dict[str, Any]:
    """The params of another block: its own, else the stage's where it has the parameter, else its defaults."""
    try:
        described = parts.plugged(uses, trusted)
    except parts.PartError as error:
        raise LaffError(f"{where} cannot use {uses}: {error}") from None
    wanted = {key: value for key, value in described.parameters.items() if key not in FILLED}
    bound, wrong = bind({key: value for key, value in stage.params.items() if key in wanted} | own, wanted)
    if wrong:
        raise LaffError(f"{where} cannot use {uses}: {'; '.join(wrong)}")
    return bound


def recipe(context: Context, stage: Stage, model: Model) -> dict[str, Any]:
    """What shapes one model: its block, its features, the way of training; not the other models or seeds."""
    whole = context.recipe(stage.name)
    own = {key: value for key, value in whole["params"].items() if key not in stage.params}
    module = model.uses.rpartition(".")[0]
    code = whole["code"] | parts.code([module], context.graph.trusted)
    stage_module = str(stage.uses).rpartition(".")[0]
    if module != stage_module:
        code = {name: digest for name, digest in code.items() if name != stage_module}
    used = {*model.video, *model.text}
    joint = set(stage.options["joint"])
    reads = {name: print_ for name, print_ in whole["from"].items() if name in used or name not in stage.sources}
    found = {key: value for key, value in whole.items() if key.startswith("joint ")}
    return found | {
        "step": "train",
        "uses": model.uses,
        "params": own | model.options | model.params,
        "code": code,
        "from": reads,
        "video": list(model.video),
        "text": [name + (" (joint)" if name in joint else "") for name in model.text],
    }


def rows(context: Context, stage: Stage) -> list[Row]:
    """The rows of a rank stage, in the order of the table."""
    train = context.stage(stage.sources[0])
    trained = of(context, train)
    found = [Row(model.name, model.seeds, models=(model,)) for model in trained]
    singles = tuple(model for model in trained if model.single)
    if singles:
        found.append(Row("mean", singles[0].seeds, models=singles))
    for name, pair in stage.options["pairs"].items():
        if len(pair) != 2:
            raise LaffError(f"'{stage.name}': pairs.{name} should be [video feature, text feature], not {pair!r}")
        video, text = context.features(train.name)
        if pair[0] in video and pair[1] in text:
            found.append(Row(name, (0,), features=(pair[0], pair[1])))
    _check_names(stage, [row.name for row in found])
    return found
