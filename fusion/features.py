"""The features of one split in memory: dense rows, sparse rows and token sequences, taken by caption number.

Shape letters: V videos, C captions, B rows of a batch, D_k width of feature k.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from fusion.frames.padding import own_mask

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def gather(starts: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Find the items of ragged rows: starts [C + 1], row numbers [B] -> (positions [n], new starts [B + 1]).

    All is on the CPU, also where the items are on a GPU: their count is then known without waiting for the GPU.
    """
    numbers = numbers.cpu()
    row_starts = starts[numbers]
    lengths = starts[numbers + 1] - row_starts
    new_starts = torch.zeros(len(numbers) + 1, dtype=torch.int64, device=starts.device)
    torch.cumsum(lengths, dim=0, out=new_starts[1:])
    shift = torch.repeat_interleave(row_starts - new_starts[:-1], lengths)
    return torch.arange(len(shift), device=starts.device) + shift, new_starts


def index(values: Tensor, numbers: Tensor) -> Tensor:
    """Index the rows of a tensor, on its own device: values[numbers]."""
    return values[to_device(numbers, values.device)]


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to a device; from a CPU to a GPU through pinned memory, so that the CPU need not wait."""
    if values.is_cpu and device.type == "cuda":
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


def check_starts(what: str, starts: Tensor, items: int) -> None:
    """Check that `starts` rises from 0 to the number of items, else raise ValueError."""
    if starts.ndim != 1 or len(starts) < 1 or int(starts[0]) != 0 or int(starts[-1]) != items:
        raise ValueError(f"{what} should run from 0 to {items} items, one more than there are rows")
    if bool((starts[1:] < starts[:-1]).any()):
        raise ValueError(f"{what} goes down somewhere; row starts can only rise")


@dataclass(frozen=True)
class Sparse:
    """Rows that hold mostly zeros, in the CSR layout of scipy; `indptr` stays on the CPU."""

    indices: Tensor  # [nnz] int64, columns
    indptr: Tensor  # [C + 1] int64, row i holds indptr[i]:indptr[i + 1]
    values: Tensor  # [nnz] float32
    dim: int  # D, number of columns

    @classmethod
    def of(cls, csr: csr_matrix) -> Sparse:
        """Convert scipy CSR [C, D]. Raises ValueError for columns outside 0..D-1 and for row starts that go down."""
        indices = torch.as_tensor(csr.indices).to(torch.int64)
        indptr = torch.as_tensor(csr.indptr).to(torch.int64)
        dim = int(csr.shape[1])
        check_starts("indptr", indptr, len(indices))
        if len(indices) and not 0 <= int(indices.min()) <= int(indices.max()) < dim:
            raise ValueError(f"a column number lies outside 0..{dim - 1}")
        return cls(indices, indptr, torch.as_tensor(csr.data).to(torch.float32), dim)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def rows(self, numbers: Tensor) -> Sparse:
        """Rows with these numbers, [B] int64, in that order."""
        positions, indptr = gather(self.indptr, numbers)
        return Sparse(index(self.indices, positions), indptr, index(self.values, positions), self.dim)

    def to(self, device: torch.device | str) -> Sparse:
        """Copy to another device."""
        return Sparse(self.indices.to(device), self.indptr, self.values.to(device), self.dim)


@dataclass(frozen=True)
class Tokens:
    """Word numbers of captions, one caption after the other, for an encoder that is trained inside the model.

    `starts` stays on the CPU.
    """

    ids: Tensor  # [sum L] int64
    starts: Tensor  # [C + 1] int64, caption i holds starts[i]:starts[i + 1]
    size: int  # words of the vocabulary
    encoded: Tensor | None = None  # [C, D], the vectors of a model's encoder, where it has been run already

    def __post_init__(self) -> None:
        if len(self.ids) and not 0 <= int(self.ids.min()) <= int(self.ids.max()) < self.size:
            raise ValueError(f"a token lies outside 0..{self.size - 1}, the vocabulary's numbers")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def rows(self, numbers: Tensor) -> Tokens:
        """Captions with these numbers, [B] int64, in that order."""
        if self.encoded is not None:  # their words are not looked at again
            no_words = self.starts[:1].expand(len(numbers) + 1)
            return _unchecked_tokens(self.ids[:0], no_words, self.size, index(self.encoded, numbers))
        positions, starts = gather(self.starts, numbers)
        return _unchecked_tokens(index(self.ids, positions), starts, self.size)

    def to(self, device: torch.device | str) -> Tokens:
        """Copy to another device."""
        encoded = None if self.encoded is None else self.encoded.to(device)
        return _unchecked_tokens(self.ids.to(device), self.starts, self.size, encoded)


def _unchecked_tokens(ids: Tensor, starts: Tensor, size: int, encoded: Tensor | None = None) -> Tokens:
    """Build Tokens from a part of checked ones, without the check, which would wait for the GPU at each batch."""
    tokens = object.__new__(Tokens)
    for name, value in (("ids", ids), ("starts", starts), ("size", size), ("encoded", encoded)):
        object.__setattr__(tokens, name, value)
    return tokens


@dataclass(frozen=True)
class Frames:
    """The frames of each video, for a model that looks at them one by one."""

    values: Tensor  # [V, T, D] float32; a video's own frames come first, the other rows are padding
    counts: Tensor  # [V] int64, how many of the T are the video's own frames, at least 1

    @property
    def dim(self) -> int:
        """Width of a frame, D."""
        return int(self.values.shape[2])

    def __len__(self) -> int:
        return len(self.counts)

    def rows(self, numbers: Tensor) -> Frames:
        """Frames of the videos with these numbers, [B] int64, in that order."""
        return Frames(index(self.values, numbers), index(self.counts, numbers))

    def to(self, device: torch.device | str) -> Frames:
        """Copy to another device."""
        return Frames(self.values.to(device), self.counts.to(device))

    @property
    def mask(self) -> Tensor:
        """Mask [V, T] bool: true at a video's own frames, false at padding."""
        return own_mask(self.values, self.counts)


