"""What the tests of several extractors share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor


@pytest.fixture
def refuses_damage(tmp_path: Path) -> Callable[..., None]:
    """refuses_damage(make, state, layout, key, ours): a file without `key`, with one more, or a longer one.

    `make` builds the extractor, `state` fits it, `layout` is what the message calls its layout, `ours` the key's name
    in our network.
    """

    def check(make: Callable[[], Any], state: dict[str, Tensor], layout: str, key: str, ours: str) -> None:
        fits = list(state[key].shape)
        longer = [fits[0] + 1, *fits[1:]]
        path = tmp_path / "damaged.pth"
        for content, problem in (
            ({name: value for name, value in state.items() if name != key}, f"1 missing: {ours}"),
            (state | {"stray.weight": torch.ones(2)}, "1 unexpected: stray.weight"),
            (state | {key: torch.zeros(longer)}, f"1 of another shape: {ours} is {longer}, the model's {fits}"),
        ):
            torch.save(content, path)
            with pytest.raises(ValueError, match="does not fit") as caught:
                make().load("cpu", path)
            assert str(caught.value) == f"{path}, in {layout}, does not fit {make()}: {problem}"

    return check


@pytest.fixture(scope="session")
def apart() -> Callable[[Tensor, Tensor], float]:
    """apart(ours, expected): the relative error, in the Euclidean norm."""
    return lambda ours, expected: float((ours - expected).norm() / expected.norm())
