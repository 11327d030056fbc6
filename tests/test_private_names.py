"""What is private to torch may go or change with its next version: each use is listed here, with what stands behind it.

Private is a name with one underscore in front, `__wrapped__`, and `torch.ops`, the operators behind torch's functions.
"""

from __future__ import annotations

import ast
from collections.abc import Set
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("extractors", "fusion", "pipeline")
OURS = ("self", "cls")

# {(file, name): why it may stand there}
GUARDED = {
    ("extractors/cpu/gru_steps.py", "ops"): "has_derivatives asks for both operators; without them nn.GRU is taken",
    ("extractors/cpu/packed.py", "ops"): "can_pack asks for both operators; without them torch's product",
    ("extractors/cpu/packed.py", "_reorder_linear_weight"): "can_pack asks",
    ("extractors/cpu/packed.py", "_linear_pointwise"): "can_pack asks",
    ("pipeline/training/optimizer.py", "_foreach_norm"): "has_foreach asks; without it one norm after the other",
    ("pipeline/training/optimizer.py", "_foreach_mul_"): "has_foreach asks; without it one product after the other",
    ("pipeline/training/rmsprop.py", "_fused_adagrad_"): "has_kernel asks; without it _unfused",
    ("pipeline/training/rmsprop.py", "__wrapped__"): "read with a default: the method itself",
    # No speed, and no plain equal: it counts the operators that torch runs, whatever they are called. Without these
    # names `laff analyze cost` ends before its first figure; nothing else imports the file.
    ("fusion/cost.py", "_python_dispatch"): "the only way to see operators, as torch's notes on extending it tell",
    ("fusion/cost.py", "ops"): "the names of the operators that are counted",
    ("fusion/cost.py", "_embedding_bag"): "an operator that is counted",
    ("fusion/cost.py", "_embedding_bag_forward_only"): "an operator that is counted",
}


def private(name: str) -> bool:
    return (name.startswith("_") and not name.startswith("__")) or name == "__wrapped__"


def defined(tree: ast.Module) -> set[str]:
    """All names that a file gives to functions, classes, variables and attributes."""
    names = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) in OURS:
            names.add(node.attr)
    return names


def of_torch(tree: ast.Module) -> set[str]:
    """What a file calls torch, its modules and what it takes from them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                alias.asname or alias.name.split(".")[0] for alias in node.names if alias.name.split(".")[0] == "torch"
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def uses(source: str, ours: Set[str] = frozenset()) -> set[str]:
    """The private names of torch in a file: of its modules, and of any object where none of our files defines them."""
    tree = ast.parse(source)
    torch = of_torch(tree)
    if not torch:
        return set()
    known = ours | defined(tree)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            parts = [*node.module.split("."), *(alias.name for alias in node.names)]
            names |= {part for part in parts if private(part) or part == "ops"}
        elif isinstance(node, ast.Import):
            parts = [part for alias in node.names for part in alias.name.split(".") if alias.name.startswith("torch.")]
            names |= {part for part in parts if private(part) or part == "ops"}
        elif isinstance(node, ast.Attribute):
            root = ast.unparse(node).split(".")[0]
            if (private(node.attr) and (root in torch or node.attr not in known)) or (
                root in torch and node.attr == "ops"
            ):
                names.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr", "delattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and private(str(name.value)) and name.value not in known:
                names.add(name.value)
    return names


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("torch._foreach_norm([x])", {"_foreach_norm"}),
        ("call = torch._C._get_tracing_state()", {"_C", "_get_tracing_state"}),
        ("nn.functional._verify_batch_size([1])", {"_verify_batch_size"}),
        ("getattr(torch, '_foreach_norm', None)", {"_foreach_norm"}),
        ("method.__wrapped__", {"__wrapped__"}),
        ("x.storage()._cdata", {"_cdata"}),
        ("self._backward_hooks", {"_backward_hooks"}),
        ("torch.ops.aten.mm", {"ops"}),
        ("from torch._utils import _flatten_dense_tensors", {"_utils", "_flatten_dense_tensors"}),
        ("import torch.utils._pytree", {"_pytree"}),
        ("class A:\n  def _mine(self): return self._mine", set()),
        ("class A:\n  def __init__(self): self._kept = self._kept", set()),
        ("torch.__version__, torch.nn.functional.gelu, other._of_another_file", set()),
    ],
)
def test_what_the_search_finds(line: str, wanted: set[str]) -> None:
    assert uses(f"import torch\nfrom torch import nn\n{line}", {"_of_another_file"}) == wanted


def test_a_file_without_torch_has_none() -> None:
    assert uses("import os\nos._exit(1)") == set()


def test_each_private_name_of_torch_is_listed_with_its_guard() -> None:
    """Take a public name, or guard the use (another torch takes the plain path, and a test shows it) and list it."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    ours = {name for source in sources.values() for name in defined(ast.parse(source))}
    private_uses = {(path, name) for path, source in sources.items() for name in uses(source, ours)}
    assert private_uses == set(GUARDED)
