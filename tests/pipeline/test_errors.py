"""Several mistakes are told together, each of them once."""

from pipeline.errors import problems


def test_what_several_meet_is_told_once() -> None:
    """A stage whose part refuses a value, and two that ask it for its width."""
    error = problems("stages.yaml", ["frames is -1", "no device", "frames is -1", "frames is -1"])
    assert str(error) == "stages.yaml: 2 problem(s)\n  - frames is -1\n  - no device"
