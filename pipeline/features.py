"""Rows of cached features for a split, in memory."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import shards
from pipeline.context import Context
from pipeline.errors import LaffError
from pipeline.units import shard_key

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from extractors.base import Pairs


def read(context: Context, name: str, side: str, rows: np.ndarray) -> "tuple[np.ndarray | csr_matrix, np.ndarray]":
    """Values of catalog rows [n] in their order: [n, D] dense float32 or CSR, and found [n] bool; missing: 0."""
    stage, catalog = context.stage(name), context.catalog
    shard_of = np.asarray(catalog.video_shard if side == "video" else catalog.caption_shard, dtype=np.int64)[rows]
    found = np.zeros(len(rows), dtype=bool)
    dense: np.ndarray | None = None
    blocks: list[Any] = []
    order: list[np.ndarray] = []
    for number in np.unique(shard_of):
        shard = shards.read(context.work.folder(name) / shard_key(stage, side, int(number)))
        at = {id_: row for row, id_ in enumerate(shard.ids)}
        here = np.flatnonzero(shard_of == number)
        pairs = [(place, at[id_]) for place, id_ in zip(here, catalog.ids(side, rows[here]), strict=True) if id_ in at]
        places, taken = (
            np.array(column, dtype=np.int64) for column in (zip(*pairs, strict=True) if pairs else ([], []))
        )
        found[places] = True
        if isinstance(shard.values, np.ndarray):
            if dense is None:
                dense = np.zeros((len(rows), shard.values.shape[1]), np.float32)
            if dense.shape[1] != shard.values.shape[1] and len(shard.ids):
                raise LaffError(f"{name}: shard {number} is {shard.values.shape[1]} wide, another {dense.shape[1]}")
            if len(taken):
                dense[places] = shard.values[taken]
        else:
            blocks.append(shard.values[taken])
            order.append(places)
    if blocks:
        return _in_order(blocks, order, len(rows)), found
    if dense is None:
        raise LaffError(f"{name}: no {side} rows asked for; is the split empty?")
    return dense, found


def _in_order(blocks: list[Any], order: list[np.ndarray], count: int) -> "csr_matrix":
    from scipy.sparse import csr_matrix, vstack

    whole = csr_matrix(vstack(blocks))
    places = np.concatenate(order)
    if len(places) != count:
        raise LaffError(f"{count - len(places)} captions have no row in a sparse feature; run its stage again")
    return whole[np.argsort(places)]


def pairs(context: Context, video: str, split: str) -> "Pairs":
    """Captions of a split with one video feature; videos without the feature are left out with their captions."""
    from extractors.base import Pairs

    catalog = context.catalog
    videos = catalog.split_videos(split)
    values, found = read(context, video, "video", videos)
    captions, video_of = paired_captions(context, split, videos[found])
    return Pairs([catalog.texts[row] for row in captions], video_of, values[found])


def paired_captions(context: Context, split: str, videos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Catalog rows of the captions whose video is among `videos` [V], and their places [C] in it."""
    catalog = context.catalog
    place = np.full(len(catalog.videos), -1, dtype=np.int64)
    place[videos] = np.arange(len(videos))
    captions = catalog.split_captions(split)
    of = place[np.asarray(catalog.caption_video, dtype=np.int64)[captions]]
    if not (of >= 0).any():
        raise LaffError(f"no video of {split} has all features, so there is nothing to learn from; see `laff failures`")
    return captions[of >= 0], of[of >= 0]


@dataclass
class Rows:
    """The covered part of a split: features by name, and which catalog rows they stand for."""

    video: dict[str, np.ndarray]
    text: dict[str, Any]
    videos: np.ndarray  # [V] catalog rows of the videos that have every video feature
    captions: np.ndarray  # [C] catalog rows of their captions
    video_of: np.ndarray  # [C] place in `videos`; -1 where the video lacks a feature


def split_rows(context: Context, video: list[str], text: list[str], split: str, lost: bool = False) -> Rows:
    """All features of a split; videos that lack one are left out (coverage is reported where metrics are).

    `lost` keeps the captions of such videos, with -1 in video_of: when ranking, they still stand in the way of others.
    """
    every = context.catalog.split_videos(split)
    read_all = {name: read(context, name, "video", every) for name in video}
    covered = np.logical_and.reduce([found for _, found in read_all.values()])
    videos = every[covered]
    captions, video_of = paired_captions(context, split, videos)
    if lost:
        kept = dict(zip(captions.tolist(), video_of.tolist(), strict=True))
        captions = context.catalog.split_captions(split)
        video_of = np.array([kept.get(row, -1) for row in captions.tolist()], dtype=np.int64)
    texts: dict[str, Any] = {}
    for name in text:
        texts[name], found = read(context, name, "text", captions)
        if not found.all() and isinstance(texts[name], np.ndarray):
            names = context.catalog.ids("text", captions[~found])[:3]
            raise LaffError(f"{name}: {int((~found).sum())} captions of {split} have no row ({', '.join(names)}, …)")
    dense = {name: np.asarray(values)[covered] for name, (values, _) in read_all.items()}
    return Rows(dense, texts, videos, captions, video_of)
