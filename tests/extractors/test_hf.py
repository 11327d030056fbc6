"""Models of transformers: each family against the library's own pipeline on tiny random models; what is refused."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from extractors.hf import Hf
from extractors.hf_folder import build, read_config
from extractors.hf_tower import Tower, clip_length
from extractors.hf_video import HfVideo
from pipeline.video.pixels import crops, resize
from tests.extractors import hf_library
from tests.extractors.hf_models import FAMILIES, Family, write

CAPTIONS = ["a dog runs on the beach", "x", "Two men, one of them tall, play chess in a park and laugh"]
EXACT = 1e-5  # of the feature's largest number: sums in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """folder(family): that of a tiny model, written once."""
    written: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in written:
            written[name] = write(tmp_path_factory.mktemp("model"), FAMILIES[name])
        return written[name]

    return get


@pytest.fixture
def changed(folder: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """changed(family, FILE={key: value}): a copy of a folder with other values in its JSON files."""

    def copy(name: str, **files: dict[str, Any]) -> Path:
        for file in folder(name).iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        for stem, values in files.items():
            path = tmp_path / f"{stem}.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | values))
        return tmp_path

    return copy


def loaded(path: Path, family: Family, **params: Any) -> Hf:
    part = (Hf if family.reads else HfVideo)(weights=str(path), **params)
    part.load("cpu", path)
    return part


def video(height: int, width: int, frames: int = 4) -> np.ndarray:
    """Coarse colours: [frames, H, W, 3] uint8."""
    cells = np.random.default_rng(height).integers(0, 256, (frames, 6, 6, 3), dtype=np.uint8)
    rows, columns = (np.arange(length) * 6 // length for length in (height, width))
    return np.ascontiguousarray(cells[:, rows][:, :, columns])


def taken(part: Hf, frames: np.ndarray) -> Tensor:
    """The frames of one video as a run hands them over: [1, 1, T, crop, crop, 3] uint8."""
    at = part.sampling
    small = [resize(frame, at.size, at.filter, at.antialias, at.width) for frame in frames]
    return torch.from_numpy(np.stack([crops(frame, at.crop)[0] for frame in small]))[None, None]


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference, as a share of the largest number."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("name", FAMILIES)
def test_features_are_those_of_the_library(folder: Callable[[str], Path], name: str) -> None:
    """From frames of the model's size, and, where transformers resizes on PIL, from others: the mean over pictures."""
    family, path = FAMILIES[name], folder(name)
    part = loaded(path, family, frames=None if clip_length(HfVideo(weights=str(path)).config) else 4)
    size = part.sampling.size
    shapes = [
        (size, size),
        *([(53, 53) if family.kind in ("siglip2", "convnext") else (46, 62)] if family.on_pil else []),
    ]
    for height, width in shapes:
        frames = video(height, width)
        inputs = hf_library.pixels(path, family, frames, "pil" if family.on_pil else "torchvision")
        theirs = hf_library.features(path, family, inputs).mean(dim=0, keepdim=True)
        ours = part.extract(taken(part, frames))
        assert ours.shape == theirs.shape == (1, part.dim)
        assert apart(ours, theirs) < EXACT
    if family.reads:
        expected = torch.from_numpy(hf_library.texts(path, CAPTIONS))
        rows = torch.from_numpy(part.extract_text(CAPTIONS))
        assert rows.shape == (3, part.dim)
        assert apart(rows, expected) < EXACT


@pytest.mark.parametrize("name", ["CLIP", "SigLIP, SigLIP 2"])
def test_a_caption_has_the_same_bytes_alone_and_in_company(folder: Callable[[str], Path], name: str) -> None:
    part = loaded(folder(name), FAMILIES[name])
    together = part.extract_text(CAPTIONS)
    assert all(
        np.array_equal(part.extract_text([caption])[0], row) for caption, row in zip(CAPTIONS, together, strict=True)
    )
    assert part.extract_text([]).shape == (0, part.dim)
    shouting = loaded(folder(name), FAMILIES[name], lower=True)
    assert np.array_equal(shouting.extract_text([CAPTIONS[0].upper()]), part.extract_text(CAPTIONS[:1]))
    with pytest.raises(ValueError, match=r"length is 99; .* has places for 24 tokens"):
        loaded(folder(name), FAMILIES[name], length=99)


