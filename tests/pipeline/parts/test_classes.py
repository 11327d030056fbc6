"""Classes described from their source: nothing runs, and the code's hash sees what runs and nothing else."""

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError, did_you_mean
from pipeline.parts import code
from pipeline.parts.classes import Parameter, part
from pipeline.parts.code import ROOT, PartError

Package = Callable[..., frozenset[str]]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_sources: Callable[[], None]) -> Package:
    """`package(thing="…")` writes the package `mine` with module mine.thing (again); it is trusted."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "mine"]:  # of other tests
        monkeypatch.delitem(sys.modules, name)

    def write(**modules: str) -> frozenset[str]:
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        fresh_sources()
        return frozenset({"mine"})

    return write


def message(path: str, trusted: frozenset[str] = frozenset()) -> str:
    with pytest.raises(PartError) as error:
        part(path, trusted)
    assert isinstance(error.value, LaffError)  # one that is caught nowhere still reaches a person as a clean text
    return str(error.value)


def test_did_you_mean():
    assert did_you_mean("frams", ["size", "frames"]) == "; did you mean 'frames'?"
    assert did_you_mean("zzz", ["size", "frames"]) == ""


def test_a_shipped_class():
    description = part("extractors.brightness.Brightness")
    assert description.parameters == {
        "frames": Parameter("int", 8),
        "crop": Parameter("int", 32),
        "scale": Parameter("float", 255.0),
    }
    assert description.constants == {"sides": ("video",), "dim": 3}
    assert description.methods == {"__init__", "load", "extract"}


def test_dataclasses_inherit_fields():
    """Fit overrides what Learning and Recipe say, and adds seed."""
    parameters = part("pipeline.graph.recipe.Fit").parameters
    assert (parameters["epochs"].default, parameters["lr"].default, parameters["seed"].default) == (30, 0.0001, 2)
    assert parameters["loss"] == Parameter(
        "Literal['triplet', 'triplet-caption', 'triplet-both', 'triplet-sum', 'triplet-sum-caption', "
        "'triplet-sum-both', 'triplet-mean', 'triplet-mean-caption', 'triplet-mean-both', 'infonce', 'dual-softmax']",
        "infonce",
    )


def test_a_name_for_a_literal(package: Package):
    """Defined in the module, imported into it, or under another name; a name for anything else stays as it is."""
    text = """
from dataclasses import dataclass
from pathlib import Path
from mine.words import Word as Token, Number
Colour = Literal["red", "blue"]
class Plain:
    def __init__(self, first: Colour, *, second: Token = "a", third: Number = 1, fourth: Path = "", fifth: int = 2): ...
@dataclass
class Base:
    colour: Colour
"""
    inherits = (
        "from mine.thing import Base\nfrom dataclasses import dataclass\n@dataclass\nclass Late(Base):\n    x: int"
    )
    words = "Word = Literal['a', 'b']\nNumber = int"
    trusted = package(thing=text, words=words, late=inherits)
    annotations = {name: one.annotation for name, one in part("mine.thing.Plain", trusted).parameters.items()}
    colour = "Literal['red', 'blue']"
    assert annotations == {
        "first": colour,
        "second": "Literal['a', 'b']",
        "third": "Number",
        "fourth": "Path",
        "fifth": "int",
    }
    assert part("mine.late.Late", trusted).parameters["colour"].annotation == colour


def test_defaults_and_constants(package: Package):
    trusted = package(
        thing="""
from dataclasses import dataclass, field
CROP, SHORT = 224, 256
NAMES = ["a"]
class Plain:
    sides = ("video",)
    table = {"a": 1}
    other = print
    def __init__(self, first, second: int = CROP, *, third: list[str] = NAMES, fourth: float | None = None): ...
@dataclass(frozen=True)
class Fields:
    HOW = ("b",)
    a: str
    b: list[int] = field(default_factory=lambda: [2])
    c: dict[str, int] = field(default_factory=dict)
