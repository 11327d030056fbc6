"""CLIP: both sides, the files it reads, the traps of its activation, and its fine-tuning."""

import hashlib
import json
import socket
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from extractors import checkpoint
from extractors import clip_config as configs
from extractors.base import Pairs
from extractors.clip_config import clip_config
from extractors.clip_ft import ClipFt

CAPTIONS = ["a red square moves left", "a blue circle", "two things", "nothing happens"]


@pytest.fixture
def tiny() -> ClipFt:
    clip = ClipFt(model="tiny-64", frames=2, weights="random")
    clip.load("cpu", None)
    return clip


def test_the_model_is_open_clip_s_own(tiny: ClipFt) -> None:
    """Built from the JSON file without its factory: the same names, shapes and function."""
    open_clip.add_model_config(configs.OWN / "tiny-64.json")
    factory = open_clip.create_model("tiny-64", pretrained=None).eval()
    factory.load_state_dict(tiny.net.state_dict(), strict=True)
    images, tokens = torch.rand(2, 3, 64, 64), open_clip.get_tokenizer("tiny-64")(CAPTIONS)
    with torch.no_grad():
        assert torch.equal(factory.encode_image(images), tiny.net.encode_image(images))
        assert torch.equal(tokens, tiny.tokens(CAPTIONS))
        assert torch.equal(factory.encode_text(tokens), tiny.net.encode_text(tokens))


def pairs(videos: int = 3, captions: list[str] = CAPTIONS) -> Pairs:
    frames = np.random.default_rng(1).integers(0, 256, (videos, 2, 64, 64, 3), dtype=np.uint8)
    return Pairs(captions, np.arange(len(captions)) % videos, frames)


def infonce(cosines: Tensor, scale: Tensor, videos: Tensor | None = None) -> Tensor:
    target = torch.arange(len(cosines))
    return (cross_entropy(scale * cosines, target) + cross_entropy(scale * cosines.T, target)) / 2


def test_a_video_is_the_mean_of_its_unnormalised_frames(tiny: ClipFt) -> None:
    frames = torch.randint(0, 256, (2, 1, 2, 64, 64, 3), dtype=torch.uint8)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)
    with torch.no_grad():
        single = [tiny.net.encode_image((frames[:, 0, t].permute(0, 3, 1, 2) / 255 - mean) / std) for t in range(2)]
    assert torch.allclose(tiny.extract(frames), (single[0] + single[1]) / 2, atol=1e-5)


def test_captions_do_not_depend_on_their_neighbours(tiny: ClipFt) -> None:
    together = tiny.extract_text(CAPTIONS)
    alone = np.concatenate([tiny.extract_text([caption]) for caption in CAPTIONS])
    assert together.shape == (4, 64)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert tiny.extract_text([]).shape == (0, 64)
    assert np.isfinite(tiny.extract_text(["word " * 500])).all()  # longer than the context


def test_building_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    clip = ClipFt(model="tiny-64", weights="random")
    clip.load("cpu", None)
    clip.extract_text(["a caption"])


