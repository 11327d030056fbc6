"""The places of CLIP's text tower that a caption needs, and captions in groups of one shape.

A tower has as many places as its context, 77 in OpenAI's models; a caption of MSR-VTT fills twelve. Where attention is
causal, no place sees a later one, so those behind the row that becomes the caption's vector change nothing, and are
left out: the vector is the same up to rounding. A tower whose places see all others is run at full length.

Products of matrices of another height round otherwise. So a caption goes to a length that its own tokens decide, and
is computed in one thread with a fixed number of captions of that length: its bytes on a CPU depend neither on the other
captions that are asked for, nor on their order, nor on the number of threads. (That holds for widths D that are even,
as those of all published models are: in products of an odd width the place of a row among the others counts.)
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from extractors.pinned import sent

LENGTHS = (8, 12, 16, 20, 24, 32, 48)  # in places; longer captions take the whole context
TOKENS = 96  # of one forward on a CPU: fewer load the weights too often, more wait for captions of the same length
GPU_GROUPS = 64  # that are one forward on a GPU

Shape = dict[str, Any]  # text_cfg of open_clip's configuration, as `clip_config.text_shape` gives it


def pooled(tokens: Tensor, shape: Shape) -> Tensor:
    """The place whose row becomes the vector: tokens [C, L] int64 -> [C] int64.

    It is where the text ends, by the highest number or a known one, or the first or last place of all.
    """
    pool = shape["pool_type"]
    if pool == "argmax":
        last: Tensor = tokens.argmax(dim=-1)
        return last
    if pool == "eos":
        is_end: Tensor = tokens == shape["eos_id"]
        return is_end.int().argmax(dim=-1)
    return tokens.new_full((len(tokens),), tokens.shape[1] - 1 if pool == "last" else 0)


def lengths(tokens: Tensor, shape: Shape | None) -> Tensor:
    """The fixed length that each caption is computed at: tokens [C, context] int64 -> [C] int64.

    shape: None where the tower has more than is known of it; it is then run at full length, as one is whose attention
    is not causal.
    """
    context = tokens.shape[1]
    if shape is None or shape["no_causal_mask"] or shape["pool_type"] == "last":
        return tokens.new_full((len(tokens),), context)
    fixed = tokens.new_tensor([*(length for length in LENGTHS if length < context), context])
    return fixed[torch.searchsorted(fixed, pooled(tokens, shape) + 1)]


def cut(tokens: Tensor, shape: Shape | None) -> Tensor:
    """Captions for one forward: [B, context] int64 -> [B, L], the fixed length of the longest."""
    return tokens[:, : int(lengths(tokens, shape).max())] if len(tokens) else tokens


def encode(tower: Any, tokens: Tensor, shape: Shape) -> Tensor:
    """[C, L] int64 -> [C, D], L up to the context, as open_clip's encode_text computes it for the whole context.

    tower: open_clip's CLIP or TextTransformer, or clip_text.Tower, which has the same parts.
    """
    length, mask = tokens.shape[1], tower.attn_mask
    x = tower.token_embedding(tokens) + tower.positional_embedding[:length]
    x = tower.transformer(x, attn_mask=None if mask is None else mask[:length, :length])
    x = tower.ln_final(x)
    rows: Tensor = x[torch.arange(len(x), device=x.device), pooled(tokens, shape)]
    if tower.text_projection is None:
        return rows
    if isinstance(tower.text_projection, nn.Linear):
        projected: Tensor = tower.text_projection(rows)
    else:
        projected = rows @ tower.text_projection
    return projected


def in_groups(
    forward: Callable[[Tensor], Tensor], tokens: Tensor, shape: Shape | None, dim: int, device: str
) -> np.ndarray:
    """Captions of one length together: tokens [C, context] int64 on the CPU -> [C, D] float32, in their order.

    forward: [R, L] int64 on the device -> [R, D]. On a CPU each runs in one thread, as many side by side as torch has
    threads; a group that lacks captions has its last one several times.
    """
    vectors = np.zeros((len(tokens), dim), dtype=np.float32)
    length_of = lengths(tokens, shape)
    on_cpu = torch.device(device).type == "cpu"
    groups: list[tuple[int, Tensor]] = []
    for length in length_of.unique().tolist():
        rows = max(1, TOKENS // length) * (1 if on_cpu else GPU_GROUPS)
        groups += [(rows, group) for group in (length_of == length).nonzero()[:, 0].split(rows)]

    @torch.no_grad()  # it holds for one thread
    def run(sized: tuple[int, Tensor]) -> None:
        rows, group = sized
        full = torch.cat([group, group[-1:].expand(rows - len(group))])
        block = tokens[full, : int(length_of[group[0]])]
        vectors[group.numpy()] = forward(sent(block, device))[: len(group)].float().cpu().numpy()

    if not on_cpu:
        for sized in groups:
            run(sized)
        return vectors
    threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, "caption", torch.set_num_threads, (1,)) as pool:
            for _ in pool.map(run, groups):
                pass
    finally:
        torch.set_num_threads(threads)  # also of threads to come, which begin with the number that was set last
    return vectors
