"""TimeSformer against the authors' network written out in functions, fed with the same file."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from extractors.checkpoint import convert
from extractors.tf import TimeSformer
from pipeline.weights.outline import outline

Apart = Callable[[Tensor, Tensor], float]

HEADS, FRAMES, CROP = 4, 4, 32
SMALL = {"frames": FRAMES, "crop": CROP, "patch": 8, "width": 32, "layers": 2, "heads": HEADS, "clips": 1, "crops": 1}


def linear(name: str, out: int, into: int) -> dict[str, Tensor]:
    return {f"{name}.weight": torch.randn(out, into) / into**0.5, f"{name}.bias": torch.randn(out) * 0.1}


def build(frames: int, crop: int, patch: int, width: int, layers: int) -> dict[str, Tensor]:
    """Random weights under the authors' names."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        places = (crop // patch) ** 2 + 1
        state = {"cls_token": torch.randn(1, 1, width), "pos_embed": torch.randn(1, places, width)}
        state |= {"time_embed": torch.randn(1, frames, width), "patch_embed.proj.bias": torch.randn(width)}
        state |= {"patch_embed.proj.weight": torch.randn(width, 3, patch, patch) / (1.7 * patch)}
        for layer in range(layers):
            name = f"blocks.{layer}"
            for norm in ("norm1", "norm2", "temporal_norm1"):
                state |= {f"{name}.{norm}.weight": torch.rand(width) + 0.5, f"{name}.{norm}.bias": torch.randn(width)}
            for attention in ("attn", "temporal_attn"):
                state |= linear(f"{name}.{attention}.qkv", 3 * width, width)
                state |= linear(f"{name}.{attention}.proj", width, width)
            state |= linear(f"{name}.temporal_fc", width, width)
            state |= linear(f"{name}.mlp.fc1", 4 * width, width) | linear(f"{name}.mlp.fc2", width, 4 * width)
        state |= {"norm.weight": torch.rand(width) + 0.5, "norm.bias": torch.randn(width)}
        return state | linear("head", 400, width)


@pytest.fixture(scope="module")
def official() -> dict[str, Tensor]:
    return build(FRAMES, CROP, 8, 32, 2)


