"""The text sides that a search takes: the same rows as the extractors whole, and little imported.

CLIP's are the same up to rounding, for a search computes a sentence alone; BERT's to the last bit.
"""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

from extractors.bert import Bert
from extractors.bert_text import BertText, known
from extractors.bow import Bow
from extractors.clip_config import text_shape
from extractors.clip_ft import ClipFt
from extractors.clip_text import ClipText
from extractors.text_side import text_side
from pipeline.parts.code import ROOT

TEXTS = [
    "a red square moves left",
    "Two  things &amp; café — ÜBER",
    "",
    "word " * 100,
    "12 dogs' don't <end_of_text> x",
]


def clip_of(folder: Path, text: dict[str, Any], **top: Any) -> ClipFt:
    """tiny-64 with another text tower, by a configuration of its own."""
    clip = ClipFt(model="tiny-64", frames=2, weights="random")
    shape = json.loads(clip.config.path.read_text(encoding="utf-8"))
    shape = shape | top | {"text_cfg": shape["text_cfg"] | text}
    path = folder / "other.json"
    path.write_text(json.dumps(shape), encoding="utf-8")
    clip.config = replace(
        clip.config,
        path=path,
        custom_text=bool(shape.get("custom_text")),
        quick_gelu=bool(shape.get("quick_gelu")),
        context=shape["text_cfg"].get("context_length", 77),
        tokenizing=shape["text_cfg"].get("tokenizer_kwargs") or {},
    )
    return clip


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    """The same rows up to float32's rounding."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("text", "top"),
    [
        ({}, {}),
        ({}, {"quick_gelu": False}),
        ({"context_length": 32, "mlp_ratio": 3.7362}, {"custom_text": True}),
        (
            {"no_causal_mask": True, "pool_type": "last", "proj_bias": True},
            {"custom_text": True, "init_logit_bias": -10},
        ),
        (
            {"norm_kwargs": {"eps": 1e-6}, "act_kwargs": {"approximate": "tanh"}},
            {"custom_text": True, "quick_gelu": False},
        ),
        ({"tokenizer_kwargs": {"clean": "canonicalize"}}, {}),
        ({"pool_type": "eos", "eos_id": 49407}, {"custom_text": True}),
    ],
)
def test_clip_s_rows_are_those_of_the_whole_model(tmp_path: Path, text: dict[str, Any], top: dict[str, Any]) -> None:
    whole = clip_of(tmp_path, text, **top)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = whole.build()
        for value in net.parameters():  # biases and gains are 0 and 1 in a new model, which would hide a mistake
            torch.nn.init.normal_(value, std=0.3)
    state = {"model": net.state_dict()}
    whole.load_state(state, "cpu")
    alone = text_side(clip_of(tmp_path, text, **top))
    assert isinstance(alone, ClipText)
    alone.load_state(state, "cpu")
    wanted = whole.extract_text(TEXTS)
    assert np.ptp(wanted, axis=0).max() > 0.1
    found = alone.extract_text(TEXTS)
    close(found, wanted)
    assert alone.extract_text(TEXTS[1:2]).tobytes() == found[1:2].tobytes()  # whatever else is asked
    assert alone.extract_text([]).shape == (0, whole.dim)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    whole, alone = clip_of(tmp_path, {}), text_side(clip_of(tmp_path, {}))
    state = {"model": {key: value.half() for key, value in whole.build().state_dict().items()}}
    whole.load_state(state, "cpu")
    alone.load_state(state, "cpu")
    close(alone.extract_text(TEXTS), whole.extract_text(TEXTS))


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    state = clip_of(tmp_path, {}).build().state_dict()
    state.pop("ln_final.weight")
    with pytest.raises(ValueError, match=r"(?s)fine-tuned tiny-64 does not fit the text tower: .*ln_final\.weight"):
        text_side(clip_of(tmp_path, {})).load_state({"model": state}, "cpu")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    state = clip_of(tmp_path, {}).build().state_dict()
    state["ln_final.weight"][0] = value
    with pytest.raises(ValueError, match=r"text tower: 1 not of finite real numbers: ln_final\.weight"):
        text_side(clip_of(tmp_path, {})).load_state({"model": state}, "cpu")


def test_a_tower_with_more_is_read_whole(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, {"ls_init_value": 0.1})
    assert text_shape(clip.config) is None
    assert text_side(clip) is clip


def test_random_weights_are_drawn_for_both_towers() -> None:
    whole, alone = (ClipFt(model="tiny-64", frames=2, weights="random") for _ in range(2))
    whole.load("cpu", None)
    alone = text_side(alone)
    alone.load("cpu", None)
    assert alone.extract_text(TEXTS).tobytes() == whole.extract_text(TEXTS).tobytes()


def test_all_models_that_clip_takes_are_known() -> None:
    """Of open_clip's configurations: SigLIP 2, PE-Core, MobileCLIP2 and MetaCLIP 2 among them."""
    left = []
    for path in sorted((Path(open_clip.__file__).parent / "model_configs").glob("*.json")):
        try:
            clip = ClipFt(model=path.stem, weights="random")
        except ValueError:
            continue
        if text_shape(clip.config) is None:
            left.append(path.stem)
    assert left == []