"""
    )
    plain = part("mine.thing.Plain", trusted)
    assert plain.parameters == {
        "first": Parameter("Any", required=True),
        "second": Parameter("int", 224),
        "third": Parameter("list[str]", ["a"]),
        "fourth": Parameter("float | None", None),
    }
    assert plain.constants == {"sides": ("video",), "table": {"a": 1}}
    fields = part("mine.thing.Fields", trusted)
    assert fields.constants == {"HOW": ("b",)}
    assert fields.parameters == {
        "a": Parameter("str", required=True),
        "b": Parameter("list[int]", [2]),
        "c": Parameter("dict[str, int]", {}),
    }


def test_a_base_class_of_another_module(package: Package):
    trusted = package(
        base="class Base:\n    sides = ('text',)\n    def __init__(self, a: int = 1): ...\n    def fit(self): ...",
        thing="from mine.base import Base\nclass Thing(Base):\n    def extract_text(self): ...",
    )
    description = part("mine.thing.Thing", trusted)
    assert description.parameters == {"a": Parameter("int", 1)}
    assert description.constants == {"sides": ("text",)}
    assert description.methods == {"__init__", "fit", "extract_text"}


def test_a_constructor_that_passes_parameters_on(package: Package):
    """**sizes takes what the base class takes; without it, only the constructor's own parameters count."""
    trusted = package(
        base="class Base:\n    def __init__(self, *, dims: dict[str, int], width: int = 8): ...",
        thing="from mine.base import Base\n"
        "class Passes(Base):\n    def __init__(self, *, norm: bool = False, width: int = 9, **sizes): ...\n"
        "class Hides(Base):\n    def __init__(self, *, norm: bool = False): ...\n"
        "class Further(Passes):\n    def __init__(self, **sizes): ...",
    )
    norm, dims = Parameter("bool", False), Parameter("dict[str, int]", required=True)
    passed = {"dims": dims, "width": Parameter("int", 9), "norm": norm}
    assert part("mine.thing.Passes", trusted).parameters == passed
    assert part("mine.thing.Further", trusted).parameters == passed
    assert part("mine.thing.Hides", trusted).parameters == {"norm": norm}


def test_the_blocks_share_the_parameters_of_their_base():
    shared = part("fusion.block.Block").parameters
    assert list(shared) == ["dims", "heads", "width", "dropout", "raw"]
    assert part("fusion.concat.Concat").parameters == shared
    assert part("fusion.laff.LAFF").parameters == shared | {"norm": Parameter("bool", False)}
    assert part("fusion.laff_ml.LAFFml").parameters == shared | {"frames": Parameter("tuple[str, ...]", ())}


def test_what_is_not_trusted_is_neither_found_nor_run(package: Package, tmp_path: Path):
    trusted = package(evil=f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: ...")
    assert message("mine.evil.Evil") == (
        "'mine' is not trusted: parts come from extractors.* and fusion.*, or from --trust mine"
    )
    assert part("mine.evil.Evil", trusted).path == "mine.evil.Evil"
    assert not (tmp_path / "ran").exists()  # a plan reads even trusted code without running it


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("extractors.x3e.X3D", "no module 'extractors.x3e'; did you mean 'extractors.x3d'?"),
        ("extractors.x3d.X3E", "no class 'X3E' in extractors.x3d; did you mean 'X3D'?"),
        ("fusion.laff.zzzzzz", "no class 'zzzzzz' in fusion.laff"),
        ("extractors", "no module ''"),
        ("os.system", "'os' is not trusted: parts come from extractors.* and fusion.*, or from --trust os"),
    ],
)
def test_paths_that_name_nothing(path: str, wanted: str):
    assert message(path) == wanted


def test_sources_that_cannot_be_described(package: Package):
    trusted = package(
        broken="class A:\n    def (\n", computed="class A:\n    def __init__(self, a: int = len('abc')): ..."
    )
    assert message("mine.none.A", trusted) == "no module 'mine.none'"
    assert message("mine.broken.A", trusted) == "broken.py:2: invalid syntax"
    assert message("mine.computed.A", trusted) == "line 2: the default len('abc') should be written out as a value"