def hub(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same under the names of Hugging Face's TimesformerForVideoClassification."""
    outside = {"cls_token": "cls_token", "pos_embed": "position_embeddings", "time_embed": "time_embeddings"}
    inside = {"norm1": "layernorm_before", "norm2": "layernorm_after", "temporal_norm1": "temporal_layernorm"}
    inside |= {"attn.qkv": "attention.attention.qkv", "attn.proj": "attention.output.dense"}
    inside |= {f"temporal_{key}": f"temporal_{value}" for key, value in inside.items() if key.startswith("attn")}
    inside |= {"temporal_fc": "temporal_dense", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    renamed = {}
    for key, value in state.items():
        if key in outside:
            name = f"timesformer.embeddings.{outside[key]}"
        elif key.startswith("blocks."):
            _, layer, rest = key.split(".", 2)
            role, _, part = rest.rpartition(".")
            name = f"timesformer.encoder.layer.{layer}.{inside[role]}.{part}"
        elif key.startswith("head."):
            name = key.replace("head.", "classifier.")
        else:
            name = key.replace("patch_embed.proj.", "timesformer.embeddings.patch_embeddings.projection.")
            name = name.replace("norm.", "timesformer.layernorm.")
        renamed[name] = value
    return renamed


def reference(state: dict[str, Tensor], clip: Tensor, heads: int = HEADS) -> Tensor:
    """[T, H, W, 3] uint8 -> [width]: the class token after divided space-time attention, one view at a time."""
    width, _, patch, _ = state["patch_embed.proj.weight"].shape

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (width,), state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def apply(x: Tensor, name: str) -> Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def attend(x: Tensor, name: str) -> Tensor:  # [groups, N, width]
        q, k, v = apply(x, f"{name}.qkv").view(*x.shape[:2], 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        return apply(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape), f"{name}.proj")

    images = (clip.permute(0, 3, 1, 2) / 255 - 0.45) / 0.225
    x = F.conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=patch)
    x = x.flatten(2).transpose(1, 2) + state["pos_embed"][:, 1:] + state["time_embed"][0][:, None]  # [T, N, width]
    token = state["cls_token"][0] + state["pos_embed"][0, :1]  # [1, width]
    for layer in range(sum(key.endswith(".temporal_fc.bias") for key in state)):
        name = f"blocks.{layer}"
        time = attend(norm(x.transpose(0, 1), f"{name}.temporal_norm1"), f"{name}.temporal_attn")
        x = x + apply(time, f"{name}.temporal_fc").transpose(0, 1)
        space = torch.cat([token.expand(len(x), 1, width), x], dim=1)
        space = attend(norm(space, f"{name}.norm1"), f"{name}.attn")
        token, x = token + space[:, 0].mean(dim=0), x + space[:, 1:]
        token, x = (
            part + apply(F.gelu(apply(norm(part, f"{name}.norm2"), f"{name}.mlp.fc1")), f"{name}.mlp.fc2")
            for part in (token, x)
        )
    return norm(token, "norm")[0]


def test_the_published_size() -> None:
    """Of the weights that a TimeSformer takes by default, without memory for them."""
    with outline():
        ours = TimeSformer().build().state_dict()
        theirs = hub(build(8, 224, 16, 768, 12))
    shapes = {name.removeprefix("timesformer."): value.shape for name, value in theirs.items() if "classif" not in name}
    assert {name: value.shape for name, value in ours.items()} == shapes


@pytest.mark.parametrize(("frames", "crop", "width"), [(8, 112, 192), (96, 48, 192)])
def test_the_published_depth_equals_the_reference(
    tmp_path: Path, apart: Apart, frames: int, crop: int, width: int
) -> None:
    state = build(frames, crop, 16, width, 12)
    torch.save({"model_state": state}, tmp_path / "tf.pyth")
    clip = torch.randint(0, 256, (1, 1, frames, crop, crop, 3), dtype=torch.uint8)
    tf = TimeSformer(frames=frames, crop=crop, crops=1, width=width)
    tf.load("cpu", tmp_path / "tf.pyth")
    with torch.no_grad():
        assert apart(tf.extract(clip)[0], reference(state, clip[0, 0], heads=12)) < 1e-5


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_the_authors_names_and_views_averaged(
    tmp_path: Path, official: dict[str, Tensor], apart: Apart, prefix: str
) -> None:
    torch.save({"model_state": {prefix + key: value for key, value in official.items()}}, tmp_path / "tf.pyth")
    frames = torch.randint(0, 256, (2, 6, FRAMES, CROP, CROP, 3), dtype=torch.uint8)
    tf = TimeSformer(**SMALL | {"clips": 2, "crops": 3})
    tf.load("cpu", tmp_path / "tf.pyth")
    expected = torch.stack([torch.stack([reference(official, view) for view in video]).mean(dim=0) for video in frames])
    assert apart(tf.extract(frames), expected) < 1e-5


@pytest.mark.parametrize("layout", ["the authors' layout", "the layout of Hugging Face"])
def test_every_key_is_used_or_named_as_dropped(tmp_path: Path, official: dict[str, Tensor], layout: str) -> None:
    state = official if "authors" in layout else hub(official)
    torch.save(
        {f"model.{key}": value for key, value in official.items()} if state is official else state, tmp_path / "a"
    )
    converted = convert(tmp_path / "a", TimeSformer.LAYOUTS)
    wanted = {key.removeprefix("timesformer."): value for key, value in hub(official).items() if "classif" not in key}
    assert converted.layout.name == layout
    assert len(converted.dropped) == 2
    assert converted.state.keys() == wanted.keys()
    assert all(torch.equal(value, wanted[key]) for key, value in converted.state.items())


@pytest.mark.parametrize("layout", ["the authors' layout", "the layout of Hugging Face"])
def test_a_key_too_few_too_many_or_too_long(
    official: dict[str, Tensor], refuses_damage: Callable[..., None], layout: str
) -> None:
    state = official if "authors" in layout else hub(official)
    key = list(state)[list(official).index("blocks.1.temporal_attn.qkv.weight")]
    ours = "encoder.layer.1.temporal_attention.attention.qkv.weight"
    refuses_damage(lambda: TimeSformer(**SMALL), state, layout, key, ours)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, official: dict[str, Tensor]) -> dict[str, Path]:
    """Folders as Hugging Face writes them: the bare model, the classifier, in parts, and as an old .bin."""
    from transformers import TimesformerConfig, TimesformerForVideoClassification

    config = TimesformerConfig(
        **{"image_size": CROP, "patch_size": 8, "num_frames": FRAMES, "hidden_size": 32, "intermediate_size": 128},
        **{"num_hidden_layers": 2, "num_attention_heads": HEADS, "num_labels": 400},
    )
    model = TimesformerForVideoClassification(config)
    model.load_state_dict(hub(official))
    paths = {name: tmp_path_factory.mktemp(name) for name in ("classifier", "bare", "parts", "bin")}
    model.save_pretrained(paths["classifier"])
    model.timesformer.save_pretrained(paths["bare"])
    model.save_pretrained(paths["parts"], max_shard_size="50KB")
    assert (paths["parts"] / "model.safetensors.index.json").is_file()
    config.save_pretrained(paths["bin"])
    torch.save(model.state_dict(), paths["bin"] / "pytorch_model.bin")
    return paths


