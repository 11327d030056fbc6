"""What tests share: no network, no GPU, the same random state for each test, the real data, small videos."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

# Before any library reads them, and inherited by the processes that tests start.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # give a device number to run the tests on a GPU
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tensors are tiny here: more threads cost more than they bring
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"

import av
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test that asks for `data` gets the mark `real`, so that `pytest -m real` finds all of them."""
    for item in items:
        if "data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data: LAFF_DATA, else ../shared/data beside the checkout.

    Where it is missing the test skips, or fails if LAFF_REQUIRE names data (`make test-real`).
    """
    folder = Path(os.environ.get("LAFF_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        missing = f"no real data at {folder}; set LAFF_DATA to its folder"
        if "data" in os.environ.get("LAFF_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


@pytest.fixture(autouse=True)
def same_random_state() -> Iterator[None]:
    """Each test starts from seed 0 in Python, NumPy and torch, whatever ran before it, and leaves no trace."""
    states = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")  # tests that don't need torch should not pay for its import
    torch_state = torch.get_rng_state() if torch else None
    random.seed(0)
    np.random.seed(0)
    if torch:
        torch.manual_seed(0)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    if torch:
        torch.set_rng_state(torch_state)


class Clips(Protocol):
    """Writes frames [T, H, W, 3] uint8 RGB (even H and W) as a video and returns its path."""

    def __call__(self, name: str, frames: np.ndarray, *, fps: int = 10, codec: str = "libx264") -> Path: ...


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Makes small videos: `clips("a.mp4", frames)` writes tmp_path/a.mp4; the suffix gives the container."""

    def write(name: str, frames: np.ndarray, *, fps: int = 10, codec: str = "libx264") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=fps)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write
