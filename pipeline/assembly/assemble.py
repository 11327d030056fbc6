"""Put a model together from a train stage, and put features into it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import files
from pipeline.assembly import features
from pipeline.assembly.features import Rows
from pipeline.assembly.model import model as build_model
from pipeline.build import construct
from pipeline.build.learned import word_vectors
from pipeline.build.loaded import load, read_checkpoint
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.graph.options import ModelOptions
from pipeline.package.intact import intact
from pipeline.plan.accept import made_as
from pipeline.plan.context import Context
from pipeline.plan.units import model as model_unit
from pipeline.plan.units import shard_key
from pipeline.rows import shards
from pipeline.weights import lookup

if TYPE_CHECKING:
    from fusion.features import Feature, Split, Tokens
    from fusion.spaces import Spaces

BY_FRAME = "/frames"  # behind the name of a feature that a split also has frame by frame


@dataclass
class Joint:
    """A sentence encoder that is trained inside the model: its vocabulary and its part."""

    name: str
    part: Any
    words: list[str]  # of the train captions; empty where the part has its own pieces of words

    def tokens(self, texts: Sequence[str]) -> "Tokens":
        """Texts as the encoder reads them."""
        from fusion.features import Tokens

        ids, starts = self.part.tokens(texts, self.words)
        return Tokens(ids, starts, len(self.words) or self.part.size)

    def knows(self, word: str) -> bool:
        """Whether a word, as extractors.words.tokenise gives it, is in the vocabulary."""
        return word in self.words


def joints(context: Context, stage: Stage) -> list[Joint]:
    """The encoders that `joint:` names, with the vocabulary of the train captions."""
    catalog = context.catalog
    encoders = []
    for name in stage.options_as(ModelOptions).joint:
        part = construct.construct(context.stage(name), context)
        if not hasattr(part, "vocabulary"):
            encoders.append(Joint(name, _read(context, context.stage(name), part), []))
            continue
        if packed := context.stage(name).packed:
            with intact(context.graph.package, packed.files["words"]):
                encoders.append(Joint(name, part, _words(packed.files["words"])))
            continue
        captions = [catalog.texts[row] for row in catalog.split_captions("train")]
        encoders.append(Joint(name, part, part.vocabulary(captions)))
    return encoders


def _read(context: Context, stage: Stage, part: Any) -> Any:
    """A part with the published weights that its encoder starts from."""
    further = lookup.further(stage, context.graph, context.work)
    return load(part, "cpu", lookup.get(stage, context.graph, context.work), None, further)


def _words(path: Path) -> list[str]:
    """The vocabulary in a package, a JSON list. LaffError where it is none."""
    words = files.read_json(path)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise LaffError(f"{path}: should be a JSON list of words")
    return words


def rows(context: Context, stage: Stage, split: str, lost: bool = False, needs: Collection[str] = ()) -> Rows:
    """All cached features of a split that the stage fuses, without those of joint encoders, which read tokens.

    needs: the video features without which a video is left out, such as those of one model; () means all.
    """
    video, text = context.features(stage.name)
    joint = stage.options_as(ModelOptions).joint
    cached = [name for name in text if name not in joint]
    frames = {name for model in models.of(context.graph, stage) for name in model.frames}
    return features.split_rows(context, video, cached, split, lost, frames, needs)


def as_feature(values: Any) -> "Feature":
    """A dense or CSR block of rows as the tensor that models take."""
    import torch

    from fusion.features import Sparse

    return (
        torch.from_numpy(np.ascontiguousarray(values, np.float32))
        if isinstance(values, np.ndarray)
        else Sparse.of(values)
    )


def split(context: Context, rows: Rows, encoders: Sequence[Joint]) -> "Split":
    """Rows as a Split of tensors."""
    import torch
    from torch import Tensor

    from fusion.features import Frames, Split

    text = texts(context, rows, encoders)
    video: dict[str, Tensor | Frames] = {name: torch.from_numpy(values) for name, values in rows.video.items()}
    for name, (values, counts) in rows.frames.items():
        video[name + BY_FRAME] = Frames(torch.from_numpy(values), torch.from_numpy(counts).long())
    return Split(video, text, torch.from_numpy(np.maximum(rows.video_of, 0)))


def texts(context: Context, rows: Rows, encoders: Sequence[Joint]) -> "dict[str, Feature]":
    """The text features of rows as tensors, with the tokens that joint encoders read."""
    text = {name: as_feature(values) for name, values in rows.text.items()}
    sentences = [context.catalog.texts[row] for row in rows.captions]
    return text | {joint.name: joint.tokens(sentences) for joint in encoders}


def part_of(whole: "Split", model: Model) -> "Split":
    """The features of a split that one model fuses."""
    from fusion.features import Split

    return Split(
        {name: whole.video[name + BY_FRAME if name in model.frames else name] for name in model.video},
        {name: whole.text[name] for name in model.text},
        whole.video_of,
    )


def videos_of(context: Context, model: Model, rows: np.ndarray) -> "tuple[dict[str, Feature], np.ndarray]":
    """The video features of one model for the catalog rows [m of n] that have all of them; and which, [n] bool."""
    import torch

    from fusion.features import Frames

    read = {name: features.read(context, name, "video", rows) for name in model.video}
    complete = np.logical_and.reduce([has_row for _, has_row in read.values()])
    videos: dict[str, Feature] = {}
    for name, (values, _) in read.items():
        if name in model.frames:
            frames, counts = features.read_frames(context, name, rows[complete])
            videos[name] = Frames(torch.from_numpy(frames), torch.from_numpy(counts).long())
        else:
            videos[name] = torch.from_numpy(np.ascontiguousarray(np.asarray(values)[complete], np.float32))
    return videos, complete


def make(
    context: Context, stage: Stage, model: Model, split: "Split", encoders: Sequence[Joint], seed: int
) -> "Spaces":
    """The untrained model, its weights drawn from `seed`; widths come from the features."""
    from fusion.features import Frames, Sparse, Tokens

    def width(feature: "Feature", name: str) -> int:
        if isinstance(feature, Tokens):
            return int(next(joint.part.dim for joint in encoders if joint.name == name))
        return feature.dim if isinstance(feature, Sparse | Frames) else int(feature.shape[1])

    video, text = ({name: width(feature, name) for name, feature in side.items()} for side in (split.video, split.text))
    lengths = {name: feature.values.shape[1] for name, feature in split.video.items() if isinstance(feature, Frames)}
    return _untrained(context, stage, model, (video, text, lengths), encoders, seed)


def _untrained(
    context: Context,
    stage: Stage,
    model: Model,
    widths: tuple[dict[str, int], dict[str, int], dict[str, int]],
    encoders: Sequence[Joint],
    seed: int,
) -> "Spaces":
    """The untrained model.

    widths: of video features, of text features, and the number of frames of those that come frame by frame.
    """
    import torch

    inside = {
        joint.name: joint.part.encoder(joint.words, word_vectors(context, context.stage(joint.name)), seed)
        for joint in encoders
        if joint.name in model.text
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(stage.name, model, context.graph.trusted, *widths, inside)


def trained(
    context: Context, stage: Stage, model: Model, split: "Split", encoders: Sequence[Joint], seed: int
) -> "Spaces":
    """The model with the weights of its best epoch, ready to embed."""
    return _as_trained(context, stage, model, make(context, stage, model, split, encoders, seed), seed)


def trained_alone(context: Context, stage: Stage, model: Model, encoders: Sequence[Joint], seed: int) -> "Spaces":
    """The model as `trained` gives it, without features in memory: widths are read from cached shards."""
    joint = {encoder.name: int(encoder.part.dim) for encoder in encoders}
    if stage.packed:  # a collection may have no shards of texts or videos to read widths from
        known = stage.packed.widths
        video_widths, text_widths = ({name: known[name][0] for name in names} for names in (model.video, model.text))
        whole = video_widths, text_widths, {name: known[name][1] for name in model.frames}
        return _as_trained(context, stage, model, _untrained(context, stage, model, whole, encoders, seed), seed)
    video = {name: shape(context, name, "video") for name in model.video}
    text = {name: joint[name] if name in joint else shape(context, name, "text")[0] for name in model.text}
    lengths = {name: video[name][1] for name in model.frames}
    widths = {name: width for name, (width, _) in video.items()}, text, lengths
    return _as_trained(context, stage, model, _untrained(context, stage, model, widths, encoders, seed), seed)


def shape(context: Context, name: str, side: str) -> tuple[int, int]:
    """Width and frames of a cached feature, of a shard that has rows. LaffError where none has."""
    stage = context.stage(name)
    for number, items in enumerate(context.catalog.shards(side)):
        key = shard_key(stage, side, number)
        entry = context.work.index(name).entry(key) if len(items) else None
        if entry and entry.rows:
            return shards.shape(context.work.folder(name) / key)
    raise LaffError(f"{name}: no {side} has a row; see `laff failures`")


def _as_trained(context: Context, stage: Stage, model: Model, paired: "Spaces", seed: int) -> "Spaces":
    """`paired` with the weights of its best epoch loaded."""
    path = best(context, stage, model, seed)
    with intact(context.graph.package, path):
        _fill(context, stage, model, paired, seed, path)
    return paired.eval()


def _fill(context: Context, stage: Stage, model: Model, paired: "Spaces", seed: int, path: Path) -> None:
    content = read_checkpoint(path)
    unit = None if stage.packed else model_unit(context, stage, model, seed)  # the files of a package were checked
    if unit and content["fingerprint"] != made_as(context, stage.name, unit) + unit.content:
        raise LaffError(
            f"{path} was trained on other features, items or parameters; give the same --profile and --set as then, "
            "or run `laff train`"
        )
    try:
        paired.load_state_dict(content["state"])
    except RuntimeError:
        raise LaffError(
            f"{path} was trained with other parameters or features; give the same --profile and --set as then, or train"
        ) from None


def best(context: Context, stage: Stage, model: Model, seed: int) -> Path:
    """WORK/train/<model>/seed<k>/best.pt, or where a package has it."""
    if stage.packed:
        return stage.packed.files[f"{model.name}/seed{seed}"]
    return context.work.folder(stage.name) / model.name / f"seed{seed}" / "best.pt"
