"""Every aggregator against its equations, written out in NumPy and float64; counts of parameters; the first steps."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fusion.frames.aggregation import Aggregation
from fusion.frames.content import Content
from fusion.frames.ea import EA
from fusion.frames.excitation import Excitation
from fusion.frames.lstm import SeqLSTM
from fusion.frames.mean import Mean
from fusion.frames.positions import Positions
from fusion.frames.resblocks import QuickGELU
from fusion.frames.tight import TightTransf
from fusion.frames.transformer import SeqTransf

N, D = 12, 8
COUNTS = torch.tensor([5, 12, 1])
Array = np.ndarray


def values() -> Tensor:
    return torch.randn(3, N, D, generator=torch.Generator().manual_seed(4)) + 0.2


def loud(aggregator: nn.Module) -> nn.Module:
    """With weights far from their quiet start."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in aggregator.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return aggregator.eval()


def numbers(module: nn.Module, prefix: str = "") -> dict[str, Array]:
    state = module.state_dict()
    return {key.removeprefix(prefix): v.double().numpy() for key, v in state.items() if key.startswith(prefix)}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max())
    return powers / powers.sum()


def n(x: Array) -> Array:
    return x / np.sqrt((x * x).sum(-1, keepdims=True))


def u(w: dict[str, Array], x: Array, count: int, top: float, masked: bool) -> Array:
    """W2 act(W1 s + b1) + b2 of one video [N, D]; act cuts below 0 and above `top`."""
    s = x.mean(-1)
    if masked:
        s = np.where(np.arange(len(x)) < count, s, 0)
    hidden = np.clip(w["inner.weight"] @ s + w["inner.bias"], 0, top)
    return w["outer.weight"] @ hidden + w["outer.bias"]


def excite(module: nn.Module, x: Array, count: int, top: float = np.inf, masked: bool = True) -> Array:
    return x * sigmoid(u(numbers(module, "positions."), x, count, top, masked))[:, None]


def aggregate(module: nn.Module, x: Array, count: int, top: float = np.inf, masked: bool = True) -> Array:
    heights = u(numbers(module, "positions."), x, count, top, masked)
    if masked:
        heights[count:] = -np.inf
    return softmax(heights) @ x


def compare(aggregator: nn.Module, expected: Any) -> None:
    """The module against `expected(x [N, D], count) -> [D]`, video by video, all rows whatever padding holds."""
    pooled = aggregator(values(), COUNTS).detach()
    with torch.no_grad():  # another way through torch's attention
        torch.testing.assert_close(aggregator(values(), COUNTS), pooled, rtol=1e-4, atol=1e-5)
    x = values().double().numpy()
    wanted = np.stack([expected(x[row], int(count)) for row, count in enumerate(COUNTS)])
    np.testing.assert_allclose(pooled.double().numpy(), wanted, rtol=2e-4, atol=2e-5)


def test_mean() -> None:
    compare(Mean(frames=N, dim=D), lambda x, count: x[:count].mean(0))
    compare(Mean(frames=N, dim=D, pre_norm=True), lambda x, count: n(x)[:count].mean(0))


# ReLU6 cuts at 6 and only where the block expands; `relu6` false is the released file.
@pytest.mark.parametrize(("ratio", "relu6", "top"), [(4, True, np.inf), (0.25, True, 6), (0.25, False, np.inf)])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("pre_norm", [True, False])
def test_blocks(ratio: float, relu6: bool, top: float, masked: bool, pre_norm: bool) -> None:
    how = {"relu6": relu6, "masked": masked, "pre_norm": pre_norm}

    def first(x: Array) -> Array:
        return n(x) if pre_norm else x

    one = loud(Excitation(frames=N, dim=D, ratio=ratio, **how))
    with torch.no_grad():
        one.positions.inner.bias.add_(4)  # so that ReLU6 has something to cut
    compare(one, lambda x, count: excite(one, first(x), count, top, masked)[:count].mean(0))
    two = loud(Aggregation(frames=N, dim=D, ratio=ratio, **how))
    compare(two, lambda x, count: aggregate(two, first(x), count, top, masked))
    both = loud(EA(frames=N, dim=D, excite=ratio, aggregate=ratio, **how))

    def ea(x: Array, count: int) -> Array:
        gated = excite(both.excitation, first(x), count, top, masked)
        return aggregate(both.aggregation, gated, count, top, masked)

    compare(both, ea)


