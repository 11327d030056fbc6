"""Source files of laff and of trusted packages: their syntax trees, what they import, digests of their code."""

import ast
import hashlib
import importlib.util
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import LaffError
from pipeline.parts import noted, rewritten

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("extractors", "fusion", "pipeline")
NOTED = noted.beside(Path(__file__), ROOT)  # reading all of our code takes most of the time of a plan


class PartError(LaffError):
    """A dotted path that names nothing usable."""


@cache
def source_file(module: str, trusted: frozenset[str] = frozenset()) -> Path | None:
    """The file of a module in one of our rooms or in a trusted package; None where there is none."""
    top = module.split(".")[0]
    if top in ROOMS:
        base = ROOT / Path(*module.split("."))
        return next((f for f in (base.with_suffix(".py"), base / "__init__.py") if f.is_file()), None)
    if top in trusted:
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            return None
        return Path(spec.origin) if spec and spec.origin else None
    return None


@cache
def tree(file: Path) -> ast.Module:
    """The syntax tree of a file; PartError where it is no Python."""
    try:
        return _parsed(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise PartError(f"{file.name}:{error.lineno}: {error.msg}") from None


@cache
def _parsed(text: str) -> ast.Module:
    """The syntax tree of a text: a file that moves or comes back is not parsed again."""
    return ast.parse(text)


@cache
def imported(module: str, trusted: frozenset[str] = frozenset()) -> set[str]:
    """The modules of laff or of trusted packages that a module imports, anywhere in its file but for type checking."""
    file = source_file(module, trusted)
    if file is None:
        return set()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names = NOTED.of(file, f"imports in {package}", lambda: sorted(_imported(file, package)))
    return {name for name in names if source_file(name, trusted)}


def _imported(file: Path, package: str) -> set[str]:
    """All names that a file of a package imports, or imports from, that may be modules."""
    names: set[str] = set()
    for node in _imports(tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        else:
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


@cache
def _imports(parsed: ast.Module) -> list[ast.Import | ast.ImportFrom]:
    """The imports anywhere in a file but under `if TYPE_CHECKING:`, which never runs."""
    imports: list[ast.Import | ast.ImportFrom] = []
    waiting: list[ast.AST] = [parsed]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.Import | ast.ImportFrom):
                imports.append(child)
            elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                continue
            elif not isinstance(child, ast.expr):  # statements, and what they consist of: an expression imports nothing
                waiting.append(child)
    return imports


def inside(name: str, trusted: frozenset[str] = frozenset()) -> list[str]:
    """The modules that a name means: the module, or all modules of a package. PartError where there is none."""
    file = source_file(name, trusted)
    if file is None:
        raise PartError(f"no module and no room '{name}', whose code should count in a fingerprint")
    if file.name != "__init__.py":
        return [name]
    files = (path.relative_to(file.parent).with_suffix("") for path in sorted(file.parent.rglob("*.py")))
    return [name, *(".".join((name, *path.parts)) for path in files if path.name != "__init__")]


def closure(names: Collection[str], trusted: frozenset[str] = frozenset(), leave: Collection[str] = ()) -> list[str]:
    """Modules and whole rooms, and every project module that they import, directly or not; sorted.

    `leave`: modules and rooms that are not followed into, and do not count as a part of a room that is named.
    PartError for a name of nothing.
    """
    return list(_closure(tuple(names), trusted, tuple(leave)))


@cache
def _closure(names: tuple[str, ...], trusted: frozenset[str], leave: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    parts = [(name, module) for name in names for module in inside(name, trusted)]
    waiting = [module for name, module in parts if module == name or not _within(module, leave)]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += [name for name in imported(module, trusted) if not _within(name, leave)]
    return tuple(sorted(seen))


@cache
def _within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


@cache
def code_digest(file: Path) -> str:
    """Hash of what a file does: of its syntax tree without docstrings.

    The modules from which laff's own names are imported are left out, too. So comments, blank lines and line breaks
    don't change the hash, nor does a move of what the file imports. A file that was rewritten and makes the same
    results has the hash of the code before.
    """
    digest: str = NOTED.of(file, "digest", lambda: tree_digest(tree(file)))
    return rewritten.counting(source_path(file), digest)


@cache
def tree_digest(parsed: ast.Module) -> str:
    """Hash of a syntax tree, as `code_digest` takes it of a file."""
    names: set[tuple[str, str]] = set()
    text = _text(parsed, names)
    return hashlib.sha256(f"{text}{sorted(names)}".encode()).hexdigest()[:16]


def _text(node: Any, names: set[tuple[str, str]]) -> str:
    """What counts of a syntax tree, as text; the names that it imports from project modules go into `names`."""
    if isinstance(node, list):
        return f"[{','.join([_text(item, names) for item in node])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in ROOMS):
        names.update(
            (alias.name, alias.asname or "") for alias in node.names
        )  # of `from pipeline.x import y as z` y, z
        return ""
    if isinstance(node, ast.Import):
        ours = [alias for alias in node.names if alias.name.split(".")[0] in ROOMS]
        names.update((alias.name.rpartition(".")[2], alias.asname or "") for alias in ours)
        return _text([alias for alias in node.names if alias not in ours], names)
    # Python 3.12 gave functions and classes type_params: without any, the hash is that of older versions.
    generic = bool(getattr(node, "type_params", None))
    counted = [name for name in node._fields if name != "ctx" and (name != "type_params" or generic)]
    values = [getattr(node, name) for name in counted]
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        values[node._fields.index("body")] = _body(node)
    return f"{type(node).__name__}({','.join([_text(value, names) for value in values])})"


def _body(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """The statements of a body that do something."""
    body = node.body if ast.get_docstring(node, clean=False) is None else node.body[1:]
    if isinstance(node, ast.ClassDef):
        facts = _is_fact if node.name == "Options" else _is_need
        return [item for item in body if not facts(item)]
    return body


def _is_need(item: ast.stmt) -> bool:
    """Whether it says only which packages a class needs (extractors.base.Members)."""
    targets = item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
    return [ast.unparse(target) for target in targets] == ["NEEDS"]


def _is_fact(item: ast.stmt) -> bool:
    """Whether it is a fact of a step, in capitals, such as HELP = "…": the recipe has those that change results."""
    return isinstance(item, ast.Assign) and all(ast.unparse(target).isupper() for target in item.targets)


def digests(
    names: Collection[str], trusted: frozenset[str] = frozenset(), leave: Collection[str] = ()
) -> dict[str, str]:
    """{module: digest of its code} of modules, whole rooms, and all that they import, as `closure` finds them."""
    files = {module: source_file(module, trusted) for module in closure(names, trusted, leave)}
    return {module: code_digest(file) for module, file in files.items() if file}


def source_name(module: str) -> str:
    """The file of a module, as seen from the project's root."""
    file = source_file(module)
    return source_path(file) if file else module


def source_path(file: Path) -> str:
    """A file as seen from the project's root; of a trusted package, which is elsewhere, its whole path."""
    return (file.relative_to(ROOT) if file.is_relative_to(ROOT) else file).as_posix()
