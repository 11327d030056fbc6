"""Rows of cached features for a split, in memory."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.base import Pairs
from pipeline.errors import LaffError, Unfit
from pipeline.plan.context import Context
from pipeline.plan.units import shard_key
from pipeline.rows import shards

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def read(context: Context, name: str, side: str, rows: np.ndarray) -> "tuple[np.ndarray | csr_matrix, np.ndarray]":
    """Values [n, D] of catalog rows [n], dense float32 or CSR, 0 for a row without; and which have values, [n] bool.

    For a feature of frames the values are means over each video's own frames.
    """
    has_row = np.zeros(len(rows), dtype=bool)
    dense: np.ndarray | None = None
    blocks: list[Any] = []
    order: list[np.ndarray] = []
    for shard, places, taken in _shards(context, name, side, rows):
        has_row[places] = True
        if isinstance(shard.values, np.ndarray):
            dense = _room(dense, name, shard, shard.values.shape[-1:], len(rows))
            if len(taken):
                dense[places] = _means(shard, taken)
        else:
            blocks.append(shard.values[taken])
            order.append(places)
    if blocks:
        return _in_order(blocks, order, len(rows)), has_row
    if dense is None:
        raise LaffError(f"{name}: the collection has no {side} items, so there are no rows of them")
    return dense, has_row


def read_frames(context: Context, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A feature of frames: values [n, T, D] float32 of catalog rows [n], and frames [n] int32.

    `frames` is how many of the T frames are the video's own, 0 where it has no row. The others are padding.
    """
    dense: np.ndarray | None = None
    frames = np.zeros(len(rows), np.int32)
    for shard, places, taken in _shards(context, name, "video", rows):
        if shard.frames is None:
            raise LaffError(f"{name} holds one row a video; give it `level: frame` where rows of frames are wanted")
        dense = _room(dense, name, shard, shard.values.shape[1:], len(rows))
        if len(taken):
            dense[places] = shard.values[taken]
            frames[places] = shard.frames[taken]
    if dense is None:
        raise LaffError(f"{name}: the collection has no video items, so there are no rows of them")
    return dense, frames


def _shards(
    context: Context, name: str, side: str, rows: np.ndarray
) -> "Iterator[tuple[shards.Shard, np.ndarray, np.ndarray]]":
    """Each shard with some of the catalog rows [n]: the shard, their places in `rows`, their rows in the shard."""
    stage, catalog = context.stage(name), context.catalog
    every = np.asarray(catalog.video_shard if side == "video" else catalog.caption_shard, dtype=np.int64)
    shard_of = every[rows]
    for number in np.unique(shard_of) if len(rows) else every[:1]:  # without rows one shard is read for the width
        shard = shards.read(context.work.folder(name) / shard_key(stage, side, int(number)))
        at = {id_: row for row, id_ in enumerate(shard.ids)}
        in_shard = np.flatnonzero(shard_of == number)
        pairs = [
            (place, at[id_])
            for place, id_ in zip(in_shard, catalog.ids(side, rows[in_shard]), strict=True)
            if id_ in at
        ]
        places, taken = (
            np.array(column, dtype=np.int64) for column in (zip(*pairs, strict=True) if pairs else ([], []))
        )
        yield shard, places, taken


def _room(dense: np.ndarray | None, name: str, shard: shards.Shard, shape: tuple[int, ...], count: int) -> np.ndarray:
    """`dense`, or zeros for `count` rows where it is None; LaffError where its rows have another shape."""
    if dense is None:
        return np.zeros((count, *shape), np.float32)
    if dense.shape[1:] != shape and shard.ids:
        raise LaffError(f"{name}: the rows of one shard are {list(shape)}, those of another {list(dense.shape[1:])}")
    return dense


def _means(shard: shards.Shard, taken: np.ndarray) -> np.ndarray:
    """Rows of a dense shard as float32 [n, D]; for a feature of frames, means over the video's own frames."""
    values: np.ndarray = shard.values[taken]
    if shard.frames is None:
        return values
    frames = shard.frames[taken, None]
    is_own = np.arange(values.shape[1]) < frames
    means: np.ndarray = values.sum(axis=1, dtype=np.float32, where=is_own[:, :, None]) / frames
    return means