def test_mixed_forms_have_a_ratio_for_each() -> None:
    aggregator = EA(frames=N, dim=D, excite=4, aggregate=0.25)
    assert (
        aggregator.excitation.positions.inner.out_features,
        aggregator.aggregation.positions.inner.out_features,
    ) == (3, 48)
    aggregator = EA(frames=N, dim=D, excite=1 / 6, aggregate=6)
    assert (
        aggregator.excitation.positions.inner.out_features,
        aggregator.aggregation.positions.inner.out_features,
    ) == (72, 2)


@pytest.mark.parametrize(
    ("frames", "ratio", "count"), [(12, 4, 87), (12, 0.25, 1212), (64, 4, 2128), (64, 0.25, 33088)]
)
def test_parameter_counts(frames: int, ratio: float, count: int) -> None:
    """N H + H + H N + N, with H = N / ratio."""
    assert sum(p.numel() for p in Positions(frames=frames, ratio=ratio).parameters()) == count


def test_ratios_that_leave_nothing_or_are_below_zero() -> None:
    with pytest.raises(
        ValueError, match="ratio 6 of 4 frames leaves no hidden unit; take more frames, or a ratio up to 4"
    ):
        EA(frames=4, dim=D, excite=6)
    with pytest.raises(ValueError, match="ratio -4"):
        Aggregation(frames=N, dim=D, ratio=-4)


def test_zero_weights_are_mean_pooling() -> None:
    for aggregator, factor in (
        (Excitation(frames=N, dim=D), 0.5),
        (Aggregation(frames=N, dim=D), 1.0),
        (EA(frames=N, dim=D, excite=0.25), 0.5),
        (Content(frames=N, dim=D), 1.0),
    ):
        with torch.no_grad():
            for parameter in aggregator.parameters():
                parameter.zero_()
        torch.testing.assert_close(
            aggregator(values(), COUNTS), Mean(frames=N, dim=D, pre_norm=True)(values(), COUNTS) * factor
        )


def test_first_weights_are_nearly_those_of_the_mean() -> None:
    torch.manual_seed(1)
    mine = torch.ones(3, N, dtype=torch.bool)
    gates = Excitation(frames=N, dim=512).gates(torch.randn(3, N, 512), mine)
    weights = Aggregation(frames=N, dim=512).weights(torch.randn(3, N, 512), mine)
    assert (gates - 0.5).abs().max() < 0.01
    assert (weights - 1 / N).abs().max() < 0.01
    linear = EA(frames=64, dim=4, excite=0.25).excitation.positions.inner
    assert linear.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not linear.bias.any()


def test_gates_and_weights() -> None:
    mine = torch.arange(N) < COUNTS[:, None]
    gates = loud(Excitation(frames=N, dim=D)).gates(values(), mine)
    assert ((gates > 0) & (gates < 1)).all()
    assert not torch.allclose(gates.sum(dim=1), torch.ones(3))
    for aggregator in (Aggregation(frames=N, dim=D), Content(frames=N, dim=D)):
        weights = loud(aggregator).weights(values(), mine)
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
        assert (weights[~mine] == 0).all()
        assert (weights[mine] > 0).all()
    faithful = loud(Aggregation(frames=N, dim=D, masked=False)).weights(values(), mine)
    torch.testing.assert_close(faithful.sum(dim=1), torch.ones(3))
    assert (faithful[~mine] > 0).all()


