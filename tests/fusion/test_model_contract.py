"""What every model of fusion/ must do that knows both sides. A new file is found by itself: `video_dims` tells."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

import fusion
from fusion.features import Feature, Frames, Sparse, Tokens
from fusion.spaces import Spaces

SMALL = {"width": 8, "heads": 2, "layers": 2, "ffn": 12, "dropout": 0.0}  # for the constructors that have such
VIDEO = {"clip-ft": 6, "x3d": 9, "tf": 4}
TEXT = {"w2v": 5, "bow": 11, "clip-ft": 6}
FRAMES, TIME = "clip-ft-frames", 8
ROWS = 5
Dims = dict[str, int]

Model = type[Spaces]


def models() -> list[Model]:
    """All model classes of the modules in fusion/."""
    classes = []
    for module in pkgutil.iter_modules(fusion.__path__):
        if not module.ispkg:
            name = f"fusion.{module.name}"
            for _, part in inspect.getmembers(importlib.import_module(name), inspect.isclass):
                is_model = issubclass(part, Spaces) and "video_dims" in inspect.signature(part).parameters
                if is_model and part.__module__ == name:
                    classes.append(part)
    return classes


def dims(model: Model) -> tuple[Dims, Dims]:
    """Features of both sides: many, but for what compares one with one of the same width; by frame where it can."""
    if model.__name__ == "Clip4Clip":
        return {FRAMES: 6}, {"clip-ft": 6}
    by_frame = {FRAMES: 7} if "frames" in inspect.signature(model).parameters else {}
    return {**VIDEO, **by_frame}, TEXT


def build(model: Model, sides: tuple[Dims, Dims] | None = None, **params: Any) -> Spaces:
    torch.manual_seed(0)
    video, text = dims(model) if sides is None else sides
    known = inspect.signature(model).parameters
    filled = {"frames": (FRAMES,), "lengths": {FRAMES: TIME}}
    chosen = {name: value for name, value in {**SMALL, **filled, **params}.items() if name in known}
    return model(video_dims=video, text_dims=text, **chosen)


def rows(sides: tuple[Dims, Dims], count: int = ROWS, dtype: torch.dtype = torch.float32) -> Any:
    """(video features, text features): the same numbers in every type."""
    generator = torch.Generator().manual_seed(1)

    def one(name: str, dim: int) -> Feature:
        if name != FRAMES:
            return torch.randn(count, dim, generator=generator).to(dtype)
        values, counts = torch.randn(count, TIME, dim, generator=generator), (3 * torch.arange(count) + 1) % TIME + 1
        return Frames((values * (torch.arange(TIME) < counts[:, None])[..., None]).to(dtype), counts)

    return tuple({name: one(name, dim) for name, dim in side.items()} for side in sides)


def tensors(features: dict[str, Feature]) -> dict[str, Tensor]:
    return {name: one.values if isinstance(one, Frames) else one for name, one in features.items()}  # type: ignore[misc]


def score(model: Spaces, video: dict[str, Feature], text: dict[str, Feature]) -> Tensor:
    """[C, V], as ranking has it."""
    return model.embed_text(text) @ model.embed_video(video).T


def test_the_search_finds_models() -> None:
    assert {"SEA", "JE", "MMT"} <= {model.__name__ for model in models()}


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
class TestModel:
    """One run of these for each model."""

    def test_declares_itself_in_signature_and_docstring(self, model: Model) -> None:
        assert model.__doc__
        parameters = inspect.signature(model).parameters
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters.values())
        assert [name for name, p in parameters.items() if p.default is p.empty and name != "lengths"] == [
            "video_dims",
            "text_dims",
        ]
        assert parameters["encoders"].default is None

    @pytest.mark.parametrize("count", [1, ROWS])
    @pytest.mark.parametrize("training", [True, False])
    def test_shapes(self, model: Model, count: int, training: bool) -> None:
        built = build(model).train(training)
        video, text = rows(dims(model), count)
        cosines = built.cosines(video, text)
        assert cosines.shape[1:] == (count, count)
        assert cosines.dtype == torch.float32
        assert (cosines.abs() <= 1 + 1e-5).all()
        assert built.video_units(video).shape == built.text_units(text).shape
        assert len(built.embed_video(video)) == len(built.embed_text(text)) == count

    def test_one_dot_product_is_the_score(self, model: Model) -> None:
        """The cosines in their shares; a model that gives their total says so by one space."""
        built = build(model).eval()
        video, text = rows(dims(model))
        cosines = built.cosines(video, text)
        shares = built.shares or (1 / len(cosines),) * len(cosines)
        assert sum(shares) == pytest.approx(1)
        wanted = sum(share * space for share, space in zip(shares, cosines, strict=True))
        torch.testing.assert_close(score(built, video, text), wanted)

    def test_units_have_length_one(self, model: Model) -> None:
        built = build(model)
        video, text = rows(dims(model))
        for units in (built.video_units(video), built.text_units(text)):
            torch.testing.assert_close(units.norm(dim=-1), torch.ones(units.shape[:2]))

    def test_gradients_reach_every_input_and_parameter(self, model: Model) -> None:
        built = build(model)
        video, text = rows(dims(model))
        given = [*tensors(video).items(), *tensors(text).items()]
        for _, tensor in given:
            tensor.requires_grad_()
        cosines = built.cosines(video, text)
        (cosines * torch.randn(cosines.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        for name, tensor in [*given, *built.named_parameters()]:
            assert tensor.grad is not None, name
            assert (tensor.grad != 0).any(), name

    def test_one_feature_alone_on_each_side(self, model: Model) -> None:
        for sides in [({name: dim}, dims(model)[1]) for name, dim in dims(model)[0].items()] + [
            (dims(model)[0], {name: dim}) for name, dim in dims(model)[1].items()
        ]:
            cosines = build(model, sides).cosines(*rows(sides))
            assert cosines.shape[1:] == (ROWS, ROWS)
            assert torch.isfinite(cosines).all()

    def test_features_come_by_name(self, model: Model) -> None:
        """In any order, and further ones are not looked at."""
        built = build(model).eval()
        video, text = rows(dims(model))
        turned = [{**dict(reversed(side.items())), "further": torch.ones(ROWS, 2)} for side in (video, text)]
        assert torch.equal(score(built, *turned), score(built, video, text))

    @pytest.mark.parametrize("side", [0, 1], ids=["video", "text"])
    def test_missing_and_wrong_features_are_named(self, model: Model, side: int) -> None:
        built = build(model)
        function = (built.embed_video, built.embed_text)[side]
        given = rows(dims(model))[side]
        name = next(iter(given))
        with pytest.raises(ValueError, match=f"'{name}' is missing"):
            function({key: value for key, value in given.items() if key != name})
        wrong = Frames(torch.ones(ROWS, TIME, 2), torch.ones(ROWS).long()) if name == FRAMES else torch.ones(ROWS, 2)
        with pytest.raises(
            ValueError, match=f"'{name}' has width 2; the block was built for {dims(model)[side][name]}"
        ):
            function({**given, name: wrong})

    def test_no_features(self, model: Model) -> None:
        video, text = dims(model)
        with pytest.raises(ValueError, match=r"no feature|one video feature"):
            build(model, ({}, text))
        with pytest.raises(ValueError, match=r"no feature|one text feature"):
            build(model, (video, {}))

    def test_double_precision(self, model: Model) -> None:
        built = build(model).eval()
        wanted = built.cosines(*rows(dims(model)))
        double = built.double().cosines(*rows(dims(model), dtype=torch.float64))
        assert double.dtype == torch.float64
        torch.testing.assert_close(double.float(), wanted, rtol=1e-4, atol=1e-5)

    def test_the_state_makes_an_equal_model(self, model: Model) -> None:
        built, other = build(model).eval(), build(model).eval()
        with torch.no_grad():
            for parameter in built.parameters():
                parameter += torch.randn_like(parameter)
        given = rows(dims(model))
        assert not torch.equal(score(other, *given), score(built, *given))
        other.load_state_dict(built.state_dict())
        assert torch.equal(score(other, *given), score(built, *given))

    def test_an_encoder_inside_learns_too(self, model: Model) -> None:
        """Tokens of the first text feature become its rows; rows without an encoder, or tokens, are told apart."""
        sides = dims(model)
        name, dim = next(iter(sides[1].items()))
        encoder = MeanOfWords(7, dim)
        built = build(model, encoders={name: encoder})
        video, text = rows(sides)
        tokens = Tokens(torch.arange(ROWS * 2) % 7, torch.arange(ROWS + 1) * 2, 7)
        cosines = built.cosines(video, {**text, name: tokens})
        cosines[:, 0].sum().backward()
        assert encoder.words.weight.grad is not None
        assert encoder.words.weight.grad.any()
        plain = build(model)
        with torch.no_grad():
            wanted = plain.cosines(video, {**text, name: encoder(tokens.ids, tokens.starts)})
        torch.testing.assert_close(cosines, wanted)
        with pytest.raises(ValueError, match=f"'{name}' has an encoder in the model and should be given as tokens"):
            built.embed_text(text)
        with pytest.raises(ValueError, match=f"'{name}' holds tokens"):
            plain.embed_text({**text, name: tokens})

    def test_bfloat16_products_leave_scores_of_float32(self, model: Model) -> None:
        built = build(model)
        video, text = rows(dims(model))
        exact = built.cosines(video, text)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = built.cosines(video, text)
        assert rounded.dtype == torch.float32
        torch.testing.assert_close(rounded, exact, rtol=0.1, atol=0.05)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("model", [m for m in models() if "bow" in dims(m)[1]], ids=lambda model: model.__name__)
def test_sparse_rows_equal_dense_ones_in_output_and_gradient(model: Model, training: bool) -> None:
    video, text = rows(dims(model))
    text["bow"] = (text["bow"] > 0.5).float() * 2
    text["bow"][2] = 0  # a caption without a known word
    outputs = []
    for given in (text, {**text, "bow": Sparse.of(csr_matrix(text["bow"].numpy()))}):
        built = build(model).train(training)
        cosines = built.cosines(video, given)
        (cosines * torch.arange(ROWS)).sum().backward()
        outputs.append([cosines, *(parameter.grad.to_dense() for parameter in built.parameters())])
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


class MeanOfWords(nn.Module):
    """The mean of a caption's word vectors."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.words = nn.Embedding(size, dim)

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        means: Callable[..., Tensor] = nn.functional.embedding_bag
        return means(ids, self.words.weight, starts, mode="mean", include_last_offset=True)
