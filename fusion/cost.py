"""Cost of a model: its parameters, and the floating point operations (FLOPs) of embedding one video and one caption.

A multiply-add counts as 2 FLOPs, as in the cost table of the LAFF poster (ECCV 2022). Sums, biases, softmaxes, norms
and activations are not counted: beside the matrix products they are small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from fusion.features import Feature, take
from fusion.spaces import Spaces

# Torch's own formulas by operator. Before 2.15 there is none for the attention that a CPU takes, which costs the same.
ATTENTION, ATTENTION_CPU = "_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"
FORMULAS = {getattr(torch.ops.aten, ATTENTION_CPU): flop_registry[getattr(torch.ops.aten, ATTENTION)]} | flop_registry

# Sizes from which both rows of the poster's table follow.
POSTER_DIM = 13568  # D, all eight video features side by side: six of 2,048, clip 512, TimeSformer 768
POSTER_WIDTH = 1024  # d
POSTER_TOKENS = 8  # features that are weighed


def laff_flops(dim: int, width: int, tokens: int) -> int:
    """FLOPs of LAFF, 2 (D d + n d): D columns of features to width d, and one score for each of the n features."""
    return 2 * (dim * width + tokens * width)


def mhsa_flops(dim: int, width: int, tokens: int) -> int:
    """FLOPs of MHSA, 2 (D d + n 4 d^2): features to width d, and four projections (Q, K, V, output) of each of the n.

    The poster counts so, without the products of queries, keys and values.
    """
    return 2 * (dim * width + tokens * 4 * width**2)


@dataclass(frozen=True)
class Cost:
    """FLOPs of a forward of one row, 2 for each multiply-add."""

    video: int  # to embed one video; 0 where a model has no vectors
    text: int  # to embed one caption; 0 where a model has no vectors
    pair: int = 0  # to score one caption with one video: the dot product, or all of a model that scores pairs


def parameters(model: nn.Module) -> int:
    """Count the numbers that a model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def flops(model: Spaces, video: Mapping[str, Feature], text: Mapping[str, Feature]) -> Cost:
    """Run a model on some videos and captions and count its products: the mean of a row, rounded.

    A sparse feature costs as many products as it has entries, a sentence encoder as many as its words need, so captions
    differ: give several. The model runs as in retrieval (no dropout) and is left as it was.
    """
    videos, texts = (len(next(iter(features.values()))) for features in (video, text))
    with _as_in_retrieval(model):
        if model.scores_pairs:
            with Products() as products:
                model.scores(video, text)
            return Cost(0, 0, round(products.flops / (videos * texts)))
        with Products() as video_products:
            vectors = model.embed_video(video)
        with Products() as text_products:
            for number in range(texts):  # one by one: together, sentence encoders share the words that captions share
                model.embed_text({name: take(feature, torch.tensor([number])) for name, feature in text.items()})
    return Cost(round(video_products.flops / videos), round(text_products.flops / texts), 2 * vectors.shape[1])


@contextmanager
def _as_in_retrieval(model: nn.Module) -> Iterator[None]:
    """Run without dropout and gradients, and attention layers product by product: fused ones would hide products."""
    training, fused = model.training, torch.backends.mha.get_fastpath_enabled()
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        model.train(training)


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call, unused-ignore]  # torch has no annotations here
    """Counts the FLOPs of all matrix products while it is entered.

    Torch's own formulas count matrix products, convolutions and attention. Counted beside them: a matrix times a
    vector, rows of a matrix summed with weights (embedding_bag), and element-wise products that are then summed.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.flops = 0
        self._products: dict[int, Tensor] = {}  # storage -> element-wise product that is not summed yet

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator and add what it costs."""
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        name = function.overloadpacket
        aten = torch.ops.aten
        if name in FORMULAS:
            self.flops += int(FORMULAS[name](*args, **kwargs, out_val=out))
        elif name in (aten.mv, aten.dot):
            self.flops += 2 * args[0].numel()
        elif name is aten.addmv:
            self.flops += 2 * args[1].numel()
        elif name is aten.mkldnn_rnn_layer:  # an LSTM; GRUs come product by product
            self.flops += 2 * args[0].shape[0] * args[0].shape[1] * (args[1].numel() + args[2].numel())
        elif name in (aten._embedding_bag, aten._embedding_bag_forward_only):
            weighted = args[6] if len(args) > 6 else kwargs.get("per_sample_weights")
            if weighted is not None:  # without weights, rows are only added
                self.flops += 2 * args[1].numel() * args[0].shape[1]
        elif function is aten.mul.Tensor and isinstance(args[1], Tensor) and args[1].ndim:
            self._products[_storage(out)] = out
        elif name in (aten.sum, aten.mean) and self._products.pop(_storage(args[0]), None) is not None:
            self.flops += 2 * args[0].numel()
        return out


def _storage(tensor: Tensor) -> int:
    """Address of the memory that a tensor shares with its views."""
    return tensor.untyped_storage().data_ptr()