@pytest.mark.parametrize("aggregator", [Excitation(frames=N, dim=D, masked=False), EA(frames=N, dim=D, masked=False)])
def test_padding_counts_in_the_authors_own_code(aggregator: nn.Module) -> None:
    aggregator, x = loud(aggregator), values()
    other = x.clone()
    other[0, 5:] = 7.0
    assert not torch.allclose(aggregator(x, COUNTS)[0], aggregator(other, COUNTS)[0])


def lstm(w: dict[str, Array], x: Array) -> Array:
    """Gates in torch's order: input, forget, cell, output."""
    h, c, states = np.zeros(D), np.zeros(D), []
    for row in x:
        whole = w["weight_ih_l0"] @ row + w["bias_ih_l0"] + w["weight_hh_l0"] @ h + w["bias_hh_l0"]
        i, f, g, o = whole.reshape(4, D)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return np.stack(states)


def layer_norm(w: dict[str, Array], name: str, x: Array) -> Array:
    middle = x - x.mean(-1, keepdims=True)
    return middle / np.sqrt((middle**2).mean(-1, keepdims=True) + 1e-12) * w[f"{name}.weight"] + w[f"{name}.bias"]


def quick_gelu(x: Array) -> Array:
    return x * sigmoid(1.702 * x)


def transformer(w: dict[str, Array], x: Array, layers: int, heads: int) -> Array:
    """Own frames only: [n, D] -> [n, D]."""
    x = x + w["positional_embedding"][: len(x)]
    for layer in range(layers):
        p = f"resblocks.{layer}."
        y = layer_norm(w, f"{p}ln_1", x)
        q, k, v = np.split(y @ w[f"{p}attn.in_proj_weight"].T + w[f"{p}attn.in_proj_bias"], 3, axis=1)
        width = D // heads
        parts = []
        for at in range(0, D, width):
            scores = q[:, at : at + width] @ k[:, at : at + width].T / math.sqrt(width)
            parts.append(np.stack([softmax(row) for row in scores]) @ v[:, at : at + width])
        x = x + np.concatenate(parts, 1) @ w[f"{p}attn.out_proj.weight"].T + w[f"{p}attn.out_proj.bias"]
        y = layer_norm(w, f"{p}ln_2", x)
        y = quick_gelu(y @ w[f"{p}mlp.c_fc.weight"].T + w[f"{p}mlp.c_fc.bias"])
        x = x + y @ w[f"{p}mlp.c_proj.weight"].T + w[f"{p}mlp.c_proj.bias"]
    return x


FORMS = [{}, {"aggregate": 0.25}, {"excite": 4}, {"excite": 4, "aggregate": 4}]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_sequential_types(kind: str, form: dict[str, float]) -> None:
    """Own frames alone; what padding holds is tested in test_aggregators.py."""
    if kind == "lstm":
        aggregator = loud(SeqLSTM(frames=N, dim=D, **form))
    else:
        aggregator = loud(SeqTransf(frames=N, dim=D, layers=2, heads=2, **form))

    def expected(x: Array, count: int) -> Array:
        if "excite" in form:
            x = excite(aggregator.excitation, x, count)
        x = x.copy()
        mine = x[:count]
        if kind == "lstm":
            mine = mine + lstm(numbers(aggregator, "lstm."), mine)
        else:
            mine = mine + transformer(numbers(aggregator, "transformer."), mine, 2, 2)
        x[:count] = mine
        if len(form) < 2:  # the sandwich alone has no normalisation between
            x = n(x)
        if "aggregate" not in form:
            return x[:count].mean(0)
        return aggregate(aggregator.aggregation, x, count, 6 if form["aggregate"] < 1 else np.inf)

    compare(aggregator, expected)


def test_content_weights() -> None:
    aggregator = loud(Content(frames=N, dim=D))
    w = numbers(aggregator)

    def expected(x: Array, count: int) -> Array:
        x = n(x)[:count]
        heights = np.maximum(x @ w["inner.weight"].T + w["inner.bias"], 0) @ w["outer.weight"][0]
        return softmax(heights / 0.1) @ x

    compare(aggregator, expected)
    with pytest.raises(ValueError, match="temperature is 0; it should be above 0"):
        Content(frames=N, dim=D, temperature=0)


