"""What every extractor owes the pipeline. A new file in extractors/ is found here by itself.

Parts that stages.yaml has in its `small` profile are built with those params, others with their defaults.
"""

import importlib
import inspect
import io
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy.sparse import issparse

import extractors
from extractors.base import Pairs, Sampling
from pipeline.parts.classes import part as described

ROOT = Path(__file__).resolve().parents[2]
CAPTIONS = [f"the {colour} {shape} moves" for colour in ("red", "blue", "green") for shape in ("ball", "box", "ring")]


def parts() -> list[type]:
    """Every class of extractors/ that has a side; what stands beside a feature says that it has none."""
    names = [f"extractors.{module.name}" for module in pkgutil.iter_modules(extractors.__path__)]
    classes = [
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if inspect.isclass(value)
        and value.__module__ == name
        and isinstance(getattr(value, "sides", None), tuple)
        and value.sides
    ]
    return sorted(classes, key=lambda part: part.__name__)


def small() -> dict[str, dict[str, Any]]:
    """{dotted path: params} of the small profile, on top of the stage's own."""
    content = yaml.safe_load((ROOT / "stages.yaml").read_text(encoding="utf-8"))
    profile = content["profiles"]["small"]
    return {
        stage["uses"]: {**stage.get("params", {}), **profile.get(name, {})}
        for name, stage in content["stages"].items()
        if str(stage.get("uses", "")).startswith("extractors.")
    }


SMALL = {"extractors.clip.Clip": {"model": "tiny-64"}} | small()
SMALL["extractors.conse.Conse"]["crop"] = 64
PARTS = parts()
VIDEO = [part for part in PARTS if "video" in part.sides]  # type: ignore[attr-defined]
FOLDERS = {"Bert", "BertText"}  # nothing without the folder of their weights: their own tests write one
TEXT = [part for part in PARTS if "text" in part.sides and part.__name__ not in FOLDERS]  # type: ignore[attr-defined]


def build(part: type) -> Any:
    """An instance of small size and with random weights, not loaded."""
    accepted = inspect.signature(part).parameters
    given = SMALL.get(f"{part.__module__}.{part.__name__}", {})
    given = given | dict.fromkeys(("weights", *getattr(part, "WEIGHTS", ())), "random")
    params = {name: value for name, value in given.items() if name in accepted}
    return part(**params)


def loaded(part: type) -> Any:
    instance = build(part)
    instance.load("cpu", None)
    return instance


def videos(sampling: Sampling, count: int = 3) -> torch.Tensor:
    """Coarse patterns that differ between videos: [B, M, T, H, W, 3] uint8."""
    colours = torch.randint(0, 256, (count, sampling.views, sampling.frames, 4, 4, 3), dtype=torch.uint8)
    shades = torch.arange(sampling.crop) * 4 // sampling.crop
    return colours[:, :, :, shades][:, :, :, :, shades].contiguous()


def test_the_paper_s_features_are_found() -> None:
    classes = {part.__name__ for part in PARTS}
    assert classes >= {
        "Brightness",
        "Clip",
        "ClipFt",
        "X3D",
        "IrCSN",
        "TimeSformer",
        "Timm",
        "Conse",
        "Bow",
        "W2v",
        "Gru",
    }


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_its_source_says_what_a_plan_must_know(part: type) -> None:
    """Plans are checked from the syntax tree alone: literal `sides`, annotated keyword parameters, written defaults."""
    assert inspect.getdoc(importlib.import_module(part.__module__))
    assert "__doc__" in vars(part)
    assert part.__doc__
    seen = described(f"{part.__module__}.{part.__name__}")
    assert set(seen.constants["sides"]) <= {"video", "text"}
    accepted = inspect.signature(part).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in accepted)
    assert {one.name: one.default for one in accepted} == {name: one.default for name, one in seen.parameters.items()}
    assert all(one.annotation != "Any" for one in seen.parameters.values())


@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_videos_become_rows(part: type) -> None:
    """[B, dim] float32 without gradients, finite, the same again, one row's video without influence on another's."""
    extractor = loaded(part)
    frames = videos(extractor.sampling)
    vectors = extractor.extract(frames)
    assert vectors.shape == (3, extractor.dim)
    assert vectors.dtype == torch.float32
    assert not vectors.requires_grad
    assert vectors.isfinite().all()
    assert torch.equal(vectors, extractor.extract(frames))
    alone = torch.cat([extractor.extract(frames[at : at + 1]) for at in range(3)])
    assert float((vectors - alone).norm() / vectors.norm()) < 1e-4
    # Different videos have different features: by a hundredth, far above what rounding makes.
    assert (
        min(float((vectors[a] - vectors[b]).norm() / vectors.norm(dim=1).mean()) for a, b in ((0, 1), (0, 2), (1, 2)))
        > 1e-2
    )


@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_random_weights_are_the_same_in_every_process(part: type) -> None:
    first = loaded(part)
    frames = videos(first.sampling)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    second = loaded(part)
    assert torch.equal(before, torch.get_rng_state()), "loading moved the random state of its caller"
    assert torch.equal(first.extract(frames), second.extract(frames))


@pytest.mark.parametrize("part", VIDEO, ids=lambda part: part.__name__)
def test_frames_of_another_shape_are_refused(part: type) -> None:
    extractor = loaded(part)
    frames = videos(extractor.sampling)
    with pytest.raises(ValueError, match="they should be"):
        extractor.extract(frames[:, :, :, :-1])
    with pytest.raises(ValueError, match="they should be"):
        extractor.extract(torch.cat([frames, frames], dim=2))


@pytest.mark.parametrize("part", TEXT, ids=lambda part: part.__name__)
def test_captions_become_rows(part: type) -> None:
    """What was learned survives a file that holds tensors and plain values only; rows are [C, dim], finite, the same
    again, and those of captions never seen in training too."""
    if hasattr(part, "fit") or hasattr(part, "task"):
        learned = io.BytesIO()
        torch.save(learn(part), learned)
        learned.seek(0)
        extractor = build(part)
        extractor.load_state(torch.load(learned, weights_only=True), "cpu")
    else:
        extractor = loaded(part)
    captions = [*CAPTIONS, "an unseen sentence"]
    vectors, again = (dense(extractor.extract_text(captions)) for _ in range(2))
    assert vectors.shape == (len(captions), extractor.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(vectors, again)
    assert len(np.unique(vectors[: len(CAPTIONS)], axis=0)) == len(CAPTIONS), "different captions have different rows"


def learn(part: type) -> dict[str, Any]:
    """The state of a part after fitting or, where it trains, at the start of its training."""
    extractor = build(part)
    captions = CAPTIONS * 5  # so that each word occurs often enough for any vocabulary
    if hasattr(extractor, "fit"):
        return extractor.fit(captions)
    video_of = np.arange(len(captions)) % 3
    if "video" in part.sides:  # type: ignore[attr-defined]
        extractor.load("cpu", None)
        pairs = Pairs(captions, video_of, videos(extractor.sampling)[:, 0].numpy())
    else:
        pairs = Pairs(captions, video_of, np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32))
    return extractor.task(pairs, pairs, lambda cosines, scale: -(cosines.diagonal() * scale).sum()).state()


def dense(vectors: Any) -> np.ndarray:
    return vectors.toarray() if issparse(vectors) else np.asarray(vectors)
