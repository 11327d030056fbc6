"""Captions at the length they need: the vectors of the whole context, and bytes that no other caption changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from extractors import clip_places
from extractors.clip_config import TEXT
from extractors.clip_ft import ClipFt
from tests.extractors.test_text_side import clip_of, close

# 2 tokens more than words, the start and the end; tiny-64 has 32 places.
CAPTIONS = [
    "",
    "a red square",
    *(f"a blue circle moves {'slowly ' * more}left" for more in range(24)),
    "word " * 30,  # fills the context
    "word " * 100,  # is cut
]


def learned(folder: Path, text: dict[str, Any], **top: Any) -> ClipFt:
    """tiny-64, or one with another text tower, with weights none of which are 0 or 1."""
    clip = clip_of(folder, text, **top)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = clip.build()
        for value in net.parameters():
            torch.nn.init.normal_(value, std=0.3)
    clip.load_state({"model": net.state_dict()}, "cpu")
    return clip


def forwards(clip: ClipFt) -> list[tuple[int, ...]]:
    """The shapes [captions, places] of the forwards to come."""
    shapes: list[tuple[int, ...]] = []
    tower = getattr(clip.net, "text", clip.net)
    tower.token_embedding.register_forward_hook(lambda _, given, __: shapes.append(tuple(given[0].shape)))
    return shapes


@torch.no_grad()
def whole_context(clip: ClipFt) -> np.ndarray:
    """What open_clip computes over all places."""
    vectors: np.ndarray = clip.net.encode_text(clip.tokens(CAPTIONS)).numpy()
    return vectors


@pytest.mark.parametrize(
    ("text", "top", "cut"),
    [
        ({}, {}, True),
        ({"pool_type": "eos", "eos_id": 49407}, {"custom_text": True}, True),
        ({"pool_type": "first"}, {"custom_text": True}, True),
        ({"context_length": 12, "proj_bias": True}, {"custom_text": True}, True),
        ({"pool_type": "last"}, {"custom_text": True}, False),
        ({"no_causal_mask": True}, {"custom_text": True}, False),
        ({"no_causal_mask": True, "pool_type": "last"}, {"custom_text": True}, False),
        ({"ls_init_value": 0.1}, {}, False),  # more than is known here
        ({"embed_cls": True}, {"custom_text": True}, False),
    ],
)
def test_vectors_are_those_of_the_whole_context(
    tmp_path: Path, text: dict[str, Any], top: dict[str, Any], cut: bool
) -> None:
    clip = learned(tmp_path, text, **top)
    wanted = whole_context(clip)
    assert text.get("pool_type") == "first" or np.ptp(wanted, axis=0).max() > 0.1
    shapes = forwards(clip)
    close(clip.extract_text(CAPTIONS), wanted)
    lengths = {length for _, length in shapes}
    if cut:
        assert lengths <= {8, 12, 16, 20, 24, 32}
        assert all(captions == 96 // length for captions, length in shapes)
    else:
        assert lengths == {clip.config.context}


def test_no_other_caption_changes_a_byte(tmp_path: Path) -> None:
    """Subsets, another order, captions twice, and another number of threads."""
    clip = learned(tmp_path, {})
    wanted = clip.extract_text(CAPTIONS)
    threads = torch.get_num_threads()
    alone = np.concatenate([clip.extract_text([caption]) for caption in CAPTIONS])
    assert alone.tobytes() == wanted.tobytes()
    generator = np.random.default_rng(1)
    for count in (3, 11, 100):
        chosen = generator.integers(0, len(CAPTIONS), count)
        found = clip.extract_text([CAPTIONS[row] for row in chosen])
        assert found.tobytes() == wanted[chosen].tobytes()
    try:
        for other in (1, 3):
            torch.set_num_threads(other)
            assert clip.extract_text(CAPTIONS).tobytes() == wanted.tobytes()
            assert torch.get_num_threads() == other
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("text", [{"no_causal_mask": True}, {"ls_init_value": 0.1}])
def test_captions_at_full_length_have_no_company_either(tmp_path: Path, text: dict[str, Any]) -> None:
    clip = learned(tmp_path, text)
    wanted = clip.extract_text(CAPTIONS)
    assert clip.extract_text(CAPTIONS[::-5]).tobytes() == wanted[::-5].tobytes()


def test_a_length_is_the_least_that_holds_the_caption() -> None:
    """The end token, 49407, stands at places 1, 7, 8, 47, 48 and 76 of 77: 2 to 77 places are needed."""
    tokens = torch.zeros(6, 77, dtype=torch.int64)
    tokens[torch.arange(6), torch.tensor([1, 7, 8, 47, 48, 76])] = 49407
    assert clip_places.lengths(tokens, TEXT).tolist() == [8, 8, 12, 48, 77, 77]
    assert clip_places.cut(tokens[:3], TEXT).shape == (3, 12)
    assert clip_places.cut(tokens, TEXT).shape == (6, 77)
    assert clip_places.cut(tokens[:0], TEXT).shape == (0, 77)
    short = tokens[:2, :9]
    assert clip_places.lengths(short, TEXT).tolist() == [8, 8]
    assert clip_places.lengths(short, TEXT | {"no_causal_mask": True}).tolist() == [9, 9]
    assert clip_places.lengths(short, TEXT | {"pool_type": "eos", "eos_id": 5}).tolist() == [8, 8]  # without an end: 0
    assert clip_places.lengths(short, None).tolist() == [9, 9]


def test_a_batch_that_learns_has_the_length_of_its_longest(tmp_path: Path) -> None:
    """Its gradients are those of the whole context."""
    clip = learned(tmp_path, {})
    tokens = clip.tokens([CAPTIONS[1], CAPTIONS[5], CAPTIONS[0]])
    shapes = forwards(clip)

    def gradients(vectors: Tensor) -> dict[str, Tensor]:
        clip.net.zero_grad()
        vectors.square().sum().backward()
        return {name: p.grad.clone() for name, p in clip.net.named_parameters() if p.grad is not None}

    clip.net.train()
    found, wanted = gradients(clip.encode_texts(tokens)), gradients(clip.net.encode_text(tokens))
    assert shapes == [(3, 12), (3, 32)]
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        close(found[name].numpy(), value.numpy())
