"""What a shard says of itself."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

from extractors.base import Sampling
from pipeline.extraction import provenance
from pipeline.extraction.provenance import attributes
from pipeline.extraction.target import Target
from pipeline.video.reading import VERSIONS


class Part:
    """As an extractor of frames is built."""

    sampling = Sampling(4, 40, 32, stride=2, fps=15.0, antialias=False, width=50, rule="first")
    mean, std, colours, level = (0.5, 0.4, 0.3), [0.2, 0.2, 0.1], "BGR", "frame"


def goal(key: str = "00000.h5", **more: Any) -> Target:
    recipe = {"step": "extract", "uses": "extractors.x.X", "params": {"frames": 4}, "weights": "ab12"}
    return Target(
        "x", key, Path("x") / key, Part(), "print", "content", recipe, "cpu", 4, "float32", "bfloat16", **more
    )


def test_a_video_feature_tells_how_to_make_it_again() -> None:
    about = attributes(goal(about={"weights_name": "x-l", "weights_licence": "MIT"}), Part())
    assert Sampling(**json.loads(about["sampling"])) == Part.sampling
    assert set(json.loads(about["sampling"])) == {field.name for field in fields(Sampling)}
    assert (json.loads(about["mean"]), json.loads(about["std"])) == ([0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
    assert (about["colours"], about["level"], about["precision"]) == ("BGR", "frame", "bfloat16 on cpu")
    assert (about["extractor"], about["weights"], about["decoder"]) == ("extractors.x.X", "ab12", VERSIONS["pyav"])
    assert attributes(goal(), Part(), "decord")["decoder"] == VERSIONS["decord"] != VERSIONS["pyav"]
    assert (about["weights_name"], about["weights_licence"]) == ("x-l", "MIT")
    assert json.loads(about["recipe"])["params"] == {"frames": 4}
    for name in ("torch", "timm", "transformers", "pytorchvideo", "open_clip_torch", "pillow", "numpy"):
        assert re.search(rf"\b{name} (\d|absent)", about["libraries"])


def test_captions_and_imports_have_no_pixels() -> None:
    class Both(Part):
        about: ClassVar = {"sentence": {"pooling": "cls"}}

        def extract_text(self) -> None: ...

    for key, part in (("text/00000.h5", Both()), ("00000.h5", None)):
        about = attributes(goal(key), part)
        assert not {"sampling", "decoder", "mean", "std", "colours", "level"} & set(about)
        assert ("extractor" in about) == (part is not None)
        assert about.get("precision") == (part and "float32 on cpu")
        assert about.get("sentence") == (part and '{"pooling": "cls"}')


def test_the_version_names_the_commit_only_in_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed, damaged = tmp_path / "installed", tmp_path / "damaged"
    installed.mkdir()
    (damaged / ".git").mkdir(parents=True)  # that git does not take for one
    for root in (installed, damaged):
        monkeypatch.setattr(provenance.code, "ROOT", root)
        assert re.fullmatch(r"\d+\.\d+\.\d+", provenance.laff())


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        (
            Sampling(16, 356, 312, clips=10, stride=5, fps=30.0, antialias=False),
            "10 clips of 16 frames, 5 apart at 30 fps, short side 356 bilinear without antialiasing, centre crop 312",
        ),
        (
            Sampling(8, 224, 224, filter="bicubic"),
            "8 frames spread over the video, short side 224 bicubic with antialiasing, centre crop 224",
        ),
        (
            Sampling(12, 224, 224, stride=1, fps=1.0, rule="first"),
            "12 frames, 1 apart at 1 fps, from the first on, short side 224 bilinear with antialiasing, centre crop 224",  # noqa: E501
        ),
        (
            Sampling(32, 256, 224, stride=2, crops=3, width=324),
            "32 frames, 2 apart at the video's rate, height 256 and width 324 bilinear with antialiasing, "
            "3 crops of 224 (both ends and centre)",
        ),
    ],
)
def test_a_sampling_in_words(sampling: Sampling, words: str) -> None:
    assert str(sampling) == words