class Shelf(nn.Module):
    """Holds tensors under dotted names, as OpenAI's archive does; its forward is not the point."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        nested: dict[str, dict[str, Tensor]] = {}
        for key, value in state.items():
            first, _, rest = key.partition(".")
            if rest:
                nested.setdefault(first, {})[rest] = value
            else:
                self.register_buffer(first, value)
        for name, inside in nested.items():
            self.add_module(name, Shelf(inside))

    def forward(self, x: Tensor) -> Tensor:
        return x


def openai(clip: ClipFt) -> dict[str, Tensor]:
    """What OpenAI's files hold: half precision, and three numbers beside the weights."""
    state = {key: (value + 0.01).half() for key, value in clip.net.state_dict().items()}
    numbers = {"input_resolution": 64, "context_length": 32, "vocab_size": 49408}
    return state | {key: torch.tensor(value) for key, value in numbers.items()}


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")  # writing such an archive, as OpenAI once did
@pytest.mark.parametrize("kind", ["archive", "plain", "open_clip", "safetensors"])
def test_every_layout_of_weights(tmp_path: Path, tiny: ClipFt, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state = openai(tiny)
    weights = {key: value for key, value in state.items() if value.ndim or key == "logit_scale"}
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pt")
    if kind == "archive":
        torch.jit.save(torch.jit.script(Shelf(state)), str(path))
        with pytest.raises(ValueError, match=r"a TorchScript archive that is not one of OpenAI's .*could run its code"):
            ClipFt(model="tiny-64", frames=2).load("cpu", path)
        monkeypatch.setitem(checkpoint.ARCHIVES, hashlib.sha256(path.read_bytes()).hexdigest(), "a.pt")
    elif kind == "plain":
        torch.save(state, path)
    elif kind == "open_clip":
        torch.save({"epoch": 1, "state_dict": {f"module.{key}": value for key, value in weights.items()}}, path)
    else:
        save_file(weights, path)
    clip = ClipFt(model="tiny-64", frames=2)
    clip.load("cpu", path)
    loaded = clip.net.state_dict()
    assert all(loaded[key].dtype == torch.float32 and torch.equal(loaded[key], weights[key].float()) for key in loaded)


def test_openai_s_weights_need_their_activation(tmp_path: Path, tiny: ClipFt, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"lacks the activation of OpenAI's weights; use ViT-B-32-quickgelu"):
        ClipFt(model="ViT-B-32")
    slow = json.loads((configs.OWN / "tiny-64.json").read_text()) | {"quick_gelu": False}
    (tmp_path / "slow-64.json").write_text(json.dumps(slow))
    monkeypatch.setattr(configs, "OWN", tmp_path)
    torch.save(openai(tiny), tmp_path / "a.pt")
    clip = ClipFt(model="slow-64", weights="a.pt")
    with pytest.raises(ValueError, match=r"a\.pt is OpenAI's and needs the quick activation"):
        clip.load("cpu", tmp_path / "a.pt")
    # The same weights without it: no error anywhere, and other features.
    weights = tiny.net.state_dict()
    clip.load_state({"model": weights}, "cpu")
    assert np.abs(clip.extract_text(CAPTIONS) - tiny.extract_text(CAPTIONS)).max() > 1e-3
    clip_config.cache_clear()


def test_weights_of_another_model_are_refused(tmp_path: Path, tiny: ClipFt) -> None:
    more = {"visual.positional_embedding": torch.zeros(50, 64), "input_resolution": torch.tensor(112)}
    torch.save(openai(tiny) | more, tmp_path / "a.pt")
    with pytest.raises(
        ValueError, match=r"a\.pt, in OpenAI's layout, does not fit tiny-64: 1 of another shape: visual"
    ):
        tiny.load("cpu", tmp_path / "a.pt")


def test_what_is_known_before_open_clip_is_imported() -> None:
    clip = ClipFt()
    assert (clip.dim, clip.sampling.frames, clip.sampling.crop, clip.sampling.filter) == (512, 8, 224, "bicubic")
    config = clip_config("ViT-B-32-quickgelu")
    assert (config.context, config.tokenizer, config.quick_gelu) == (77, "", True)
    with pytest.raises(ValueError, match=r"model 'ViT-B-32-quikgelu' is no CLIP.*did you mean ViT-B-32-quickgelu"):
        ClipFt(model="ViT-B-32-quikgelu")
    with pytest.raises(ValueError, match="has roberta-base of the Hugging Face hub as its text tower"):
        ClipFt(model="roberta-ViT-B-32", weights="random")
    with pytest.raises(ValueError, match="also writes captions"):
        ClipFt(model="coca_ViT-B-32", weights="random")
    assert open_clip.get_model_config("ViT-B-32-quickgelu")["embed_dim"] == 512  # what the file said


def test_loss_is_on_cosines_with_the_model_s_scale(tiny: ClipFt) -> None:
    seen: list[Tensor] = []

    def objective(cosines: Tensor, scale: Tensor, videos: Tensor | None = None) -> Tensor:
        seen.extend([cosines.detach(), scale.detach()])
        return (cosines * scale).sum()

    data = pairs()
    task = tiny.task(data, data, objective)
    assert task.samples == 4
    task.loss(torch.tensor([3, 0, 1])).backward()  # captions 3 and 0 are of the same video
    text = torch.from_numpy(tiny.extract_text([CAPTIONS[at] for at in (3, 0, 1)]))
    video = tiny.extract(torch.from_numpy(data.videos[[0, 0, 1]])[:, None])
    assert torch.allclose(seen[0], normalize(text, dim=1) @ normalize(video, dim=1).T, atol=1e-5)
    assert float(seen[1]) == pytest.approx(1 / 0.07, rel=1e-5)  # open_clip's first scale
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.model.parameters())
    with torch.no_grad():
        tiny.net.logit_scale.fill_(9.0)
    task.loss(torch.tensor([0, 1]))
    assert float(seen[3]) == 100.0


