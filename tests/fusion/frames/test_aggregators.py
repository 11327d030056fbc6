"""What every aggregator of fusion/frames must do. A new file is found by itself: any nn.Module with `scores_pairs`."""

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import fusion.frames

N, D = 12, 8
# Every variant of the paper's tables, as aggregate_params write it.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("mean.Mean", {}),
    ("mean.Mean", {"pre_norm": True}),
    ("excitation.Excitation", {}),
    ("excitation.Excitation", {"ratio": 0.25}),
    ("aggregation.Aggregation", {}),
    ("aggregation.Aggregation", {"ratio": 0.25}),
    ("ea.EA", {}),
    ("ea.EA", {"excite": 0.25, "aggregate": 0.25}),
    ("ea.EA", {"excite": 4, "aggregate": 0.25}),
    ("ea.EA", {"excite": 0.25, "aggregate": 4}),
    ("lstm.SeqLSTM", {}),
    ("lstm.SeqLSTM", {"aggregate": 0.25}),
    ("lstm.SeqLSTM", {"excite": 4}),
    ("lstm.SeqLSTM", {"excite": 4, "aggregate": 4}),
    ("transformer.SeqTransf", {}),
    ("transformer.SeqTransf", {"aggregate": 0.25}),
    ("transformer.SeqTransf", {"excite": 4}),
    ("transformer.SeqTransf", {"excite": 4, "aggregate": 4}),
    ("content.Content", {}),
    ("tight.TightTransf", {}),
    ("tight.TightTransf", {"excite": 4}),
]
LOOSE = [variant for variant in VARIANTS if "tight" not in variant[0]]


def named(variant: tuple[str, dict[str, Any]]) -> str:
    return variant[0] + "".join(f"-{key}-{value}" for key, value in variant[1].items())


def build(variant: tuple[str, dict[str, Any]], frames: int = N, dim: int = D) -> nn.Module:
    """The aggregator with weights large enough that what they do is seen."""
    module, _, name = variant[0].partition(".")
    torch.manual_seed(0)
    aggregator: nn.Module = getattr(importlib.import_module(f"fusion.frames.{module}"), name)(
        frames=frames, dim=dim, **variant[1]
    )
    with torch.no_grad():
        for parameter in aggregator.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.2)
    return aggregator


def frames(videos: int = 3) -> Tensor:
    return torch.randn(videos, N, D, generator=torch.Generator().manual_seed(1)) + 0.3


def out(aggregator: nn.Module, values: Tensor, counts: Tensor) -> Tensor:
    """[B, D], or of pairs one score a video as [B, 1]."""
    if aggregator.scores_pairs:
        text = torch.randn(3, D, generator=torch.Generator().manual_seed(3))[: len(values)]
        return aggregator(text.to(values.dtype), values, counts)[:, None]
    return aggregator(values, counts)


FULL = torch.full((3,), N)
SOME = torch.tensor([2, 12, 4])


def test_every_class_is_among_the_variants() -> None:
    classes = set()
    for module in pkgutil.iter_modules(fusion.frames.__path__):
        name = f"fusion.frames.{module.name}"
        for _, part in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if part.__module__ == name and hasattr(part, "scores_pairs"):
                classes.add(f"{module.name}.{part.__name__}")
    assert classes == {name for name, _ in VARIANTS}


@pytest.mark.parametrize("variant", VARIANTS, ids=named)
class TestAggregator:
    """One run of these for each variant."""

    def test_declares_itself(self, variant: Any) -> None:
        class_ = type(build(variant))
        assert isinstance(class_.tied, bool)
        assert "aggregate: fusion.frames." in str(class_.__doc__)
        parameters = inspect.signature(class_).parameters.values()
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters)
        assert [p.name for p in parameters if p.default is p.empty] == ["frames", "dim"]

    def test_shape_and_finite(self, variant: Any) -> None:
        for counts in (FULL, SOME):
            pooled = out(build(variant), frames(), counts)
            assert pooled.shape == (3, 1 if "tight" in variant[0] else D)
            assert torch.isfinite(pooled).all()

    def test_padding_has_no_influence(self, variant: Any) -> None:
        values, aggregator = frames(), build(variant).eval()
        other = values.clone()
        for row, count in enumerate(SOME):
            other[row, count:] = 7.0
        torch.testing.assert_close(out(aggregator, values, SOME), out(aggregator, other, SOME))

    def test_rows_do_not_depend_on_their_neighbours(self, variant: Any) -> None:
        values, aggregator = frames(), build(variant).eval()
        whole = out(aggregator, values, SOME)
        first = out(aggregator, values[:1], SOME[:1])  # of pairs, the first caption is the same however many there are
        torch.testing.assert_close(first[0], whole[0])
        if not aggregator.scores_pairs:
            for row in (1, 2):
                one = out(aggregator, values[row : row + 1], SOME[row : row + 1])
                torch.testing.assert_close(one[0], whole[row])

    def test_gradients_reach_every_input_and_parameter(self, variant: Any) -> None:
        aggregator, values = build(variant), frames().requires_grad_()
        pooled = out(aggregator, values, FULL)
        (pooled * torch.randn(pooled.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        for name, tensor in [("frames", values), *aggregator.named_parameters()]:
            assert tensor.grad is not None, name
            assert (tensor.grad != 0).any(), name
        assert (values.grad != 0).any(dim=2).all()

    def test_double_precision(self, variant: Any) -> None:
        aggregator = build(variant).eval()
        single = out(aggregator, frames(), SOME)
        double = out(aggregator.double(), frames().double(), SOME)
        torch.testing.assert_close(double.float(), single, rtol=1e-4, atol=1e-4)

    def test_another_number_of_frames_where_positions_count(self, variant: Any) -> None:
        aggregator = build(variant)
        values = torch.cat([frames(), frames()], dim=1)
        if not aggregator.tied:
            assert torch.isfinite(out(aggregator, values, FULL)).all()
            return
        with pytest.raises(ValueError, match=r"(24|25) frames.*were given.* positions of (12|13) frames; set frames"):
            out(aggregator, values, FULL)

    def test_wrong_shapes_and_sizes(self, variant: Any) -> None:
        aggregator = build(variant)
        with pytest.raises(ValueError, match=r"frames are \[3, 12, 4\]; the aggregator was built for \[B, T, 8\]"):
            out(aggregator, frames()[:, :, :4], FULL)
        with pytest.raises(ValueError, match=r"counts are \[2\]; they should be \[3\]"):
            out(aggregator, frames(), FULL[:2])
        with pytest.raises(ValueError, match="frames is 0"):
            type(aggregator)(frames=0, dim=D)


@pytest.mark.parametrize("variant", LOOSE, ids=named)
def test_order_of_frames_matters_only_where_weights_have_places(variant: Any) -> None:
    aggregator, values = build(variant).eval(), frames()
    turned = values.flip(1)
    same = torch.allclose(out(aggregator, values, FULL), out(aggregator, turned, FULL), atol=1e-5)
    assert same == (variant[0] in ("mean.Mean", "content.Content"))
