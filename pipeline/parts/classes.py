"""The classes that dotted paths of stages.yaml name, read from their source: a plan is checked without imports.

Reading instead of importing keeps `laff plan` free of torch and runs no code of a file that is only being planned.
"""

import ast
import builtins
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from extractors.base import Members
from pipeline.errors import did_you_mean
from pipeline.parts.code import ROOMS, ROOT, PartError, source_file, tree


@dataclass(frozen=True)
class Parameter:
    """One constructor parameter: its annotation as source text, and its literal default."""

    annotation: str
    default: Any = None
    required: bool = False
    places: tuple[tuple[Path, int], ...] = field(default=(), compare=False)  # file and line: its own, then inherited

    def __reduce__(self) -> tuple[type["Parameter"], tuple[Any, ...]]:
        """Send the parameter itself to another process, and not the place of its source here."""
        return Parameter, (self.annotation, self.default, self.required)


@dataclass(frozen=True)
class Part:
    """A class as its source describes it."""

    path: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)  # literal class attributes, such as sides
    methods: frozenset[str] = frozenset()
    capitals: tuple[str, ...] = ()  # names of class attributes in capitals, literal or not

    def member(self, name: str) -> Any:
        """A member of extractors.base.Members: the extractor's own, or the default where it has none."""
        return self.constants.get(name, getattr(Members, name))


@cache
def part(path: str, trusted: frozenset[str] = frozenset()) -> Part:
    """The class that `path` (module.Class) names; PartError says what is wrong with the path."""
    module, _, name = path.rpartition(".")
    file = source_file(module, trusted) if module else None
    if file is None:
        top = path.split(".")[0]
        if top not in ROOMS and top not in trusted:
            raise PartError(f"'{top}' is not trusted: parts come from extractors.* and fusion.*, or from --trust {top}")
        folder = ROOT / top
        others = [f"{top}.{f.stem}" for f in folder.glob("*.py")] if folder.is_dir() else []
        raise PartError(f"no module '{module}'{did_you_mean(module, others)}")
    classes = {node.name: node for node in tree(file).body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        raise PartError(f"no class '{name}' in {module}{did_you_mean(name, list(classes))}")
    return _describe(path, module, classes[name], trusted)


def plugged(path: str, trusted: frozenset[str] = frozenset()) -> Part:
    """`part` for a path that stages.yaml names: in extractors, fusion or a trusted package, but not in pipeline."""
    if path.startswith("pipeline."):
        raise PartError("parts come from extractors.* and fusion.*, not from pipeline.*")
    return part(path, trusted)


def _describe(path: str, module: str, node: ast.ClassDef, trusted: frozenset[str]) -> Part:
    inherited = [parent for base in node.bases if (parent := _base(module, ast.unparse(base), trusted))]
    parameters: dict[str, Parameter] = {}
    constants: dict[str, Any] = {}
    methods: set[str] = set()
    for parent in reversed(inherited):
        parameters |= parent.parameters
        constants |= parent.constants
        methods |= parent.methods
    named, file = _literals(module, trusted), source_file(module, trusted) or Path()
    dataclass_like = any("dataclass" in ast.unparse(mark) for mark in node.decorator_list)
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            methods.add(item.name)
            if item.name == "__init__":
                # **sizes goes to the base class, whose parameters may then be given too.
                parameters = (parameters if item.args.kwarg else {}) | _arguments(item, named, file)
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if dataclass_like:
                inherited_places = parameters[item.target.id].places if item.target.id in parameters else ()
                last_line = (item.value or item.annotation).end_lineno
                parameter = _parameter(item.annotation, item.value, named, file, last_line)
                parameters[item.target.id] = replace(parameter, places=parameter.places + inherited_places)
            elif item.value is not None:
                _constant(constants, item.target.id, item.value)
        elif isinstance(item, ast.Assign) and len(item.targets) == 1 and isinstance(item.targets[0], ast.Name):
            _constant(constants, item.targets[0].id, item.value)
    parameters = {name: _spelled(parameter, module, trusted) for name, parameter in parameters.items()}
    assigned = [target for item in node.body if isinstance(item, ast.Assign) for target in item.targets]
    capitals = tuple(target.id for target in assigned if isinstance(target, ast.Name) and target.id.isupper())
    return Part(path, parameters, constants, frozenset(methods), capitals)


def _spelled(parameter: Parameter, module: str, trusted: frozenset[str]) -> Parameter:
    """The parameter with its annotation written out, where that is a name for a Literal[…]."""
    name = parameter.annotation
    if not name.isidentifier() or hasattr(builtins, name):
        return parameter
    return replace(parameter, annotation=_literal(module, name, trusted) or name)


@cache
def _literal(module: str, name: str, trusted: frozenset[str]) -> str:
    """The Literal[…] that a name stands for in a module, which may import it from a project module; '' for another."""
    file = source_file(module, trusted)
    for node in tree(file).body if file else []:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            text = ast.unparse(node.value)
            return text if text.startswith(("Literal[", "typing.Literal[")) else ""
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _literal(node.module, alias.name, trusted)
    return ""


def _base(module: str, name: str, trusted: frozenset[str]) -> Part | None:
    """The description of a base class that stands in the same module or is imported from a project module."""
    file = source_file(module, trusted)
    for node in tree(file).body if file else []:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _describe(f"{module}.{name}", module, node, trusted)
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            try:
                return part(f"{node.module}.{name}", trusted)
            except PartError:
                return None
    return None


@cache
def _literals(module: str, trusted: frozenset[str]) -> dict[str, Any]:
    """The constants of a module whose values are written out; they may be used as defaults of parameters."""
    file = source_file(module, trusted)
    constants: dict[str, Any] = {}
    for node in tree(file).body if file else []:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):  # CROP, SHORT = 224, 256
                pairs = list(zip(target.elts, node.value.elts, strict=True))
            else:
                pairs = [(target, node.value)]
            for name, value in pairs:
                if isinstance(name, ast.Name):
                    _constant(constants, name.id, value)
    return constants


def _arguments(init: ast.FunctionDef, named: dict[str, Any], file: Path) -> dict[str, Parameter]:
    arguments = init.args
    positional = arguments.args[1:]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return {
        argument.arg: _parameter(argument.annotation, default, named, file, (default or argument).end_lineno)
        for argument, default in pairs
    }


def _parameter(
    annotation: ast.expr | None, default: ast.expr | None, named: dict[str, Any], file: Path, line: int | None
) -> Parameter:
    text, places = ast.unparse(annotation) if annotation else "Any", ((file, line or 0),)
    if default is None:
        return Parameter(text, required=True, places=places)
    try:
        return Parameter(text, _default(default, named), places=places)
    except ValueError:
        raise PartError(
            f"line {default.lineno}: the default {ast.unparse(default)} should be written out as a value"
        ) from None


def _default(node: ast.expr, named: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in named:
        return named[node.id]
    if isinstance(node, ast.Call):  # dataclasses.field(default_factory=lambda: [...]) or =list
        for keyword in node.keywords:
            if keyword.arg == "default_factory":
                value = keyword.value
                return (
                    ast.literal_eval(value.body)
                    if isinstance(value, ast.Lambda)
                    else {"list": [], "dict": {}}.get(ast.unparse(value))
                )
    return ast.literal_eval(node)


def _constant(constants: dict[str, Any], name: str, node: ast.expr) -> None:
    try:
        constants[name] = ast.literal_eval(node)
    except ValueError:
        constants.pop(name, None)  # not a literal: only running the code would tell
