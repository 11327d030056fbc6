"""The modules in pipeline/steps: what each has to give, and its functions called for a stage."""

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from pipeline.errors import LaffError
from pipeline.graph.graph import Stage
from pipeline.graph.step_facts import module_of
from pipeline.parts.blame import blaming
from pipeline.plan.context import Context
from pipeline.plan.lacks import lacks
from pipeline.plan.planned import Planned
from pipeline.plan.units import Unit, nothing
from pipeline.store import verify
from pipeline.weights import lookup

NEEDED = ("Options", "units", "run")


class Step(Protocol):
    """What the module of a step has to give. Constants of its Options can be read without importing it.

    The module may also have these functions:
    `problems(context, stage) -> list[str]`: reasons why the stage cannot run;
    `state(context, stage) -> Planned`: what is cached or stale, if the index of its units does not say it;
    `shape(context, stage) -> (width, frames)` of its rows of features, as far as they are known before they are made;
    `keeps(context, planned) -> list[str]`: further files, below the stage's folder, that `laff gc` leaves;
    `run_together(context, plans)`: replaces `run` for several stages that share their work (Options.TOGETHER).
    """

    Options: Any  # a dataclass: the step's own params in stages.yaml; raises LaffError for values that it refuses

    def units(self, context: Context, stage: Stage) -> list[Unit]:
        """All units of the stage for the present collection, in order; at least one.

        The content of a unit must change with everything that the unit is made from, else it stays cached when it
        should be made again. `shards`, `fit`, `model`, `ranked` and `vectors` of pipeline/plan/units.py see to it. A
        step that makes a unit with `whole` gives it `content_of` the stages that it reads: their units, and the videos
        that they lost. A stage that gets a lost video back has the same units as before.

        A plan calls this before `problems`, so it must not fail on what `problems` reports.
        """

    def run(self, context: Context, planned: Planned) -> None:
        """Make the units in `planned.todo`, and record each one."""


def module(stage: Stage) -> Step:
    """The module of a stage's step. LaffError if it is incomplete."""
    with blaming(f"in stage '{stage.name}', step '{stage.step}': while its file was imported"):
        step = importlib.import_module(module_of(stage.step))
    if missing := [name for name in NEEDED if not hasattr(step, name)]:
        raise LaffError(f"{step.__file__} has no {', '.join(missing)}; pipeline/plan/steps.py says what a step gives")
    if bool(stage.about.together) != hasattr(step, "run_together"):
        raise LaffError(f"{step.__file__}: TOGETHER of its Options and a function run_together go together: give both")
    return cast(Step, step)


def units(context: Context, name: str) -> list[Unit]:
    """All units of a stage for the present collection, in order.

    Empty if the collection lacks what they are made from. Raises LaffError if it lacks nothing and there are none.
    """
    stage = context.stage(name)
    if stage.packed and not stage.about.rows:  # the package has all that it would make
        return []
    if stage.idle:
        return [nothing(context, stage)]
    with blaming(f"in stage '{name}', units of step '{stage.step}'"):
        stage_units = module(stage).units(context, stage)
    if not stage_units and not lacks(context, name):
        raise LaffError(f"'{name}' has no units: its step '{stage.step}' makes nothing of this collection")
    known_files = verify.pattern(stage.about.makes)
    if unsaid := next((file for unit in stage_units for file in unit.makes if not known_files.fullmatch(file)), ""):
        raise LaffError(f"'{name}' makes {unsaid}, which MAKES of its step '{stage.step}' does not say")
    return stage_units


def content_of(context: Context, *sources: str) -> list[Any]:
    """What a unit is made from if it reads all results of these stages; for `whole`.

    It holds their units and the videos that they lost. Both are needed: when a lost video is extracted after
    `--retry-failed`, the units of its stage stay the same.
    """
    contents = [[source, unit.key, unit.content] for source in sources for unit in units(context, source)]
    return [contents, sorted(context.lost(list(sources)))]


def problems(context: Context, names: Sequence[str]) -> list[str]:
    """All reasons why these stages cannot run: their parts, models and devices."""
    mistakes: list[str] = []
    for name in names:
        stage = context.stage(name)
        check = None if stage.idle else getattr(module(stage), "problems", None)
        try:
            with blaming(f"in stage '{name}', problems of step '{stage.step}'"):
                mistakes += check(context, stage) if check else []
        except LaffError as error:
            mistakes.append(str(error))
        except ValueError as error:
            mistakes.append(f"'{name}': {error}")
    return mistakes


def refused(stage: Stage) -> str:
    """Why the step's Options refuse the stage's values, or ''. The stages file was checked for their types before."""
    try:
        stage.options_as(module(stage).Options)
    except (LaffError, ValueError) as error:
        return f"'{stage.name}': {error}"
    return ""


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """(width, frames) of a stage's rows of features, before they are made; frames: of a video at most.

    1 stands for a number that is not known yet.
    """
    shape_of = getattr(module(stage), "shape", None)
    if own_file := lookup.own_file(stage.params.get("weights"), context.graph):  # a folder of the hub tells its width
        stage = replace(stage, params={**stage.params, "weights": str(own_file.absolute())})
    width, frames = shape_of(context, stage) if shape_of else (1, 1)
    return width, frames