def test_clips_and_frames_are_averaged(folder: Callable[[str], Path]) -> None:
    part = loaded(folder("VideoMAE"), FAMILIES["VideoMAE"], clips=2, stride=1)
    one = loaded(folder("VideoMAE"), FAMILIES["VideoMAE"])
    frames = torch.from_numpy(video(32, 32, 8)).reshape(1, 2, 4, 32, 32, 3)
    singles = torch.stack([one.extract(frames[:, at : at + 1]) for at in range(2)]).mean(dim=0)
    assert apart(part.extract(frames), singles) < EXACT
    rows = loaded(folder("DINOv2"), FAMILIES["DINOv2"], level="frame", frames=4).extract(frames[:, :1])
    assert rows.shape == (1, 4, 32)
    assert (
        apart(rows.mean(dim=1), loaded(folder("DINOv2"), FAMILIES["DINOv2"], frames=4).extract(frames[:, :1])) < EXACT
    )
    with pytest.raises(ValueError, match="level frame has one row a frame, but a videomae sees clips of 4"):
        loaded(folder("VideoMAE"), FAMILIES["VideoMAE"], level="frame")
    with pytest.raises(ValueError, match=r"frames is 8; .* was made for clips of 4"):
        loaded(folder("VideoMAE"), FAMILIES["VideoMAE"], frames=8)


def test_pool_takes_something_else(folder: Callable[[str], Path]) -> None:
    frames = torch.from_numpy(video(32, 32)).reshape(1, 1, 4, 32, 32, 3)
    found = {
        pool: loaded(folder("DINOv2"), FAMILIES["DINOv2"], frames=4, pool=pool).extract(frames)
        for pool in ("auto", "pooler", "cls", "mean")
    }
    assert apart(found["auto"], found["cls"]) == apart(found["pooler"], found["cls"]) == 0
    assert apart(found["mean"], found["cls"]) > 0.1
    with pytest.raises(ValueError, match="a videomae has no pooler; set pool to cls or mean"):
        loaded(folder("VideoMAE"), FAMILIES["VideoMAE"], pool="pooler").extract(frames)


def test_what_the_entry_says_need_not_be_read(folder: Callable[[str], Path]) -> None:
    """With all params of an entry, sampling and width are known without the folder; another model is refused."""
    params = {"model": "clip", "dim": 24, "frames": 4, "size": 36, "crop": 32, "resize": "shortest"}
    params |= {"filter": "bicubic", "mean": [0.5] * 3, "std": [0.25] * 3}
    part = Hf(weights="some-entry", **params)
    assert (part.dim, part.sampling.size, part.sampling.crop, part.std) == (24, 36, 32, (0.25,) * 3)
    with pytest.raises(ValueError, match="holds a siglip, not a clip"):
        part.load("cpu", folder("SigLIP, SigLIP 2"))
    with pytest.raises(ValueError, match="has features of 24 numbers, not of 25"):
        Hf(weights="some-entry", **params | {"dim": 25}).load("cpu", folder("CLIP"))
    assert Hf(weights="hf:someone/something").dim == 1  # not known yet
    with pytest.raises(ValueError, match=r"`laff weights get hf:someone/something` fetches it"):
        Hf(weights="hf:someone/something").sampling  # noqa: B018


def test_code_of_a_folder_is_never_run(changed: Callable[..., Path]) -> None:
    """auto_map is ignored where transformers has a class of its own, and refused where it has none."""
    known = changed("ViT", config={"auto_map": {"AutoModel": "modeling_evil.Evil"}})
    (known / "modeling_evil.py").write_text("raise SystemExit('run')")
    assert loaded(known, FAMILIES["ViT"]).dim == 32
    quiet = changed("ViT", config={"return_dict": False, "output_hidden_states": True})
    assert loaded(quiet, FAMILIES["ViT"], frames=1).extract(torch.zeros(1, 1, 1, 32, 32, 3).byte()).shape == (1, 32)
    for mapped in ({"AutoModel": "modeling_evil.Evil"}, ["modeling_evil.Evil"]):
        unknown = changed("ViT", config={"auto_map": mapped, "model_type": "evil"})
        with pytest.raises(ValueError, match=r"code of its own \(.*modeling_evil\.Evil.*\), which is never"):
            HfVideo(weights=str(unknown)).load("cpu", unknown)
    unknown = changed("ViT", config={"auto_map": {"AutoModel": "modeling_evil.Evil"}, "model_type": "evil"})
    with pytest.raises(
        ValueError, match=r"no model_type 'evil'.*code of its own \(modeling_evil\.Evil\), which is never"
    ):
        HfVideo(weights=str(unknown)).load("cpu", unknown)