@pytest.mark.parametrize("kind", ["classifier", "bare", "parts", "bin"])
def test_hugging_face_s_folders(folders: dict[str, Path], official: dict[str, Tensor], apart: Apart, kind: str) -> None:
    tf = TimeSformer(**SMALL)
    tf.load("cpu", folders[kind])
    frames = torch.randint(0, 256, (1, 1, FRAMES, CROP, CROP, 3), dtype=torch.uint8)
    assert apart(tf.extract(frames)[0], reference(official, frames[0, 0])) < 1e-5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"frames": 8}, "config.json says num_frames 4, this model has 8: set frames to 4"),
        ({"crop": 64}, "config.json says image_size 32, this model has 64: set crop to 32"),
        ({"patch": 16}, "config.json says patch_size 8, this model has 16: set patch to 8"),
        ({"width": 64}, "config.json says hidden_size 32, this model has 64: set width to 32"),
        ({"layers": 1}, "config.json says num_hidden_layers 2, this model has 1: set layers to 2"),
        ({"heads": 8}, "config.json says num_attention_heads 4, this model has 8: set heads to 4"),
    ],
)
def test_a_folder_of_another_model_says_what_to_set(
    folders: dict[str, Path], params: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TimeSformer(**SMALL | params).load("cpu", folders["classifier"])


def test_another_attention_is_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    folder = Path(shutil.copytree(folders["bare"], tmp_path / "joint"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attention_type": "joint_space_time"}))
    with pytest.raises(ValueError, match="says attention_type joint_space_time, this model has divided_space_time: no"):
        TimeSformer(**SMALL).load("cpu", folder)


def test_other_frames_or_sizes_are_refused_and_would_have_been_wrong(
    tmp_path: Path, official: dict[str, Tensor], apart: Apart
) -> None:
    torch.save({"model_state": official}, tmp_path / "tf.pyth")
    with pytest.raises(ValueError, match=r"trained with 4 frames, not 8: set frames to 4"):
        TimeSformer(**SMALL | {"frames": 8}).load("cpu", tmp_path / "tf.pyth")
    with pytest.raises(ValueError, match=r"trained with pictures of 32 pixels, not 64: set crop to 32"):
        TimeSformer(**SMALL | {"crop": 64}).load("cpu", tmp_path / "tf.pyth")
    tf = TimeSformer(**SMALL)
    tf.load("cpu", tmp_path / "tf.pyth")
    twice = torch.randint(0, 256, (1, 1, 2 * FRAMES, CROP, CROP, 3), dtype=torch.uint8)
    with pytest.raises(ValueError, match="they should be"):
        tf.extract(twice)
    # The network itself answers, which is why we look: with other features than a model of that length has.
    pixels = (twice[0].permute(0, 1, 4, 2, 3) / 255 - 0.45) / 0.225
    longer = official | {"time_embed": official["time_embed"].repeat(1, 2, 1)}
    with torch.no_grad():
        answer = tf.net(pixel_values=pixels).last_hidden_state[0, 0]
    assert answer.isfinite().all()
    assert apart(answer, reference(longer, twice[0, 0])) > 1e-3


def test_native_model() -> None:
    tf = TimeSformer()
    assert tf.dim == 768
    wanted = {"frames": 8, "stride": 32, "fps": 30.0, "size": 224, "crop": 224, "clips": 1, "crops": 3}
    assert (wanted | {"antialias": False}).items() <= asdict(tf.sampling).items()


@pytest.mark.parametrize(
    ("params", "message"),
    [({"crop": 100}, "crop 100 is no multiple of patch 16"), ({"heads": 5}, "width 768 is no multiple of heads 5")],
)
def test_impossible_shapes_are_refused(params: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimeSformer(**params)
