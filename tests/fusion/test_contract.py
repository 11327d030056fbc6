"""What every block of fusion/ must do. A new file is found by itself: any nn.Module class with `convex`."""

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

import fusion
from fusion.features import Feature, Sparse
from pipeline.parts import classes
from pipeline.parts.classes import Parameter

DIMS = {"clip-ft": 6, "x3d": 9, "bow": 11}
SMALL = {
    "heads": 2,
    "width": 8,
    "dropout": 0.0,
    "raw": ("clip-ft",),
}  # given to the constructors that have such parameters


def blocks() -> list[type[nn.Module]]:
    """All block classes of the modules in fusion/."""
    classes_ = []
    for module in pkgutil.iter_modules(fusion.__path__):
        if not module.ispkg:
            name = f"fusion.{module.name}"
            for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass):
                if issubclass(kind, nn.Module) and kind.__module__ == name and hasattr(kind, "convex"):
                    classes_.append(kind)
    return classes_


def parameters_of(block: type[nn.Module]) -> dict[str, Parameter]:
    """What stages.yaml may give to its constructor, as it is read from the source."""
    return classes.part(f"{block.__module__}.{block.__name__}").parameters


def build(block: type[nn.Module], dims: dict[str, int] = DIMS, **params: Any) -> nn.Module:
    torch.manual_seed(0)
    known = parameters_of(block)
    chosen = {name: value for name, value in {**SMALL, **params}.items() if name in known}
    return block(dims=dims, **chosen)


def features(count: int = 5, dims: dict[str, int] = DIMS) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(count, dim, generator=generator) for name, dim in dims.items()}