def test_a_config_cannot_change_how_the_networks_inside_answer(folder: Callable[[str], Path], tmp_path: Path) -> None:
    config = json.loads((folder("CLIP") / "config.json").read_text())
    for side in ("text_config", "vision_config"):
        config[side] |= {"return_dict": False, "output_attentions": True, "attn_implementation": "someone/kernel"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    net = build(read_config(tmp_path))
    assert Tower(net)(torch.zeros(1, 3, 32, 32)).shape == (1, 24)
    assert net.text_model(torch.zeros(1, 2, dtype=torch.int64)).pooler_output.shape == (1, 32)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"model_type": "timm_backbone", "backbone": "hf-hub:ORG/NAME"},
            r"backbone from elsewhere \(hf-hub:ORG/NAME\)",
        ),
        ({"model_type": "detr", "backbone": "resnet50", "use_timm_backbone": True}, r"from elsewhere \(resnet50\)"),
        ({"model_type": "dpt", "backbone": "ORG/NAME", "use_timm_backbone": False}, r"from elsewhere \(ORG/NAME\)"),
        ({"model_type": "maskformer", "backbone_config": {"model_type": "timm_backbone"}}, "holds a timm_backbone"),
        (
            {"model_type": "vit", "hidden_size": 2**20, "num_attention_heads": 1},
            r"no vit can be built .* \d\d,[\d,]+ parameters",
        ),
    ],
)
def test_a_config_that_asks_for_too_much_is_refused(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    """A network that would fetch another one, or that no memory holds."""
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=message):
        build(read_config(tmp_path))


