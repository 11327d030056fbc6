"""Bind the params of stages.yaml to the parameters of a class, and report all that is wrong with them at once."""

import ast
from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.errors import did_you_mean, meant
from pipeline.parts.classes import Parameter
from pipeline.parts.comments import beside

MISSING = object()
# Values of params by name. They are Any, for `bind` checks each against the annotation of the parameter that takes it,
# which no type checker can follow; JSON can hold them.
Params = dict[str, Any]


def bind(params: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> tuple[Params, list[str]]:
    """The params completed with defaults and brought to the annotated types, and the list of what is wrong.

    params: as typed in stages.yaml; parameters: those of the class.
    """
    problems = [
        f"unknown parameter '{name}'{meant(name, list(parameters))}" for name in params if name not in parameters
    ]
    bound: Params = {}
    for name, parameter in parameters.items():
        value = params.get(name, MISSING)
        if value is MISSING:
            if parameter.required:
                problems.append(f"parameter '{name}' ({parameter.annotation}) is missing")
            else:
                bound[name] = _default(parameter)
            continue
        try:
            bound[name] = _convert(value, _parsed(parameter.annotation))
        except TypeError as error:
            # What a mapping should hold its comment says better than its type.
            comment = beside(parameters)[name] if "dict[" in parameter.annotation else ""
            problems.append(f"{name}: {error}{comment and f': {comment}'}")
    return bound, problems


def _default(parameter: Parameter) -> Any:
    """The default, as the same value typed in YAML would be bound: 60 of a float parameter is 60.0."""
    value = _plain(parameter.default)
    try:
        return _convert(value, _parsed(parameter.annotation))
    except TypeError:
        return value


def _plain(value: Any) -> Any:
    """The value with tuples turned to lists, so that a default equals the same value typed in YAML."""
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


@cache
def _parsed(annotation: str) -> ast.expr:
    return ast.parse(annotation, mode="eval").body


@cache
def _text(annotation: ast.expr) -> str:
    return ast.unparse(annotation)


def _convert(value: Any, annotation: ast.expr) -> Any:
    """The value brought to the annotated type; TypeError that shows the value where it does not fit.

    annotation: of `_parsed`, whose nodes stay.
    """
    text = _text(annotation)
    wrong = TypeError(f"{value!r} should be {words(text)}")
    if isinstance(annotation, ast.BinOp):  # X | None
        closest = wrong
        for option in (annotation.left, annotation.right):
            try:
                return _convert(value, option)
            except TypeError as error:
                if isinstance(value, list) and words(_text(option)).startswith("a list"):
                    closest = error  # it is a list as it should be: what is wrong is in it
        raise closest
    if isinstance(annotation, ast.Subscript):
        return _convert_generic(value, annotation, wrong)
    if text == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    exact: dict[str, type] = {"int": int, "str": str, "bool": bool, "dict": dict, "list": list}
    if text in exact:
        if isinstance(value, exact[text]) and (text == "bool" or not isinstance(value, bool)):
            return value
        raise wrong
    if text == "float" or (text == "None" and value is not None):
        raise wrong
    return value


def _convert_generic(value: Any, annotation: ast.Subscript, wrong: TypeError) -> Any:
    name = _text(annotation.value).rpartition(".")[2]
    arguments = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if name == "Literal":
        options = [ast.literal_eval(argument) for argument in arguments]
        if value in options and type(value) in {type(option) for option in options}:
            return value
        raise TypeError(f"{wrong}{did_you_mean(str(value), [str(option) for option in options])}")
    if name in ("list", "tuple", "Sequence"):
        if not isinstance(value, list | tuple):
            raise wrong
        return [_convert(item, arguments[0]) for item in value]
    if name in ("dict", "Mapping"):
        if not isinstance(value, dict):
            raise wrong
        return {_convert(key, arguments[0]): _convert(item, arguments[1]) for key, item in value.items()}
    return value


SIMPLE = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "dict": "a mapping",
    "None": "null",
}
LISTS = {
    "int": "a list of whole numbers, such as [1, 2]",
    "float": "a list of numbers, such as [0.5, 2.0]",
    "str": "a list, such as [one, another]",
}


@cache
def words(annotation: str) -> str:
    """An annotation as a person would say it."""
    node = ast.parse(annotation, mode="eval").body
    if isinstance(node, ast.BinOp):
        return f"{words(ast.unparse(node.left))} or {words(ast.unparse(node.right))}"
    if not isinstance(node, ast.Subscript):
        return SIMPLE.get(annotation, annotation)
    outer, inner = ast.unparse(node.value).rpartition(".")[2], ast.unparse(node.slice).strip("()")
    if outer == "Literal":
        return f"one of {inner}"
    if outer in ("list", "tuple", "Sequence"):
        return LISTS.get(inner.partition(",")[0], "a list")
    return "a mapping" if outer in ("dict", "Mapping") else annotation