def test_fine_tuning_learns_and_its_state_comes_back(tmp_path: Path, tiny: ClipFt) -> None:
    data = pairs(4)
    task = tiny.task(data, data, infonce)
    optimiser = torch.optim.Adam(task.model.parameters(), lr=1e-3)
    samples, losses = torch.arange(4), []
    for _ in range(12):
        loss = task.loss(samples)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert task.score() == 1.0
    torch.save(task.state(), tmp_path / "best.pt")
    again = ClipFt(model="tiny-64", frames=2)
    again.load_state(torch.load(tmp_path / "best.pt", weights_only=True), "cpu")
    np.testing.assert_array_equal(again.extract_text(CAPTIONS), tiny.extract_text(CAPTIONS))
    frames = torch.from_numpy(data.videos)[:, None]
    assert torch.equal(again.extract(frames), tiny.extract(frames))


def test_score_by_hand(tiny: ClipFt, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two videos, three captions at ranks 1, 2, 1: (1 + 1/2 + 1) / 3."""
    data = Pairs(["a", "b", "c"], np.array([0, 0, 1]), np.zeros((2, 2, 64, 64, 3), dtype=np.uint8))
    task = tiny.task(data, data, infonce)
    monkeypatch.setattr(
        tiny, "encode_videos", lambda frames, counts: torch.tensor([[2.0, 0.0], [0.0, 5.0]])[: len(frames)]
    )
    texts = np.array([[1.0, 0.5], [0.1, 1.0], [0.3, 0.4]], dtype=np.float32)
    monkeypatch.setattr(tiny, "extract_text", lambda captions: texts)
    assert task.score() == pytest.approx(2.5 / 3)


def test_a_split_without_captions_is_named(tiny: ClipFt) -> None:
    with pytest.raises(ValueError, match="the val split has no captions"):
        tiny.task(pairs(), pairs(captions=[]), infonce)


class Told(nn.Module):
    """An aggregator: the sum of all frames, own or not, and the count beside the first number."""

    scores_pairs = False

    def forward(self, frames: Tensor, counts: Tensor) -> Tensor:
        assert frames.dtype == torch.float32
        assert not torch.is_autocast_enabled("cpu")
        return torch.cat([frames.sum(dim=1), counts[:, None].float()], dim=1)


def test_padding_is_images_of_zeros_and_no_frame_of_the_mean(tiny: ClipFt) -> None:
    """A video of one frame in a clip of two, in extraction at both levels and in the fine-tuning alike."""
    data = pairs(2)
    data.counts = np.array([1, 2])
    frames, counts = torch.from_numpy(data.videos)[:, None], torch.tensor([1, 2])
    with torch.no_grad():
        grey = tiny.net.encode_image(torch.zeros(1, 3, 64, 64))[0]
        plain = tiny.encode_frames(frames[:, 0])
    tiny.level = "frame"
    vectors = tiny.extract(frames, counts)
    torch.testing.assert_close(vectors[0, 1], grey)
    assert not torch.allclose(plain[0, 1], grey, atol=1e-2)
    torch.testing.assert_close(vectors[0, 0], plain[0, 0])
    torch.testing.assert_close(vectors[1], plain[1])
    tiny.level = "video"
    torch.testing.assert_close(tiny.extract(frames, counts), torch.stack([plain[0, 0], plain[1].mean(dim=0)]))
    tiny.plug(Told)
    tiny.aggregator = Told()
    whole = torch.cat([vectors.sum(dim=1), counts[:, None].float()], dim=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(tiny.extract(frames, counts)[:, -1], counts.float())
    torch.testing.assert_close(tiny.extract(frames, counts), whole)
    task = tiny.task(data, data, infonce)
    with torch.no_grad():
        torch.testing.assert_close(task.video_vectors(data, np.array([1, 0])), whole[[1, 0]])