def test_a_plan_imports_no_torch():
    """Describing and hashing every stage's part leaves its heavy imports alone."""
    program = """
import sys
from pipeline.graph import stages
from pipeline.parts import code
graph = stages.load(profile="small")
code.digests(["extractors.x3d", "fusion.laff", "pipeline.training.trainer"])
print(sorted({"torch", "h5py", "av", "open_clip", "extractors.x3d"} & set(sys.modules)))
"""
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"


BODY = '''"""Doc."""
import math
# a comment
def pool(x):
    """Doc."""
    return math.sqrt(x) * 2
class Thing:
    """Doc."""
    size = 3
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# a comment", "# another, and\n\n\n# one more", True),
        ('"""Doc."""\n    return', '"""Other\n    words."""\n    return', True),
        ('    """Doc."""\n    size', "    size", True),
        ('"""Doc."""\nimport', "import", True),
        ("math.sqrt(x) * 2", "(math.sqrt(\n        x\n    ) * 2)", True),
        ("* 2", "* 3", False),
        ("size = 3", "size = 4", False),
        ("return math.sqrt(x) * 2", "return '''a string that is no docstring'''", False),
        ("def pool(x)", "def pool(x, y=1)", False),
    ],
)
def test_what_changes_the_hash_of_code(package: Package, old: str, new: str, same: bool):
    assert old in BODY
    trusted = package(thing=BODY)
    before = code.digests(["mine.thing"], trusted)
    after = code.digests(["mine.thing"], package(thing=BODY.replace(old, new)))
    assert (before == after) is same


def test_code_follows_imports(package: Package):
    """Direct, indirect, relative and late imports count; those for type checkers, and other packages, do not."""
    trusted = package(
        thing="""
from typing import TYPE_CHECKING
import json, torch
from .near import help
if TYPE_CHECKING:
    from mine.typed import T
def late():
    from mine import far
""",
        near="import mine.deep\ndef help(): ...",
        deep="x = 1",
        far="y = 1",
        typed="class T: ...",
        loose="z = 1",
    )
    assert list(code.digests(["mine.thing"], trusted)) == ["mine", "mine.deep", "mine.far", "mine.near", "mine.thing"]
    with pytest.raises(PartError, match=r"no module and no room 'mine\.thing'"):
        code.digests(["mine.thing"])  # not trusted


def test_imports_in_a_circle_end(package: Package):
    trusted = package(one="import mine.two", two="import mine.one")
    assert {"mine.one", "mine.two"} <= set(code.digests(["mine.one"], trusted))


def test_rooms_that_are_left_are_not_followed_into():
    assert list(code.digests(["extractors.brightness"], leave=["extractors"])) == ["extractors.brightness"]


def test_a_room_is_all_of_its_files(package: Package, tmp_path: Path):
    trusted = package(thing="x = 1")
    (tmp_path / "mine" / "inner").mkdir()
    (tmp_path / "mine" / "inner" / "__init__.py").write_text("")
    (tmp_path / "mine" / "inner" / "deep.py").write_text("from mine.thing import x")
    assert list(code.digests(["mine.inner"], trusted)) == ["mine.inner", "mine.inner.deep", "mine.thing"]


def test_a_name_of_nothing_is_an_error():
    with pytest.raises(PartError, match=r"no module and no room 'pipeline\.videos'"):
        code.digests(["pipeline.video", "pipeline.videos"])


def test_an_edited_helper_in_a_copy_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_sources: Callable[[], None]
):
    """brightness calls extractors.pixels.check: an edit there is one of brightness, a comment there is none."""
    for room in code.ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    wanted = code.digests(["extractors.brightness"])
    monkeypatch.setattr(code, "ROOT", tmp_path)
    fresh_sources()
    assert code.digests(["extractors.brightness"]) == wanted  # where the project lies changes nothing
    pixels = tmp_path / "extractors" / "pixels.py"
    text = pixels.read_text(encoding="utf-8")
    pixels.write_text(text + "\n# a comment\n", encoding="utf-8")
    fresh_sources()
    assert code.digests(["extractors.brightness"]) == wanted
    pixels.write_text(text + "\nSIDE = 1\n", encoding="utf-8")
    fresh_sources()
    changed = code.digests(["extractors.brightness"])
    assert {name for name in wanted if wanted[name] != changed[name]} == {"extractors.pixels"}
