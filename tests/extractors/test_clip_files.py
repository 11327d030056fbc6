"""What files and folders a CLIP model takes, Hugging Face's against transformers, and which are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel

from extractors import clip_config as configs
from extractors.clip import Clip

CAPTIONS = ["a red square moves left", "two blue circles, and a third one that stays", ""]


def hugging_face(folder: Path, activation: str = "quick_gelu") -> CLIPModel:
    """A CLIPModel of tiny-64's shape with random weights, saved to `folder`."""
    tower = {"hidden_size": 64, "intermediate_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2}
    tower |= {"hidden_act": activation}
    model = CLIPModel(
        CLIPConfig(
            text_config=tower | {"vocab_size": 49408, "max_position_embeddings": 32, "eos_token_id": 2},
            vision_config=tower | {"image_size": 64, "patch_size": 16},
            projection_dim=64,
        )
    )
    for value in model.parameters():
        value.data += torch.randn_like(value) * 0.05
    model.eval().save_pretrained(folder)
    return model


@torch.no_grad()
def test_a_hugging_face_folder_is_the_same_model(tmp_path: Path, apart: Callable[[Tensor, Tensor], float]) -> None:
    model = hugging_face(tmp_path)
    clip = Clip(model="tiny-64", frames=1, weights="a folder")
    clip.load("cpu", tmp_path)
    images, tokens = torch.randn(2, 3, 64, 64), clip.tokens(CAPTIONS)
    seen = model.visual_projection(model.vision_model(pixel_values=images).pooler_output)
    read = model.text_projection(model.text_model(input_ids=tokens).pooler_output)
    assert apart(clip.net.encode_image(images), seen) <= 1e-5
    assert apart(clip.encode_texts(tokens), read) <= 1e-5
    clip.load("cpu", tmp_path / "model.safetensors")  # config.json lies beside it
    assert apart(clip.encode_texts(tokens), read) <= 1e-5


def test_a_hugging_face_folder_tells_its_activation(tmp_path: Path) -> None:
    hugging_face(tmp_path, "gelu")
    with pytest.raises(ValueError, match=r"has the activation gelu \(text_config\); use model tiny-64$"):
        Clip(model="tiny-64", weights="a folder").load("cpu", tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match=r"doesn't say its activation; put its config\.json beside it"):
        Clip(model="tiny-64", weights="a folder").load("cpu", tmp_path)


Change = tuple[str, str]  # what is done to a file, and what the message says of it


@pytest.mark.parametrize("layout", ["OpenAI's", "open_clip's", "Hugging Face's"])
@pytest.mark.parametrize("change", ["missing", "unexpected", "of another shape"])
def test_a_file_that_does_not_fit_is_told_apart(tmp_path: Path, layout: str, change: str) -> None:
    clip = Clip(model="tiny-64", frames=1, weights="random")
    if layout == "Hugging Face's":
        state = {key: value.clone() for key, value in hugging_face(tmp_path).state_dict().items()}
        key, named = "vision_model.encoder.layers.1.mlp.fc1.bias", "visual.transformer.resblocks.1.mlp.c_fc.bias"
        extra = named_extra = "vision_model.extra"
    else:
        clip.load("cpu", None)
        state = clip.net.state_dict()
        if layout == "OpenAI's":
            state |= {"input_resolution": torch.tensor(64), "context_length": torch.tensor(32)}
        key = named = "visual.transformer.resblocks.1.mlp.c_fc.bias"
        extra = named_extra = "visual.extra"
    if change == "missing":
        del state[key]
    elif change == "unexpected":
        state[extra], named = torch.ones(1), named_extra
    else:
        state[key] = torch.ones(7)
        named += r" is \[7\], the model's \[256\]"
    path = tmp_path / "model.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    with pytest.raises(
        ValueError, match=rf"model\.safetensors, in {layout} layout, does not fit tiny-64: 1 {change}: {named}$"
    ):
        clip.load("cpu", path)


def test_open_clip_s_file_of_a_folder_is_taken(tmp_path: Path) -> None:
    """Repositories of the hub often hold one model for two libraries."""
    hugging_face(tmp_path)
    clip = Clip(model="tiny-64", frames=1, weights="random")
    clip.load("cpu", None)
    wanted = clip.extract_text(CAPTIONS)
    save_file(clip.net.state_dict(), tmp_path / "open_clip_model.safetensors")
    clip.load("cpu", tmp_path)
    np.testing.assert_array_equal(clip.extract_text(CAPTIONS), wanted)


def test_a_text_tower_of_its_own_takes_older_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """open_clip's two classes differ by `text.` before the names, and by scales of shape [] or [1]."""
    shape = json.loads((configs.OWN / "tiny-64.json").read_text())
    (tmp_path / "own-64.json").write_text(json.dumps(shape | {"custom_text": True}))
    plain = Clip(model="tiny-64", frames=1, weights="random")
    plain.load("cpu", None)
    monkeypatch.setattr(configs, "OWN", tmp_path)
    save_file(plain.net.state_dict() | {"logit_scale": torch.tensor([2.0])}, tmp_path / "a.safetensors")
    clip = Clip(model="own-64", frames=1, weights="a file")
    clip.load("cpu", tmp_path / "a.safetensors")
    np.testing.assert_array_equal(clip.extract_text(CAPTIONS), plain.extract_text(CAPTIONS))
    assert clip.net.logit_scale.shape == ()


def test_files_of_other_models_are_named(tmp_path: Path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors")
    with pytest.raises(
        ValueError, match=r"does not fit tiny-64: it is in no layout known here; its 1 keys begin with a$"
    ):
        Clip(model="tiny-64", weights="a file").load("cpu", tmp_path / "a.safetensors")
    siglip = {"text_model.encoder.a": torch.ones(1), "vision_model.head.probe": torch.ones(1)}
    save_file(siglip, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"layout of SigLIP, can't be read; get open_clip_model\.safetensors"):
        Clip(model="tiny-64", weights="a file").load("cpu", tmp_path / "model.safetensors")