Feature = Tensor | Sparse | Tokens | Frames


def take(feature: Feature, numbers: Tensor) -> Feature:
    """Take the rows with these numbers, [B] int64, of a feature of any kind."""
    return index(feature, numbers) if isinstance(feature, Tensor) else feature.rows(numbers)


def pick(features: Mapping[str, Feature], dims: Mapping[str, int]) -> list[Tensor | Sparse]:
    """Pick the features that a block was built for, in the order of `dims`; others in `features` are not looked at.

    Raises ValueError naming the feature that is missing, has another width or another number of rows.
    """
    return cast(list[Tensor | Sparse], pick_all(features, dims))


def pick_all(
    features: Mapping[str, Feature], dims: Mapping[str, int], frames: Collection[str] = ()
) -> list[Tensor | Sparse | Frames]:
    """Pick as `pick` does; features named in `frames` must come frame by frame, else ValueError is raised."""
    picked: list[Tensor | Sparse | Frames] = []
    for name, dim in dims.items():
        if name not in features:
            names = ", ".join(features) or "nothing"
            raise ValueError(f"feature '{name}' is missing: the block was built for {', '.join(dims)} and got {names}")
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
        if picked and len(feature) != len(picked[0]):
            raise ValueError(f"feature '{name}' has {len(feature)} rows; '{next(iter(dims))}' has {len(picked[0])}")
        picked.append(feature)
    return picked


@dataclass(frozen=True)
class Split:
    """Features of one split. Every caption belongs to one video; a batch is a list of caption numbers."""

    video: dict[str, Tensor | Frames]  # V rows each
    text: dict[str, Feature]  # C rows each
    video_of: Tensor  # [C] int64, number of each caption's video, 0..V-1

    def __post_init__(self) -> None:
        for side, features in (("video", self.video), ("text", self.text)):
            if not features:
                raise ValueError(f"the {side} side has no feature; name at least one")
            expected = self.videos if side == "video" else len(self)
            for name, feature in features.items():
                if len(feature) != expected:
                    raise ValueError(f"{side} feature '{name}' has {len(feature)} rows; expected {expected}")
        if self.video_of.dtype != torch.int64 or self.video_of.ndim != 1:
            raise ValueError(f"video_of is {self.video_of.dtype} {list(self.video_of.shape)}; it should be int64 [C]")
        if len(self) and not 0 <= int(self.video_of.min()) <= int(self.video_of.max()) < self.videos:
            raise ValueError(f"video_of names a video outside 0..{self.videos - 1}")

    def __len__(self) -> int:
        return len(self.video_of)

    @property
    def videos(self) -> int:
        """Number of videos, V."""
        return len(next(iter(self.video.values())))

    def video_rows(self, videos: Tensor) -> dict[str, Feature]:
        """Features of the videos with these numbers, [B] int64."""
        return {name: take(feature, videos) for name, feature in self.video.items()}

    def text_rows(self, captions: Tensor) -> dict[str, Feature]:
        """Features of the captions with these numbers, [B] int64."""
        return {name: take(feature, captions) for name, feature in self.text.items()}

    def batch(self, captions: Tensor) -> tuple[dict[str, Feature], dict[str, Feature]]:
        """Video and text features of these captions, [B] int64: row i of both is a pair."""
        return self.video_rows(index(self.video_of, captions)), self.text_rows(captions)

    def to(self, device: torch.device | str) -> Split:
        """Copy to another device."""
        video = {name: feature.to(device) for name, feature in self.video.items()}
        text = {name: feature.to(device) for name, feature in self.text.items()}
        return Split(video, text, self.video_of.to(device))