class Evil:
    """Writes a file where it is unpickled without care."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.file.write_text, ("run",))


def test_pickles_that_could_run_code_are_refused(changed: Callable[..., Path]) -> None:
    path = changed("ViT")
    tensors = hf_library.load(hf_library.transformers.ViTForImageClassification, path).state_dict()
    (path / "model.safetensors").unlink()
    torch.save(tensors, path / "pytorch_model.bin")
    assert loaded(path, FAMILIES["ViT"]).dim == 32
    (path / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Evil(path / "run")}))
    with pytest.raises(ValueError, match=r"pytorch_model\.bin"):
        loaded(path, FAMILIES["ViT"])
    assert not (path / "run").exists()


def test_folders_that_lack_something_are_told(changed: Callable[..., Path], tmp_path: Path) -> None:
    path = changed("SigLIP, SigLIP 2")
    for name, message in (
        ("tokenizer.json", "has no tokenizer"),
        ("preprocessor_config.json", "has none of preprocessor_config.json, .*; set size, crop, resize"),
        ("model.safetensors", "a folder without weights"),
        ("config.json", "has no config.json, so it is no model"),
    ):
        lacking = [path / name, *(path.glob("*token*") if name == "tokenizer.json" else ())]
        kept = {file: file.read_bytes() for file in lacking}
        for file in kept:
            file.unlink()
        with pytest.raises(ValueError, match=message):
            loaded(path, FAMILIES["SigLIP, SigLIP 2"])
        for file, content in kept.items():
            file.write_bytes(content)
    with pytest.raises(ValueError, match=r"is a file; give a folder with config\.json and its tensors, or hf:ORG/NAME"):
        Hf(weights=str(path / "config.json"))
    with pytest.raises(ValueError, match="reads no captions: it is for extractors"):
        Hf(weights=str(changed("ViT"))).load("cpu", path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    for kind in (Hf, HfVideo):
        with pytest.raises(ValueError, match=r"holds a bert, which sees no pictures; .* the stage bert"):
            kind(weights=str(tmp_path)).load("cpu", tmp_path)


def test_folders_that_hold_no_model_themselves(tmp_path: Path) -> None:
    inside = tmp_path / "hub" / "snapshots" / "c0ffee"
    inside.mkdir(parents=True)
    (inside / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=rf"the model lies further in: {inside}$"):
        read_config(tmp_path / "hub")
    (tmp_path / "hub" / "snapshots").rename(tmp_path / "others")
    (tmp_path / "hub" / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="it holds an adapter: merge that into its model first"):
        read_config(tmp_path / "hub")


def test_a_tokenizer_that_makes_captions_alike_is_refused(changed: Callable[..., Path]) -> None:
    """What is left of one without its vocabulary, or one that leaves out the end at which CLIP looks."""
    path = changed("CLIP")
    words = json.loads((path / "tokenizer.json").read_text())
    (path / "tokenizer.json").write_text(json.dumps(words | {"post_processor": None}))
    with pytest.raises(ValueError, match="does not end a caption with </s>, where a clip looks"):
        loaded(path, FAMILIES["CLIP"])
    for file in path.glob("*token*"):
        file.unlink()
    (path / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    with pytest.raises(ValueError, match="knows no words, so all captions would be alike"):
        loaded(path, FAMILIES["CLIP"])


@pytest.mark.parametrize(
    ("family", "params", "message"),
    [
        ("CLIP", {"size": 64}, r"its clip takes no pictures of 64 x 64 pixels \(.*\); leave size and crop out"),
        ("SigLIP 2, sizes vary", {"size": 40}, "its siglip2 takes no pictures of 40 x 40 pixels"),
        ("DINOv2", {"size": 4}, "its dinov2 takes no pictures of 4 x 4 pixels"),
        ("VideoMAE", {"pool": "pooler"}, "a videomae has no pooler; set pool to cls or mean"),
        ("V-JEPA 2", {"frames": 3}, "frames is 3; a vjepa2 reads 2 at a time"),
    ],
)
def test_what_the_network_cannot_take_is_told_when_it_is_loaded(
    folder: Callable[[str], Path], family: str, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loaded(folder(family), FAMILIES[family], **params)


def test_a_processor_of_another_model_is_told(changed: Callable[..., Path]) -> None:
    path = changed("ViT", preprocessor_config={"size": {"height": 64, "width": 64}})
    with pytest.raises(ValueError, match=r"no pictures of 64 x 64 pixels .* its config\.json and processor disagree"):
        loaded(path, FAMILIES["ViT"])


@pytest.mark.parametrize("param", ["frames", "size", "crop"])
def test_nothing_is_no_number_of_pixels_or_frames(param: str) -> None:
    with pytest.raises(ValueError, match="0"):
        Hf(weights="random", **{param: 0})


def test_tensors_that_do_not_fit_are_told(changed: Callable[..., Path]) -> None:
    path = changed("ViT", config={"hidden_size": 48})
    with pytest.raises(ValueError, match=r"other shapes, such as .*: it is \[.*32.*\] where .* \[.*48.*\]"):
        loaded(path, FAMILIES["ViT"])
    path = changed("ViT", config={"model_type": "dinov2"})
    with pytest.raises(ValueError, match=r"of another model .* lacks \d+ of the \d+ of a dinov2"):
        loaded(path, FAMILIES["ViT"])
    path = changed("ViT", config={"quantization_config": {"quant_method": "bitsandbytes"}})
    with pytest.raises(ValueError, match="holds quantised weights"):
        loaded(path, FAMILIES["ViT"])
    path = changed("ViT", config={"num_hidden_layers": 3})
    with pytest.raises(ValueError, match=r"lacks \d+ tensors of a vit: .*layer"):
        loaded(path, FAMILIES["ViT"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resample": 1}, "it resizes by filter 1 of PIL, where 2 and 3 are known"),
        ({"size": {"height": 32, "width": 48}}, "which is no square"),
        ({"do_resize": False}, "it does not resize"),
        ({"size": {"height": 100_000, "width": 100_000}}, "it resizes to 100000 pixels, where 1 to 4096 are possible"),
        ({"image_std": [0.0, 0.0, 0.0]}, r"it divides by \(0"),
        ({"image_processor_type": "MobileViTImageProcessor", "crop_size": 32}, "does more with a picture"),  # BGR
    ],
)
def test_pixels_that_are_prepared_otherwise_are_refused(
    changed: Callable[..., Path], values: dict[str, Any], message: str
) -> None:
    path = changed("ViT", preprocessor_config=values)
    with pytest.raises(ValueError, match=message):
        HfVideo(weights=str(path)).sampling  # noqa: B018
    by_hand = {"size": 32, "resize": "squash", "filter": "bilinear", "mean": [0.5] * 3, "std": [0.5] * 3}
    assert HfVideo(weights=str(path), **by_hand).sampling.width == 32
