"""The modules in pipeline/steps: what each has to give, and its functions called for a stage."""

import importlib
from collections.abc import Sequence
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

NEEDED = ("Options", "units", "run")


class Step(Protocol):
    """What the module of a step has to give. Constants of its Options can be read without importing it.

    Beside these it may give, where there is something to say:
    `problems(context, stage) -> list[str]`: reasons why the stage cannot run;
    `state(context, stage) -> Planned`: what is cached or stale, where the index of its units does not say it;
    `shape(context, stage) -> (width, frames)` of its rows of features, as far as they are known before they are made;
    `keeps(context, planned) -> list[str]`: further files, below the stage's folder, that `laff gc` leaves;
    `run_together(context, plans)`: in place of `run`, several stages that share their work (Options.TOGETHER).
    """

    Options: Any  # a dataclass: the step's own params in stages.yaml; LaffError where it refuses their values

    def units(self, context: Context, stage: Stage) -> list[Unit]:
        """All units of the stage for the present collection, in order; at least one."""

    def run(self, context: Context, planned: Planned) -> None:
        """Make what is to be made, and record each unit."""


def module(stage: Stage) -> Step:
    """The module of a stage's step. LaffError where it is incomplete."""
    with blaming(f"in stage '{stage.name}', step '{stage.step}': while its file was imported"):
        step = importlib.import_module(module_of(stage.step))
    if lacks := [name for name in NEEDED if not hasattr(step, name)]:
        raise LaffError(f"{step.__file__} has no {', '.join(lacks)}; pipeline/plan/steps.py says what a step gives")
    if bool(stage.about.together) != hasattr(step, "run_together"):
        raise LaffError(f"{step.__file__}: TOGETHER of its Options and a function run_together go together: give both")
    return cast(Step, step)


def units(context: Context, name: str) -> list[Unit]:
    """All units of a stage for the present collection, in order.

    Empty where the collection lacks what they are made of. Raises LaffError where it does not and there are none.
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


def problems(context: Context, names: Sequence[str]) -> list[str]:
    """All reasons why these stages cannot run: their parts, models and devices."""
    mistakes: list[str] = []
    for name in names:
        stage = context.stage(name)
        look = None if stage.idle else getattr(module(stage), "problems", None)
        try:
            with blaming(f"in stage '{name}', problems of step '{stage.step}'"):
                mistakes += look(context, stage) if look else []
        except LaffError as error:
            mistakes.append(str(error))
        except ValueError as error:
            mistakes.append(f"'{name}': {error}")
    return mistakes


def refused(stage: Stage) -> str:
    """The values that the step's Options refuse, or ''. Types were checked when the stages file was read."""
    try:
        stage.options_as(module(stage).Options)
    except (LaffError, ValueError) as error:
        return f"'{stage.name}': {error}"
    return ""


def shape(context: Context, stage: Stage) -> tuple[int, int]:
    """Width of a stage's rows of features, and frames of a video at most, before they are made; 1 is not known yet."""
    look = getattr(module(stage), "shape", None)
    width, frames = look(context, stage) if look else (1, 1)
    return width, frames
