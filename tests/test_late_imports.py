"""Imports inside functions are there for what takes long to import, never to get around a circle of files.

The command's files import the rest late, all of it, so that --help answers at once.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

from pipeline.parts.code import ROOMS, ROOT, source_file

HEAVY = {  # takes a tenth of a second or more, or much memory, so whoever does without is spared it
    "av": "FFmpeg's libraries; decoder processes alone need it",
    "dask": "a run that hands nothing out needs none",
    "decord": "as av, and where decode.decoder says so alone",
    "distributed": "a run without workers needs none",
    "gensim": "w2v alone",
    "h5py": "HDF5's library; --help and mistakes in files need none",
    "jinja2": "pages alone",
    "matplotlib": "plots alone",
    "open_clip": "CLIP alone; brings torch and torchvision",
    "pooch": "downloads alone; brings requests",
    "pyarrow": "Parquet files alone; an extra",
    "pytorchvideo": "X3D and ir-CSN alone",
    "rich": "a tenth of a second; terminals alone",
    "safetensors": "files of weights alone",
    "scipy": "sparse features alone",
    "timm": "2-D networks alone; brings torch",
    "tokenizers": "sentence encoders alone",
    "torch": "seconds, and half a gigabyte",
    "transformers": "sentence encoders alone; brings torch",
}
ALLOWED = {  # (file, what is imported late) -> why
    ("pipeline/workers/pipes.py", "fcntl"): "not on every system",
    ("pipeline/score/standard.py", "pytrec_eval"): "an extra, which is not installed everywhere",
}


def imports(tree: ast.Module) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Imports at the top of a file, and those inside functions; those for type checkers left out."""
    top: list[ast.stmt] = []
    late: list[ast.stmt] = []

    def walk(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
                continue
            if isinstance(child, ast.Import | ast.ImportFrom):
                (late if inside else top).append(child)
            walk(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    walk(tree, False)
    return top, late


def modules(node: ast.stmt) -> list[str]:
    """What an import statement names: modules of ours where they are some, else packages."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert isinstance(node, ast.ImportFrom)
    base = node.module or ""
    inner = [f"{base}.{alias.name}" for alias in node.names]
    return [name for name in inner if source_file(name)] or [base]


@cache
def is_heavy(module: str) -> bool:
    """Whether importing a module imports something heavy, directly or not."""
    if module.split(".")[0] in HEAVY:
        return True
    file = source_file(module)
    if file is None:
        return False
    top, _ = imports(ast.parse(file.read_text(encoding="utf-8")))
    return any(is_heavy(name) for node in top for name in modules(node) if name != module)


def test_late_imports_are_heavy() -> None:
    wrong = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith("pipeline/commands/"):
                continue
            _, late = imports(ast.parse(path.read_text(encoding="utf-8")))
            wrong += [
                f"{name}:{node.lineno}: {module}"
                for node in late
                for module in modules(node)
                if not is_heavy(module) and (name, module) not in ALLOWED
            ]
    assert wrong == []


def test_exceptions_are_in_use() -> None:
    for (name, module), _ in ALLOWED.items():
        _, late = imports(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        assert module in [one for node in late for one in modules(node)], name


def test_help_imports_nothing_heavy() -> None:
    import subprocess

    code = "import cli, sys; from click.testing import CliRunner; CliRunner().invoke(cli.main, ['--help']); "
    code += f"print(sorted({set(HEAVY)!r} & set(sys.modules)), 'numpy' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == "[] False\n"


def test_a_plan_imports_no_torch_and_no_dask() -> None:
    import subprocess

    code = "import pipeline.run, pipeline.gc, pipeline.search.answer, pipeline.compare.run, sys; "
    code += "from pipeline.graph import step_facts; import importlib; "
    code += "[importlib.import_module(step_facts.module_of(name)) for name in step_facts.names()]; "
    code += f"print(sorted({set(HEAVY)!r} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", code], cwd=Path(ROOT), capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"
