"""open_clip's published weights as entries of the catalogue, and that every model we don't refuse is built."""

import json
import re
from pathlib import Path

import pytest

from extractors.clip import Clip
from extractors.clip_config import files
from extractors.clip_published import entry, names
from pipeline.weights.outline import outline


def test_entries_say_what_the_weights_were_made_with() -> None:
    openai = entry("ViT-B-32-quickgelu", "openai")
    assert openai["sha256"] == "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
    assert openai["source"].endswith(f"/{openai['sha256']}/ViT-B-32.pt")
    assert openai["file"] == "ViT-B-32.pt"
    siglip = entry("ViT-B-16-SigLIP2-256", "webli")
    assert siglip["source"] == "https://huggingface.co/timm/ViT-B-16-SigLIP2-256/resolve/main/"
    assert list(siglip["files"]) == ["open_clip_model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    params = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize": "squash", "filter": "bicubic"}
    assert siglip["params"] == {"model": "ViT-B-16-SigLIP2-256"} | params
    assert entry("PE-Core-B-16", "meta")["params"] == {"model": "PE-Core-B-16"} | params | {"filter": "bilinear"}
    assert entry("PE-Core-B-16", "meta")["source"].endswith("/resolve/main/open_clip_model.safetensors")


@pytest.mark.parametrize(
    ("model", "tag", "message"),
    [
        ("ViT-B-32", "openai", "made with another activation; use open_clip:ViT-B-32-quickgelu/openai"),
        ("ViT-B-32", "metaclip_400m", "use open_clip:ViT-B-32-quickgelu/metaclip_400m"),
        ("ViT-B-32-quickgelu", "opnai", "did you mean open_clip:ViT-B-32-quickgelu/openai"),
        ("coca_ViT-B-32", "laion2b_s13b_b90k", "also writes captions"),
    ],
)
def test_what_would_compute_another_function_is_refused(model: str, tag: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        entry(model, tag)


def test_every_name_has_an_entry_that_its_extractor_takes() -> None:
    entries = names()
    assert len(entries) >= 150  # 156 in open_clip 3.3
    for name in entries:
        model, _, tag = name.removeprefix("open_clip:").partition("/")
        params = entry(model, tag)["params"]
        clip = Clip(**params, weights=name)
        assert clip.sampling.crop == clip.config.size
        assert clip.mean == params["mean"]


@pytest.mark.slow
def test_models_of_every_kind_build() -> None:
    """One of each kind of open_clip's configurations, without memory for weights: those of a kind differ in size.

    131 of the 144 in open_clip 3.3 are taken; captioners and text towers of the Hugging Face hub are refused.
    """
    taken: dict[str, Path] = {}
    refused: list[str] = []
    for name, path in files().items():
        try:
            Clip(model=name, weights="random")
        except ValueError as error:
            refused.append(str(error))
        else:
            taken[name] = path
    assert len(taken) >= 131
    assert all(re.search("also writes captions|of the Hugging Face hub as its text tower", one) for one in refused)
    kinds: dict[str, tuple[int, str]] = {}
    for name, path in taken.items():
        content = json.loads(path.read_text(encoding="utf-8"))
        family = str(content["vision_cfg"].get("timm_model_name")).split("_")[:2]
        kind = str([*content, family, *content["vision_cfg"], *content["text_cfg"]])
        kinds[kind] = min(kinds.get(kind, (99, "")), (content["text_cfg"]["layers"], name))
    for _, name in kinds.values():
        with outline():
            assert Clip(model=name, weights="random").build().logit_scale.is_meta