@pytest.mark.parametrize("excited", [False, True])
def test_tight_type_is_a_loop_over_pairs(excited: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    aggregator = loud(TightTransf(frames=N, dim=D, layers=2, heads=2, excite=4 if excited else 0))
    w = numbers(aggregator)
    texts = torch.randn(4, D, generator=torch.Generator().manual_seed(6))
    x = values().double().numpy()
    wanted = np.zeros((4, 3))
    for c, text in enumerate(texts.double().numpy()):
        for v, count in enumerate(COUNTS.tolist()):
            frames = excite(aggregator.excitation, x[v], count) if excited else x[v]
            both = np.concatenate([text[None], frames[:count]])
            first = layer_norm(w, "norm", transformer(numbers(aggregator, "transformer."), both, 2, 2)[0])
            wanted[c, v] = (
                quick_gelu(w["dense.weight"] @ first + w["dense.bias"]) @ w["out.weight"][0] + w["out.bias"][0]
            )
    for pairs in (1024, 5, 2, 1):  # in one forward, or in many
        monkeypatch.setattr("fusion.frames.tight.PAIRS", pairs)
        scores = aggregator.scores(texts, values(), COUNTS).detach().double().numpy()
        np.testing.assert_allclose(scores, wanted, rtol=1e-3, atol=1e-4)


def clip_text(width: int = D, layers: int = 3, positions: int = 20, **how: Any) -> tuple[Tensor, Any]:
    """Positions and layers of the text transformer of a CLIP net, by open_clip's own class, with loud weights."""
    from open_clip.transformer import Transformer

    torch.manual_seed(7)
    blocks = Transformer(width, layers, **({"heads": max(1, width // 64)} | how)).resblocks
    for parameter in blocks.parameters():
        parameter.data = torch.randn_like(parameter) * 0.5
    return torch.randn(positions, width), blocks.eval()


@pytest.mark.parametrize("kind", [SeqTransf, TightTransf])
def test_start_from_clip(kind: Any) -> None:
    """Each tensor of the first layers, and as many positions as there are places."""
    (positions, blocks), aggregator = clip_text(), kind(frames=N, dim=D, layers=2)
    aggregator.start_from(positions, blocks)
    state, text = aggregator.transformer.state_dict(), blocks.state_dict()
    assert len(state) == 1 + 2 * 12
    assert torch.equal(state.pop("positional_embedding"), positions[: N if kind is SeqTransf else N + 1])
    for key, value in state.items():
        assert torch.equal(value, text[key.removeprefix("resblocks.")]), key
        assert value.data_ptr() != text[key.removeprefix("resblocks.")].data_ptr(), key
    other = kind(frames=N, dim=D, layers=2, start="random")
    before = {key: value.clone() for key, value in other.state_dict().items()}
    other.start_from(positions, blocks)
    assert all(torch.equal(before[key], value) for key, value in other.state_dict().items())


@pytest.mark.parametrize(
    "how",
    [
        {"heads": 4, "act_layer": QuickGELU},
        {"heads": 1, "act_layer": nn.GELU},
        {"heads": 2, "act_layer": partial(nn.GELU, approximate="tanh"), "mlp_ratio": 3.7},
        {"heads": 2, "norm_layer": partial(nn.LayerNorm, eps=0.1)},
    ],
    ids=str,
)
def test_what_starts_from_clip_is_the_same_function(how: dict[str, Any]) -> None:
    """As many frames as there are places: open_clip's own layers give the same output, with CLIP4Clip's eps in them."""
    (positions, blocks), aggregator = clip_text(**how), SeqTransf(frames=N, dim=D, layers=2)
    aggregator.start_from(positions, blocks)
    x = values()
    for module in blocks.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-12
    wanted = blocks[1](blocks[0](x + positions[:N]))
    out = aggregator.eval().transformer(x, torch.ones(3, N, dtype=torch.bool))
    torch.testing.assert_close(out, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("start", ["text", "random"])
@pytest.mark.parametrize("kind", [SeqTransf, TightTransf])
def test_norms_know_no_row_too_quiet(kind: Any, start: str) -> None:
    """A row whose numbers have a variance near 1e-8 gets one of 1, where CLIP's eps of 1e-5 would leave 1e-3.

    1e-12 is the default of LayerNorm in CLIP4Clip's until_module.py, which its transformers use everywhere.
    """
    aggregator = kind(frames=N, dim=D, layers=2, start=start)
    aggregator.start_from(*clip_text())
    norms = [module for module in aggregator.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 4 + (kind is TightTransf)
    quiet = 1e-4 * torch.randn(50, D, generator=torch.Generator().manual_seed(8))
    for norm in norms:
        normal = (norm(quiet) - norm.bias) / norm.weight
        torch.testing.assert_close(normal.var(dim=1, unbiased=False), torch.ones(50), rtol=1e-2, atol=0)


def test_the_tight_type_drops_a_tenth_of_its_embeddings_while_it_trains() -> None:
    """What the first layer gets is [caption; frames] + positions, of which 10 % are 0 in training, the rest / 0.9."""
    aggregator = TightTransf(frames=N, dim=D, layers=1, start="random")
    seen: list[Tensor] = []
    aggregator.transformer.resblocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    texts, frames = torch.ones(300, D), torch.full((300, N, D), 2.0)
    counts = torch.full((300,), N)
    torch.manual_seed(0)
    aggregator.eval()(texts, frames, counts)
    aggregator.train()(texts, frames, counts)
    sums = torch.cat([texts[:, None], frames], dim=1) + aggregator.transformer.positional_embedding.detach()
    torch.testing.assert_close(seen[0], sums)
    kept = seen[1] != 0
    assert 1 - kept.double().mean().item() == pytest.approx(0.1, abs=0.005)  # of 31,200: a standard deviation is .0017
    torch.testing.assert_close(seen[1][kept], sums[kept] / 0.9, rtol=1e-4, atol=0)
    with pytest.raises(ValueError, match="dropout is 1; it should be at least 0 and below 1"):
        TightTransf(frames=N, dim=D, dropout=1)


def test_a_clip_that_does_not_fit_is_told() -> None:
    aggregator = SeqTransf(frames=N, dim=D)
    with pytest.raises(
        ValueError, match=r"cannot start from CLIP's text side: it is 16 wide and frames are 8.*start: ran"
    ):
        aggregator.start_from(*clip_text(width=16, layers=4))
    with pytest.raises(ValueError, match="it has 3 layers of the 4, it has 10 positions of the 12; set start: random"):
        aggregator.start_from(*clip_text(positions=10))
    with pytest.raises(ValueError, match="its layers have parts that those of OpenAI's lack; set start: random"):
        aggregator.start_from(*clip_text(layers=4, ls_init_value=0.1))
    with pytest.raises(ValueError, match="it has 4 heads and heads is 2; set start: random"):
        SeqTransf(frames=N, dim=D, heads=2).start_from(*clip_text(layers=4, heads=4))


def test_numbers_that_are_none() -> None:
    nan = float("nan")
    with pytest.raises(ValueError, match="ratio nan; both should be above 0"):
        Excitation(frames=N, dim=D, ratio=nan)
    with pytest.raises(ValueError, match="excite is nan"):
        SeqLSTM(frames=N, dim=D, excite=nan)
    with pytest.raises(ValueError, match="excite is nan"):
        TightTransf(frames=N, dim=D, excite=nan)


def test_heads() -> None:
    assert SeqTransf(frames=N, dim=512, layers=1).transformer.resblocks[0].attn.num_heads == 8
    with pytest.raises(ValueError, match="width 8 cannot be cut into 3 heads"):
        SeqTransf(frames=N, dim=D, heads=3)
