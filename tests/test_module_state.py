"""Modules keep nothing: what lasts from one job to the next belongs to an object that a run or a worker owns.

A module's names are constants, types and functions. What a process must know once is kept by its Worker.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("pipeline", "extractors", "fusion")
FILES = [ROOT / "cli.py", *sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))]

DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.GeneratorExp)
MAKERS = {"dict", "list", "set", "bytearray", "iter", "SimpleNamespace"}
KEEPERS = {  # what is there to be changed
    *("defaultdict", "OrderedDict", "Counter", "ChainMap", "deque", "count", "cycle", "local", "ContextVar"),
    *("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event", "Condition", "Queue", "SimpleQueue", "ExitStack"),
    *("WeakKeyDictionary", "WeakValueDictionary", "WeakSet"),
}
CHANGES = {  # methods of dict, list and set that change them
    *("append", "extend", "insert", "remove", "pop", "popitem", "clear", "sort", "reverse", "update", "setdefault"),
    *("add", "discard", "intersection_update", "difference_update", "symmetric_difference_update"),
}
CACHES = {"cache", "lru_cache", "cached"}


def word(node: ast.AST) -> str:
    """The last word of a name: 'cache' of functools.cache, of cache and of lru_cache(maxsize=1)."""
    if isinstance(node, ast.Call):
        return word(node.func)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def bound(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None]]:
    """Names that statements of a module or class bind, with their values; below `if` and `try` too."""
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(name, ast.Name):
                        yield name.id, node.value
        elif isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.value
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.For | ast.While | ast.With):
                yield from bound(getattr(node, inner, []))


def is_constant(name: str) -> bool:
    """CONSTANT, Type or __dunder__."""
    return name.isupper() or name[0].isupper() or (name.startswith("__") and name.endswith("__"))


def changed(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names, also as attributes, whose value is changed in place, or given to somebody else's attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield word(node.value), node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            yield word(node.func.value), node.lineno
        elif isinstance(node, ast.AugAssign):
            yield word(node.target), node.lineno
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield node.attr, node.lineno


def modules_and_functions(tree: ast.Module) -> set[str]:
    """Names in a file that are modules of ours or functions of its own: their attributes would be module state."""
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOMS:
            folder = ROOT / Path(*(node.module or "").split("."))
            names |= {alias.asname or alias.name for alias in node.names if (folder / f"{alias.name}.py").is_file()}
    return names


def state(source: str, constants: set[str]) -> list[str]:
    """What a file keeps in its module or changes in another; `constants` are those of all files that could change."""
    tree = ast.parse(source)
    changes = [f"line {node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for name, value in bound(tree.body):
        if not is_constant(name):
            changes.append(f"{name} is no constant; let an object keep it")
        elif isinstance(value, ast.Constant) and value.value is None:
            changes.append(f"{name} is None until somebody changes it")
        elif isinstance(value, ast.Call) and word(value) in KEEPERS:
            changes.append(f"{name} is a {word(value)}, which is there to be changed")
    changes += [f"line {line}: {name} is changed" for name, line in changed(tree) if name in constants]
    others = modules_and_functions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and word(node.value) in others:
            changes.append(f"line {node.lineno}: {word(node.value)}.{node.attr} is set")
        if (
            isinstance(node, ast.FunctionDef)
            and CACHES & {word(decorator) for decorator in node.decorator_list}
            and (node.returns is None or ast.unparse(node.returns) == "None")
        ):
            changes.append(f"{node.name} is cached and gives nothing: it remembers that it was called")
    return changes


def changeable(source: str) -> set[str]:
    """Constants of a module and of its classes whose value is a dict, a list or a set."""
    tree = ast.parse(source)
    bodies = [tree.body, *(node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    return {
        name
        for body in bodies
        for name, value in bound(body)
        if name.isupper() and (isinstance(value, DISPLAYS) or (isinstance(value, ast.Call) and word(value) in MAKERS))
    }


def test_modules_keep_nothing() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in FILES}
    constants = {name for source in sources.values() for name in changeable(source)}
    changes = {
        path.relative_to(ROOT).as_posix(): kept
        for path, source in sources.items()
        if (kept := state(source, constants))
    }
    assert changes == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("_loaded: dict[str, int] = {}", "_loaded is no constant"),
        ("_pool = None\ndef start():\n    global _pool\n    _pool = 1", "line 3: global"),
        ("POOL: 'Pool | None' = None", "POOL is None until"),
        ("import threading\nALONE = threading.Lock()", "ALONE is a Lock"),
        ("if True:\n    found = []", "found is no constant"),
        ("KNOWN = {}\ndef look(x):\n    KNOWN[x] = 1", "line 3: KNOWN is changed"),
        ("KNOWN = set()\ndef look(x):\n    KNOWN.add(x)", "line 3: KNOWN is changed"),
        ("from pipeline import a\ndef look(x):\n    del a.KNOWN[x]", "line 3: KNOWN is changed"),
        ("class A:\n    KNOWN = []\n    def b(self):\n        self.KNOWN += [1]", "line 4: KNOWN is changed"),
        ("from pipeline.rows import shards\ndef look():\n    shards.seen = 1", "line 3: shards.seen is set"),
        ("def look():\n    look.calls = 1", "line 2: look.calls is set"),
        ("@functools.lru_cache(maxsize=None)\ndef warn(x: int) -> None: ...", "warn is cached and gives nothing"),
    ],
)
def test_state_is_found(source: str, words: str) -> None:
    assert any(change.startswith(words) for change in state(source, {"KNOWN"})), state(source, {"KNOWN"})


@pytest.mark.parametrize(
    "source",
    [
        "KNOWN = {'a': 1}\n__all__ = ['look']\ndef look(x):\n    known = {}\n    known[x] = KNOWN[x]",
        "Name = dict[str, int]",
        "class A:\n    def __init__(self):\n        self.found = {}\n        self.found['a'] = 1",
        "@cache\ndef versions() -> str:\n    return '1'",
    ],
)
def test_what_is_no_state_is_not(source: str) -> None:
    assert state(source, {"KNOWN"}) == []
