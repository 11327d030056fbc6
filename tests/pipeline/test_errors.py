"""Several mistakes are told together, each once; a module that is not found is a package to install, or a mistake."""

import pytest

from pipeline.errors import absent, problems


def test_what_several_meet_is_told_once() -> None:
    """A stage whose part refuses a value, and two that ask it for its width."""
    error = problems("stages.yaml", ["frames is -1", "no device", "frames is -1", "frames is -1"])
    assert str(error) == "stages.yaml: 2 problem(s)\n  - frames is -1\n  - no device"


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
