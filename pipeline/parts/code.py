"""Source files of ours and of trusted packages: their syntax trees, what they import, digests of their code."""

import ast
import hashlib
import importlib.util
from collections.abc import Collection
from functools import cache
from pathlib import Path

from pipeline.errors import LaffError

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("extractors", "fusion", "pipeline")


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
        return ast.parse(file.read_text(encoding="utf-8"), str(file))
    except SyntaxError as error:
        raise PartError(f"{file.name}:{error.lineno}: {error.msg}") from None


@cache
def imported(module: str, trusted: frozenset[str] = frozenset()) -> set[str]:
    """The project (or trusted) modules that a module imports, wherever in the file, type-checking ones left out."""
    file = source_file(module, trusted)
    if file is None:
        return set()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in _running(tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in names if source_file(name, trusted)}


def _running(node: ast.AST) -> list[ast.AST]:
    """All nodes below `node` but those under `if TYPE_CHECKING:`, which never run."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        found += [child, *_running(child)]
    return found


def closure(modules: Collection[str], trusted: frozenset[str] = frozenset()) -> list[str]:
    """`modules` and every project module they import, directly or not; sorted."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen and source_file(module, trusted):
            seen.add(module)
            waiting += imported(module, trusted)
    return sorted(seen)


@cache
def code_digest(file: Path) -> str:
    """Hash of a file's syntax tree without docstrings: comments, blank lines and line breaks don't change it."""
    copy = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(copy):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(copy).encode()).hexdigest()[:16]


def code(modules: Collection[str], trusted: frozenset[str] = frozenset()) -> dict[str, str]:
    """{module: digest of its code} for `modules` and all project modules they import."""
    files = {module: source_file(module, trusted) for module in closure(modules, trusted)}
    return {module: code_digest(file) for module, file in files.items() if file}


def own_code(modules: Collection[str]) -> dict[str, str]:
    """{module: digest of its code} without what the modules import."""
    return {module: code_digest(file) for module in modules if (file := source_file(module))}
