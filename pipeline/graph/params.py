"""What can be set on a stage: its params with their values and what they mean, as `laff STAGE --help` lists them."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError
from pipeline.graph import aggregators, stages, step_facts
from pipeline.graph.entry import trained_by_steps
from pipeline.graph.graph import FILLED
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.binding import Params, words
from pipeline.parts.classes import Parameter, part, plugged
from pipeline.parts.comments import beside


@dataclass(frozen=True)
class Param:
    """One param of a stage."""

    name: str  # as `--set STAGE.name=…` takes it
    value: str  # what it is when nothing else is said, as YAML; "" where it must be given
    meaning: str


def listed(name: str, file: StagesFile) -> dict[str, list[Param]]:
    """The params of a stage, {title: params}: the step's, and those of the class that it works with.

    Values are those of the stages file, or of the entry of the weights that it names, else the defaults in the code.
    A file with mistakes is read as far as possible.
    """
    try:
        stage = stages.read(file)[0].stages.get(name)
        if stage is None:
            return {}
        step = step_facts.about(stage.step)
    except LaffError:  # no stages, or a step that there is not
        return {}
    values: Params = stage.values
    params_of: dict[str, list[Param]] = {}
    if stage.part and stage.lender:
        free = {key: stage.part.parameters[key] for key in stage.part.member("FREE")}
        params_of[f"Params of {stage.part.path}, but for those that '{stage.lender}' says"] = _params(free, values)
    elif stage.part:
        parameters = {key: parameter for key, parameter in stage.part.parameters.items() if key not in FILLED}
        params_of[f"Params of {stage.part.path}"] = _params(parameters, values)
        if "fit" in step.parameters and trained_by_steps(stage.part):
            recipe = part("pipeline.graph.recipe.Fit").parameters
            params_of["How it is trained"] = _params(recipe, stage.options.get("fit") or {}, "fit.")
    if stage.aggregator and not stage.lender:
        wanted = plugged(stage.aggregator.uses).parameters
        parameters = {key: parameter for key, parameter in wanted.items() if key not in aggregators.GIVEN}
        params_of[f"Params of {stage.aggregator.uses}"] = _params(
            parameters, stage.aggregator.params, "aggregate_params."
        )
    parameters = {
        key: parameter for key, parameter in step.parameters.items() if key not in ("fit", "aggregate_params")
    }
    params_of[f"Params of step {step.name}"] = _params(parameters, values)
    return params_of


def _params(parameters: Mapping[str, Parameter], values: Mapping[str, Any], prefix: str = "") -> list[Param]:
    comments = beside(parameters)
    params = []
    for name, parameter in parameters.items():
        value = values.get(name, parameter.default)
        meant = [text for text in (comments[name], _choices(parameter, value)) if text]
        must = parameter.required and name not in values
        params.append(Param(prefix + name, "" if must else shown(value), "; ".join(meant)))
    return params


def _choices(parameter: Parameter, value: Any) -> str:
    """The values or types that a param takes, where its value does not show them; else ''."""
    kinds = _kinds(ast.parse(parameter.annotation, mode="eval").body)
    if any(isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "Literal" for kind in kinds):
        named = [node.value for kind in kinds for node in ast.walk(kind) if isinstance(node, ast.Constant)]
        return " | ".join([*map(str, named), *(words(kind.id) for kind in kinds if isinstance(kind, ast.Name))])
    return " or ".join(words(ast.unparse(kind)) for kind in kinds) if parameter.required or value is None else ""


def _kinds(annotation: ast.expr) -> list[ast.expr]:
    """The types of a union, None left out."""
    if isinstance(annotation, ast.BinOp):
        return [*_kinds(annotation.left), *_kinds(annotation.right)]
    return [] if ast.unparse(annotation) == "None" else [annotation]


def shown(value: Any) -> str:
    """A value as one would type it in YAML."""
    return yamls.inline(_plain(value))


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