def _in_order(blocks: list[Any], order: list[np.ndarray], count: int) -> "csr_matrix":
    from scipy.sparse import csr_matrix, vstack

    whole = csr_matrix(vstack(blocks))
    places = np.concatenate(order)
    if len(places) != count:
        raise LaffError(f"{count - len(places)} captions have no row in a sparse feature; run its stage again")
    return whole[np.argsort(places)]


def pairs(context: Context, video: str, split: str) -> Pairs:
    """Captions of a split with one video feature, without the captions of videos that lack it."""
    catalog = context.catalog
    videos = catalog.split_videos(split)
    values, has_row = read(context, video, "video", videos)
    captions, video_of = paired_captions(context, split, videos[has_row])
    check_learnable(split, captions)
    return Pairs([catalog.texts[row] for row in captions], video_of, values[has_row])


def paired_captions(context: Context, split: str, videos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Catalog rows of the captions whose video is among `videos` [V], and their places [C] in it."""
    catalog = context.catalog
    place = np.full(len(catalog.videos), -1, dtype=np.int64)
    place[videos] = np.arange(len(videos))
    captions = catalog.split_captions(split)
    of = place[np.asarray(catalog.caption_video, dtype=np.int64)[captions]]
    return captions[of >= 0], of[of >= 0]


def check_learnable(split: str, captions: np.ndarray) -> None:
    """Raise Unfit where no caption of a split is left to learn from."""
    if not len(captions):
        raise Unfit(
            f"no video of {split} has all features and a caption, so there is nothing to learn from; see "
            "`laff failures`"
        )


@dataclass
class Rows:
    """The covered part of a split: features by name, and which catalog rows they stand for."""

    video: dict[str, np.ndarray]
    text: dict[str, Any]
    videos: np.ndarray  # [V] catalog rows of the videos that have every video feature
    captions: np.ndarray  # [C] catalog rows of their captions, and of queries where these are wanted
    video_of: np.ndarray  # [C] place in `videos`; -1 where the video lacks a feature, or there is none
    frames: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # values [V, T, D], their counts [V]


def split_rows(
    context: Context,
    video: list[str],
    text: list[str],
    split: str,
    lost: bool = False,
    frames: Collection[str] = (),
    needs: Collection[str] = (),
) -> Rows:
    """All features of a split, without videos that lack one (metrics report the coverage).

    frames: the features that are wanted frame by frame as well. needs: the video features without which a video is left
    out, where these are not all; others that it lacks are 0.

    lost: keep the captions of videos that are left out, with -1 in video_of, because they are queries in a ranking.
    Queries that belong to no video are then kept too. In a split without captions the text features have no rows.
    """
    every = context.catalog.split_videos(split)
    read_all = {name: read(context, name, "video", every) for name in video}
    covered = np.logical_and.reduce([read_all[name][1] for name in needs or video])
    videos = every[covered]
    captions, video_of = paired_captions(context, split, videos)
    if lost:
        kept = dict(zip(captions.tolist(), video_of.tolist(), strict=True))
        captions = context.catalog.split_captions(split)
        if split == "test":
            captions = np.union1d(captions, context.catalog.queries())  # in rising order, as captions are
        video_of = np.array([kept.get(row, -1) for row in captions.tolist()], dtype=np.int64)
    texts: dict[str, Any] = {}
    for name in text:
        texts[name], has_row = read(context, name, "text", captions)
        if not has_row.all() and isinstance(texts[name], np.ndarray):
            names = context.catalog.ids("text", captions[~has_row])[:3]
            raise LaffError(f"{name}: {int((~has_row).sum())} captions of {split} have no row ({', '.join(names)}, …)")
    dense = {name: np.asarray(values)[covered] for name, (values, _) in read_all.items()}
    by_frame = {name: read_frames(context, name, videos) for name in video if name in frames}
    return Rows(dense, texts, videos, captions, video_of, by_frame)