def test_the_search_finds_blocks() -> None:
    assert {"LAFF", "LAFFml", "MHSA", "AttentionFree", "Mean", "Concat"} <= {block.__name__ for block in blocks()}


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.__name__)
class TestBlock:
    """One run of these for each block."""

    def test_declares_itself_in_signature_and_docstring(self, block: type[nn.Module]) -> None:
        assert isinstance(block.convex, bool)
        assert isinstance(block.symmetric, bool)
        assert block.__doc__
        assert block.forward.__doc__
        assert all(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in inspect.signature(block).parameters.values())
        assert [name for name, parameter in parameters_of(block).items() if parameter.required] == ["dims"]

    def test_knows_its_features(self, block: type[nn.Module]) -> None:
        """In the order of its weights."""
        assert hasattr(build(block), "dims"), "keep what the constructor got: self.dims = dict(dims)"
        assert list(build(block).dims.items()) == list(DIMS.items())

    @pytest.mark.parametrize("count", [1, 5])
    @pytest.mark.parametrize("training", [True, False])
    def test_shapes(self, block: type[nn.Module], count: int, training: bool) -> None:
        fused, weights = build(block).train(training)(features(count))
        assert fused.ndim == 3
        assert len(fused) == count
        assert fused.dtype == torch.float32
        assert torch.isfinite(fused).all()
        if weights is not None:
            assert weights.shape == (count, fused.shape[1], len(DIMS))

    def test_convex_weights_sum_to_one(self, block: type[nn.Module]) -> None:
        _, weights = build(block)(features())
        if block.convex:
            assert (weights >= 0).all()
            assert torch.allclose(weights.sum(dim=-1), torch.ones(()), atol=1e-6)
        else:
            assert weights is None or not torch.allclose(weights.sum(dim=-1), torch.ones(()), atol=1e-6)

    def test_features_come_by_name(self, block: type[nn.Module]) -> None:
        model, given = build(block).eval(), features()
        turned = dict(reversed(given.items()))
        assert torch.equal(model(given)[0], model({**turned, "further": torch.ones(5, 3)})[0])

    def test_symmetric_blocks_ignore_the_order_they_are_built_in(self, block: type[nn.Module]) -> None:
        """The same parameters under the same names, features listed in another order."""
        model = build(block).eval()
        turned = build(block, dict(reversed(DIMS.items()))).eval()
        turned.load_state_dict(model.state_dict())
        fused, weights = model(features())
        fused_turned, weights_turned = turned(features())
        assert torch.allclose(fused, fused_turned, atol=1e-6) == block.symmetric
        if block.symmetric and weights is not None:
            assert torch.allclose(weights, weights_turned.flip(-1), atol=1e-6)

    def test_gradients_reach_every_input_and_parameter(self, block: type[nn.Module]) -> None:
        model, given = build(block), features()
        for feature in given.values():
            feature.requires_grad_()
        fused, _ = model(given)
        (fused * torch.randn(fused.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
        for name, tensor in [*given.items(), *model.named_parameters()]:
            assert tensor.grad is not None, name
            assert (tensor.grad != 0).any(), name

    @pytest.mark.parametrize("name", DIMS)
    def test_one_feature_alone(self, block: type[nn.Module], name: str) -> None:
        dims = {name: DIMS[name]}
        fused, weights = build(block, dims)({name: features()[name]})
        assert fused.shape == build(block)(features())[0].shape
        if block.convex:
            assert torch.equal(weights, torch.ones_like(weights))

    @pytest.mark.parametrize("training", [True, False])
    def test_sparse_rows_equal_dense_ones_in_output_and_gradient(self, block: type[nn.Module], training: bool) -> None:
        dense = features()
        dense["bow"] = (dense["bow"] > 1).float() * 2
        dense["bow"][2] = 0  # a caption without a known word
        sparse: dict[str, Feature] = {**dense, "bow": Sparse.of(csr_matrix(dense["bow"].numpy()))}
        gradients = []
        for given in (dense, sparse):
            model = build(block).train(training)
            fused, _ = model(given)
            (fused * torch.arange(fused.shape[-1])).sum().backward()
            gradients.append([fused, *(parameter.grad.to_dense() for parameter in model.parameters())])
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other)

    def test_a_batch_of_rows_without_any_entry(self, block: type[nn.Module]) -> None:
        empty = Sparse.of(csr_matrix((5, DIMS["bow"]), dtype="float32"))
        assert torch.isfinite(build(block)({**features(), "bow": empty})[0]).all()

    def test_missing_feature_is_named(self, block: type[nn.Module]) -> None:
        given = features()
        del given["x3d"]
        with pytest.raises(ValueError, match=r"'x3d' is missing: .*clip-ft, x3d, bow and got clip-ft, bow"):
            build(block)(given)

    def test_wrong_width_is_named(self, block: type[nn.Module]) -> None:
        with pytest.raises(ValueError, match="'x3d' has width 4; the block was built for 9"):
            build(block)({**features(), "x3d": torch.ones(5, 4)})

    def test_rows_that_do_not_match_are_named(self, block: type[nn.Module]) -> None:
        with pytest.raises(ValueError, match="'x3d' has 4 rows; 'clip-ft' has 5"):
            build(block)({**features(), "x3d": torch.ones(4, 9)})

    def test_double_precision(self, block: type[nn.Module]) -> None:
        model = build(block).eval()
        fused = model(features())[0]
        double = model.double()({name: feature.double() for name, feature in features().items()})[0]
        assert double.dtype == torch.float64
        torch.testing.assert_close(double.float(), fused, rtol=1e-5, atol=1e-5)

    def test_the_state_makes_an_equal_block(self, block: type[nn.Module]) -> None:
        model = build(block).train()
        model(features())  # running statistics are part of it
        other = build(block)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter += 1
        other.load_state_dict(model.state_dict())
        assert torch.equal(other.eval()(features())[0], model.eval()(features())[0])

    def test_no_features_and_bad_sizes(self, block: type[nn.Module]) -> None:
        with pytest.raises(ValueError, match="dims is empty"):
            build(block, {})
        with pytest.raises(ValueError, match="x3d is 0"):
            build(block, {"x3d": 0})
