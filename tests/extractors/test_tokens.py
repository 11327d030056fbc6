"""Tokenizers from files are what open_clip makes of the same files; a SigLIP of our own size from end to end."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from extractors import clip_config as configs
from extractors.base import Pairs
from extractors.clip import Clip
from extractors.clip_ft import ClipFt
from extractors.tokens import read_tokens

CAPTIONS = ["A red_square, moves LEFT!", "a blue circle", "", "a red red red red red red red red circle"]
WORDS = ["<pad>", "<eos>", "<unk>", "<sep>", "a", "red", "square", "moves", "left", "blue", "circle", "_", "LEFT"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """tokenizer.json and tokenizer_config.json of thirteen words."""
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <sep> <eos>", special_tokens=[("<sep>", 3), ("<eos>", 1)]
    )
    path = tmp_path / "words"
    path.mkdir()
    tokenizer.save(str(path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "sep_token": {"content": "<sep>"}}
    (path / "tokenizer_config.json").write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize("options", [{}, {"clean": "canonicalize"}, {"clean": "lower", "strip_sep_token": True}])
def test_files_are_read_as_open_clip_reads_them(folder: Path, options: dict) -> None:
    (folder / "tokenizer_config.json").write_text(
        (folder / "tokenizer_config.json").read_text().replace('{"content": "<sep>"}', '"<sep>"')
    )
    theirs = open_clip.tokenizer.HFTokenizer(str(folder), context_length=8, **options)
    ours = read_tokens(folder, 8, **options)
    assert torch.equal(ours(CAPTIONS), theirs(CAPTIONS))
    assert ours(CAPTIONS).shape == (4, 8)


def test_words_by_hand(folder: Path) -> None:
    tokens = read_tokens(folder / "tokenizer.json", 6, clean="canonicalize")
    assert tokens(["A red_square moves!", "red red red red red"]).tolist() == [[4, 5, 6, 7, 3, 1], [5, 5, 5, 5, 3, 1]]
    assert read_tokens(folder, 4, strip_sep_token=True)(["a"]).tolist() == [[4, 0, 1, 0]]


def test_what_is_wrong_with_a_tokenizer_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"other/tokenizer\.json: no such tokenizer|other: no such tokenizer"):
        read_tokens(folder / "other", 8)
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(
        ValueError, match=r"its pad_token is None; put the tokenizer_config\.json that names it beside it"
    ):
        read_tokens(folder, 8)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json: no tokenizer of the Hugging Face hub"):
        read_tokens(folder, 8)


@pytest.fixture
def siglip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """SigLIP's configuration at the smallest size: timm's tower, no causal mask, the last token, a bias."""
    content = {
        "embed_dim": 192,
        "init_logit_bias": -10,
        "custom_text": True,
        "vision_cfg": {
            "image_size": 224,
            "timm_model_name": "vit_tiny_patch16_224",
            "timm_model_pretrained": True,  # nothing is fetched all the same
            "timm_pool": "avg",
            "timm_proj": "none",
        },
        "text_cfg": {
            **{"context_length": 8, "vocab_size": 13, "hf_tokenizer_name": "timm/words"},
            **{"tokenizer_kwargs": {"clean": "canonicalize"}, "width": 32, "heads": 2, "layers": 1},
            **{"no_causal_mask": True, "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}},
        },
    }
    (tmp_path / "siglip.json").write_text(json.dumps(content))
    monkeypatch.setattr(configs, "OWN", tmp_path)
    yield "siglip"
    configs.clip_config.cache_clear()


def test_a_siglip_from_end_to_end(tmp_path: Path, folder: Path, siglip: str) -> None:
    """Weights and tokenizer in one folder, fine-tuned, and read again where no tokenizer lies."""
    pixels = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize": "squash"}
    start = Clip(model=siglip, frames=1, tokenizer=str(folder), weights="random", **pixels)  # type: ignore[arg-type]
    start.load("cpu", None)
    wanted = start.extract_text(CAPTIONS)
    save_file(start.net.state_dict(), folder / "open_clip_model.safetensors")
    clip = ClipFt(model=siglip, frames=1, weights="a folder", **pixels)  # type: ignore[arg-type]
    clip.load("cpu", folder)
    np.testing.assert_array_equal(clip.extract_text(CAPTIONS), wanted)
    assert (clip.sampling.width, clip.sampling.size, clip.sampling.crop) == (224, 224, 224)
    white = torch.full((1, 1, 1, 224, 224, 3), 255, dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(clip.extract(white), clip.net.encode_image(torch.ones(1, 3, 224, 224)))  # (1 - .5) / .5

    frames = np.random.default_rng(1).integers(0, 256, (2, 1, 224, 224, 3), dtype=np.uint8)
    data = Pairs(CAPTIONS[:2], np.arange(2), frames)
    task = clip.task(data, data, lambda cosines, scale, videos=None: -(cosines.diagonal() * scale).sum())
    task.loss(torch.arange(2)).backward()
    bare = [name for name, value in clip.net.named_parameters() if value.grad is None]
    assert bare == ["logit_bias"]
    task.model.eval()
    torch.save(task.state(), tmp_path / "best.pt")
    again = ClipFt(model=siglip, frames=1, weights="a folder", **pixels)  # type: ignore[arg-type]
    again.load_state(torch.load(tmp_path / "best.pt", weights_only=True), "cpu")
    np.testing.assert_array_equal(again.extract_text(CAPTIONS), wanted)


def test_a_missing_tokenizer_is_named_before_the_work(tmp_path: Path, siglip: str) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "open_clip_model.safetensors")
    with pytest.raises(
        ValueError,
        match=r"no such tokenizer\. Get tokenizer\.json and tokenizer_config\.json from https://.*/timm/words, put",
    ):
        Clip(model=siglip, weights="a file").load("cpu", tmp_path / "open_clip_model.safetensors")
    with pytest.raises(ValueError, match="siglip: captions need its tokenizer"):  # random weights have no folder
        Clip(model=siglip, weights="random").load("cpu", None)
