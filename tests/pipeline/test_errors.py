"""Several mistakes are told together, each once; a module that is not found is a package to install, or a mistake."""

import pickle
from pathlib import Path

import pytest

from pipeline.errors import LaffError, Missing, Problems, absent, problems


def test_what_several_meet_is_told_once() -> None:
    """A stage whose part refuses a value, and two that ask it for its width."""
    error = problems("stages.yaml", ["frames is -1", "no device", "frames is -1", "frames is -1"])
    assert str(error) == "stages.yaml: 2 problems\n  - frames is -1\n  - no device"


@pytest.mark.parametrize(
    ("module", "is_absent"),
    [
        ("no_such_package", True),
        ("no_such_package.models.x3d", True),
        ("torchvision.transforms.functional_tensor", False),  # of a package that is here, in another version
        ("pipeline.no_such_file", False),
        ("extractors", False),
        (None, False),
    ],
)
def test_only_a_package_that_is_not_here_is_absent(module: str | None, is_absent: bool) -> None:
    assert absent(ModuleNotFoundError(f"No module named {module!r}", name=module)) == is_absent


def test_problems_are_listed_with_their_places() -> None:
    problems = Problems(["no device"])
    problems.add("is empty", Path("cap\ntions.txt"), 3)
    problems.add("no device")
    problems.extend(["frames is -1", "size is 0"], "'x3d'")
    error = problems.error("stages.yaml", most=2, then="leave one out")
    assert error.problems == ["no device", "cap\\ntions.txt:3: is empty", "'x3d': frames is -1", "'x3d': size is 0"]
    assert str(error).splitlines() == [
        "stages.yaml: 4 problems",
        "  - no device",
        "  - cap\\ntions.txt:3: is empty",
        "  - … and 2 more of these",
        "leave one out",
    ]
    with pytest.raises(LaffError, match="4 problem"):
        problems.check("stages.yaml")
    Problems().check("stages.yaml")


def test_an_error_about_one_thing_has_one_problem() -> None:
    assert LaffError("a.yaml: no such file").problems == ["a.yaml: no such file"]


def test_a_missing_package_is_named_in_another_process() -> None:
    error = Missing("yaml.nodes", "laff plan")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error).startswith("laff plan needs the package pyyaml, which is not installed here")
    error = Missing("pytorchvideo", "x3d", "ircsn")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error).startswith("x3d and ircsn need the package pytorchvideo, which is not installed here")


def test_problems_reach_another_process() -> None:
    error = pickle.loads(pickle.dumps(problems("training", ["batch is 0", "lr is -1"])))
    assert isinstance(error, LaffError)
    assert error.problems == ["batch is 0", "lr is -1"]
    assert str(error).startswith("training: 2 problems")