@pytest.mark.parametrize("custom", [False, True])
def test_published_weights_and_a_tokenizer_of_their_own(tmp_path: Path, custom: bool) -> None:
    """As SigLIP's: open_clip's file with tokenizer.json beside it, which a custom model's may hold without `text.`."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {word: number for number, word in enumerate(["<pad>", "<unk>", "a", "red", "square", "word"])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"pad_token": "<pad>"}')
    text = {
        "vocab_size": 6,
        "context_length": 8,
        "hf_tokenizer_name": "mine",
        "tokenizer_kwargs": {"clean": "canonicalize"},
    }
    whole, other = (clip_of(tmp_path, text, custom_text=custom) for _ in range(2))
    for clip in (whole, other):
        clip.config = replace(clip.config, tokenizer="mine")
    state = {key.removeprefix("text."): value.contiguous() for key, value in whole.build().state_dict().items()}
    save_file(state, tmp_path / "open_clip_model.safetensors")
    whole.load("cpu", tmp_path)
    alone = text_side(other)
    alone.load("cpu", tmp_path)
    close(alone.extract_text(TEXTS), whole.extract_text(TEXTS))
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"its pad_token is None.*Get tokenizer\.json"):
        text_side(other).load("cpu", tmp_path)


def bert_folder(folder: Path, **changed: Any) -> Path:
    """A small BERT of random weights as the hub has it, with a vocabulary of letters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", *(f"##{x}" for x in "adeor")]
    vocab = {word: number for number, word in enumerate(words)}
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = BertModel(config, add_pooling_layer=False)
        for value in net.parameters():
            torch.nn.init.normal_(value, std=0.3)
    folder.mkdir()
    save_file(net.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config.to_dict() | changed))
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(name, vocab[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", ends)
    tokenizer.add_special_tokens(words[:5])
    tokenizer.enable_padding(length=20)
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 24}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_bert_s_rows_are_those_of_transformers(tmp_path: Path, pooling: Any) -> None:
    folder = bert_folder(tmp_path / "bert")
    assert known(folder)
    whole = Bert(weights=str(folder), pooling=pooling)
    alone = text_side(Bert(weights=str(folder), pooling=pooling))
    assert isinstance(alone, BertText)
    texts = ["a dear roar", "b", "Éa ro [MASK] zzz", "", "road " * 30]
    for part in (whole, alone):
        part.load("cpu", folder)
    wanted = whole.extract_text(texts)
    assert np.ptp(wanted, axis=0).max() > 0.01
    assert alone.extract_text(texts).tobytes() == wanted.tobytes()  # padded to one length
    assert alone.extract_text(texts[:1]).tobytes() == whole.extract_text(texts[:1]).tobytes()  # and not
    assert (alone.dim, alone.about) == (whole.dim, whole.about)


@pytest.mark.parametrize("changed", [{"hidden_act": "relu"}, {"model_type": "roberta"}])
def test_another_bert_is_not_known(tmp_path: Path, changed: dict[str, str]) -> None:
    assert not known(bert_folder(tmp_path / "bert", **changed))


def test_a_tokenizer_that_differs_from_its_settings_is_not_known(tmp_path: Path) -> None:
    folder = bert_folder(tmp_path / "bert")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    assert not known(folder)


def test_other_parts_are_themselves() -> None:
    bow = Bow()
    assert text_side(bow) is bow


def test_little_is_imported() -> None:
    """Neither of what open_clip and transformers bring, for a fine-tuned CLIP that reads a sentence."""
    program = """
import sys
import torch
from extractors.clip_ft import ClipFt
from extractors.clip_config import text_shape
from extractors.clip_text import Tower
from extractors.text_side import text_side
clip = ClipFt(model="tiny-64", weights="random")
tower = Tower(text_shape(clip.config), clip.config)
for value in tower.parameters():
    value.data.zero_()
alone = text_side(clip)
alone.load_state({"model": tower.state_dict()}, "cpu")
assert alone.extract_text(["a dog"]).shape == (1, clip.dim)
heavy = {"open_clip", "transformers", "torchvision", "torch._dynamo", "timm", "scipy", "pandas", "h5py", "av", "sympy"}
print(sorted(heavy & set(sys.modules)))
"""
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"
