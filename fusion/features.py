"""The features of one split in memory: dense rows, sparse rows and token sequences, taken by caption number.

Shape letters: V videos, C captions, B rows of a batch, D_k width of feature k.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from fusion.frames.padding import own

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def gather(starts: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the items of ragged rows: starts [C + 1], rows [B] -> (positions [n], new starts [B + 1]).

    All on the CPU, also where the items lie on a GPU: how many there are is known without waiting for it.
    """
    rows = rows.cpu()
    first = starts[rows]
    lengths = starts[rows + 1] - first
    new = torch.zeros(len(rows) + 1, dtype=torch.int64, device=starts.device)
    torch.cumsum(lengths, dim=0, out=new[1:])
    shift = torch.repeat_interleave(first - new[:-1], lengths)
    return torch.arange(len(shift), device=starts.device) + shift, new


def at(values: Tensor, rows: Tensor) -> Tensor:
    """values[rows] on the device of the values."""
    return values[sent(rows, values.device)]


def sent(values: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; from a CPU to a GPU by way of pinned memory, so that the CPU goes on meanwhile."""
    if values.is_cpu and device.type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def check_starts(what: str, starts: Tensor, items: int) -> None:
    """Raises ValueError unless `starts` rises from 0 to the number of items."""
    if starts.ndim != 1 or len(starts) < 1 or int(starts[0]) != 0 or int(starts[-1]) != items:
        raise ValueError(f"{what} should run from 0 to {items} items, one more than there are rows")
    if bool((starts[1:] < starts[:-1]).any()):
        raise ValueError(f"{what} goes down somewhere; row starts can only rise")


@dataclass(frozen=True)
class Sparse:
    """Rows of mostly zeros, in the CSR layout of scipy; `indptr` stays on the CPU."""

    indices: Tensor  # [nnz] int64, columns
    indptr: Tensor  # [C + 1] int64, row i holds indptr[i]:indptr[i + 1]
    values: Tensor  # [nnz] float32
    dim: int  # D, number of columns

    @classmethod
    def of(cls, csr: csr_matrix) -> Sparse:
        """From scipy CSR [C, D]. Raises ValueError for columns outside 0..D-1 and for row starts that go down."""
        indices = torch.as_tensor(csr.indices).to(torch.int64)
        indptr = torch.as_tensor(csr.indptr).to(torch.int64)
        dim = int(csr.shape[1])
        check_starts("indptr", indptr, len(indices))
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < dim:
            raise ValueError(f"a column number lies outside 0..{dim - 1}")
        return cls(indices, indptr, torch.as_tensor(csr.data).to(torch.float32), dim)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self, rows: Tensor) -> Sparse:
        """The rows with these numbers, [B] int64, in that order."""
        positions, indptr = gather(self.indptr, rows)
        return Sparse(at(self.indices, positions), indptr, at(self.values, positions), self.dim)

    def to(self, device: torch.device | str) -> Sparse:
        """The same on another device."""
        return Sparse(self.indices.to(device), self.indptr, self.values.to(device), self.dim)


@dataclass(frozen=True)
class Tokens:
    """Word numbers of captions, one caption after the other, for an encoder that is trained inside the model.

    `starts` stays on the CPU.
    """

    ids: Tensor  # [sum L] int64
    starts: Tensor  # [C + 1] int64, caption i holds starts[i]:starts[i + 1]
    size: int  # words of the vocabulary
    encoded: Tensor | None = None  # [C, D], what a model's encoder made of them already

    def __post_init__(self) -> None:
        if len(self.ids) and not 0 <= int(self.ids.min()) <= int(self.ids.max()) < self.size:
            raise ValueError(f"a token lies outside 0..{self.size - 1}, the vocabulary's numbers")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, rows: Tensor) -> Tokens:
        """The captions with these numbers, [B] int64, in that order."""
        if self.encoded is not None:  # their words are not looked at again
            return _unchecked_tokens(
                self.ids[:0], self.starts[:1].expand(len(rows) + 1), self.size, at(self.encoded, rows)
            )
        positions, starts = gather(self.starts, rows)
        return _unchecked_tokens(at(self.ids, positions), starts, self.size)

    def to(self, device: torch.device | str) -> Tokens:
        """The same on another device."""
        encoded = None if self.encoded is None else self.encoded.to(device)
        return _unchecked_tokens(self.ids.to(device), self.starts, self.size, encoded)


def _unchecked_tokens(ids: Tensor, starts: Tensor, size: int, encoded: Tensor | None = None) -> Tokens:
    """Part of tokens that were checked when they were built: a check for each batch would wait for the GPU."""
    tokens = object.__new__(Tokens)
    for name, value in (("ids", ids), ("starts", starts), ("size", size), ("encoded", encoded)):
        object.__setattr__(tokens, name, value)
    return tokens


@dataclass(frozen=True)
class Frames:
    """The frames of each video, for a model that looks at them one by one."""

    values: Tensor  # [V, T, D] float32; rows behind a video's own are padding
    counts: Tensor  # [V] int64, how many of the T are the video's own, at least 1

    @property
    def dim(self) -> int:
        """D, the width of a frame."""
        return int(self.values.shape[2])

    def __len__(self) -> int:
        return len(self.counts)

    def rows(self, rows: Tensor) -> Frames:
        """The videos with these numbers, [B] int64, in that order."""
        return Frames(at(self.values, rows), at(self.counts, rows))

    def to(self, device: torch.device | str) -> Frames:
        """The same on another device."""
        return Frames(self.values.to(device), self.counts.to(device))

    @property
    def own(self) -> Tensor:
        """[V, T] bool: which rows are a video's own."""
        return own(self.values, self.counts)


Feature = Tensor | Sparse | Tokens | Frames


def take(feature: Feature, rows: Tensor) -> Feature:
    """Rows [B] of a feature of any kind."""
    return at(feature, rows) if isinstance(feature, Tensor) else feature.rows(rows)


def pick(features: Mapping[str, Feature], dims: Mapping[str, int]) -> list[Tensor | Sparse]:
    """The features a block was built for, in the order of `dims`; further ones in `features` are not looked at.

    Raises ValueError naming the feature that is missing, has another width or another number of rows.
    """
    return cast(list[Tensor | Sparse], pick_all(features, dims))


def pick_all(
    features: Mapping[str, Feature], dims: Mapping[str, int], frames: Collection[str] = ()
) -> list[Tensor | Sparse | Frames]:
    """`pick`, where the features named in `frames` are to come frame by frame. Raises ValueError where they don't."""
    found: list[Tensor | Sparse | Frames] = []
    for name, dim in dims.items():
        if name not in features:
            have = ", ".join(features) or "nothing"
            raise ValueError(f"feature '{name}' is missing: the block was built for {', '.join(dims)} and got {have}")
        feature = features[name]
        if isinstance(feature, Tokens):
            raise ValueError(f"feature '{name}' holds tokens; give the model an encoder for it in `encoders`")
        if isinstance(feature, Frames) and name not in frames:
            raise ValueError(f"feature '{name}' holds frames, but the block wants one row of it for each video")
        if name in frames and not isinstance(feature, Frames):
            raise ValueError(f"feature '{name}' should come frame by frame, not as one row for each video")
        width = feature.shape[-1] if isinstance(feature, Tensor) else feature.dim
        if width != dim:
            raise ValueError(f"feature '{name}' has width {width}; the block was built for {dim}")
        if found and len(feature) != len(found[0]):
            raise ValueError(f"feature '{name}' has {len(feature)} rows; '{next(iter(dims))}' has {len(found[0])}")
        found.append(feature)
    return found


@dataclass(frozen=True)
class Split:
    """Features of one split. Every caption belongs to one video; a batch is a list of caption numbers."""

    video: dict[str, Tensor | Frames]  # V rows each
    text: dict[str, Feature]  # each C rows
    video_of: Tensor  # [C] int64, row of each caption's video

    def __post_init__(self) -> None:
        for side, features, rows in (("video", self.video, None), ("text", self.text, len(self.video_of))):
            if not features:
                raise ValueError(f"the {side} side has no feature; name at least one")
            want = rows if rows is not None else len(next(iter(features.values())))
            for name, feature in features.items():
                if len(feature) != want:
                    raise ValueError(f"{side} feature '{name}' has {len(feature)} rows; expected {want}")
        if self.video_of.dtype != torch.int64 or self.video_of.ndim != 1:
            raise ValueError(f"video_of is {self.video_of.dtype} {list(self.video_of.shape)}; it should be int64 [C]")
        if len(self) and not 0 <= int(self.video_of.min()) <= int(self.video_of.max()) < self.videos:
            raise ValueError(f"video_of names a video outside 0..{self.videos - 1}")

    def __len__(self) -> int:
        return len(self.video_of)

    @property
    def videos(self) -> int:
        """V, the number of videos."""
        return len(next(iter(self.video.values())))

    def video_rows(self, rows: Tensor) -> dict[str, Feature]:
        """Features of the videos with these numbers, [B] int64."""
        return {name: take(feature, rows) for name, feature in self.video.items()}

    def text_rows(self, rows: Tensor) -> dict[str, Feature]:
        """Features of the captions with these numbers, [B] int64."""
        return {name: take(feature, rows) for name, feature in self.text.items()}

    def batch(self, rows: Tensor) -> tuple[dict[str, Feature], dict[str, Feature]]:
        """Captions [B] int64 and their videos: (video features, text features), row i of both makes a pair."""
        return self.video_rows(at(self.video_of, rows)), self.text_rows(rows)

    def to(self, device: torch.device | str) -> Split:
        """The same on another device."""
        video = {name: feature.to(device) for name, feature in self.video.items()}
        text = {name: feature.to(device) for name, feature in self.text.items()}
        return Split(video, text, self.video_of.to(device))
