"""Any model of transformers that sees and reads, both sides: SigLIP 2, CLIP, MetaCLIP 2, X-CLIP and others.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, and its successors;
encoders that only see are in extractors.hf_video. The weights are a folder of the Hugging Face hub with its
config.json, its tensors and the files of its processor, which say how many frames it takes and how it wants its pixels.
No code of a folder is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from extractors.base import Sampling
from extractors.checkpoint import Layout
from extractors.hf_folder import build, first, outline, read_config, read_network, sees, some
from extractors.hf_hub import PREFIX
from extractors.hf_pixels import Pixels, read_pixels
from extractors.hf_text import Reader
from extractors.hf_tower import NoPooler, Pool, Tower, clip_length, is_pair, width
from extractors.pixels import check, normalise, three

TINY = Path(__file__).parent / "hf_configs" / "tiny"  # a SigLIP of 64 pixels, for random weights
PICTURES = 8  # frames of a video that a model of pictures sees
LAYOUT = Layout(
    "the layout of transformers",
    (r"(^|\.)(embeddings\.(patch_embed|cls_token|conv|class_emb)|downsample_layers\.0|stages\.0\.)",),
    dict,
    dropped=("classifier.", "decoder.", "encoder_to_decoder.", "mask_token"),
)


class Hf:
    """Videos [B, D] and captions [C, D] of one model: embeddings in its shared space, not normalised; none is trained.

    A model of videos sees `clips` clips of as many frames as it was made for; one of pictures sees `frames` frames one
    by one, and a video is their mean (at level "frame" each has a row: [B, T, D]). With `stride` 0 frames are spread
    over the video. Captions are cut and padded as the model's own are. What is null comes from the folder; where `dim`,
    `frames`, `size`, `resize`, `filter`, `mean` and `std` are given, as entries of the catalogue do, a plan needs no
    folder.
    """

    sides: tuple[str, ...] = ("video", "text")
    FILES = ("config",)  # parameters that name files, whose content counts and not their place
    colours = "RGB"
    pool: Pool = "auto"

    def __init__(
        self,
        *,
        model: str | None = None,  # the model_type that the folder's config.json should have; null: any
        dim: int | None = None,  # D, which the folder should have; null: any
        frames: int | None = None,  # in a clip, or of the video; null: the model's, or 8 for a model of pictures
        clips: int = 1,  # in a video
        crops: int = 1,  # in a clip: 1 in the centre, or 3 along the long side
        stride: int = 0,  # frames at fps from one to the next; 0 spreads them over the video
        fps: float = 0.0,  # that stride counts at; 0: the video's own
        level: Literal["video", "frame"] = "video",  # one row a video, or one for each frame
        size: int | None = None,  # pixels of the short side, or of both; null: the folder's
        crop: int | None = None,  # pixels of the square that is seen; null: the folder's, or size if that is given
        resize: Literal["shortest", "squash"] | None = None,  # squash: whole image; null: the folder's
        filter: Literal["bilinear", "bicubic"] | None = None,  # null: the folder's
        mean: list[float] | None = None,  # of pixels in 0..1; null: the folder's
        std: list[float] | None = None,  # of pixels in 0..1; null: the folder's
        length: int | None = None,  # tokens of a caption at most; null: the model's
        lower: bool | None = None,  # whether captions become lower case; null: as the folder's tokenizer does
        config: str = "",  # with weights random: a folder whose config.json and processor they have; '': a tiny model
        weights: str = "hf-siglip2-base-16-224",  # of `laff weights list`, hf:ORG/NAME, a folder, or random
    ) -> None:
        for name, values in (("mean", mean), ("std", std)):
            if values is not None:
                three(name, values)
        folder = Path(weights).expanduser()
        if weights != "random" and not weights.startswith(PREFIX) and "/" in weights and not folder.is_dir():
            what = "is a file" if folder.is_file() else "is not there"
            raise ValueError(f"{weights} {what}; give a folder with config.json and its tensors, or {PREFIX}ORG/NAME")
        self.model = model
        self.level = level
        self.length = length
        self.lower = lower
        self.weights = weights
        self._dim = dim
        self._frames = frames
        self._when: dict[str, Any] = {"clips": clips, "crops": crops, "stride": stride, "fps": fps}
        crop = size if crop is None else crop
        self._given = {"size": size, "crop": crop, "resize": resize, "filter": filter, "mean": mean, "std": std}
        self._known: Path | None = folder if folder.is_dir() else None  # the model's folder, where it is told
        if weights == "random":
            self._known = Path(config).expanduser() if config else TINY
        plain = {"frames": frames, "size": crop if size is None else size, "crop": crop}
        known: dict[str, Any] = {key: 1 if value is None else value for key, value in plain.items()}
        Sampling(**known, **self._when)  # refuses nonsense

    def __str__(self) -> str:
        return f"{type(self).__name__} ({self.model or 'any model'})"

    @property
    def dim(self) -> int:
        """D, as given or as the folder's config.json has it; 1 as long as nothing tells."""
        if self._dim is not None:
            return self._dim
        return width(self.config) if self._known else 1

    @cached_property
    def sampling(self) -> Sampling:
        """The frames, and how they become squares of pixels."""
        pixels = self.pixels
        return Sampling(
            frames=(clip_length(self.config) or PICTURES) if self._frames is None else self._frames,
            size=pixels.size,
            crop=pixels.crop,
            width=pixels.size if pixels.resize == "squash" else 0,
            filter=pixels.filter,
            **self._when,
        )

    @property
    def mean(self) -> tuple[float, ...]:
        """Of red, green and blue, for values in 0..1."""
        return self.pixels.mean

    @property
    def std(self) -> tuple[float, ...]:
        """Of red, green and blue, for values in 0..1."""
        return self.pixels.std

    @property
    def about(self) -> dict[str, Any]:
        """What the loaded folder is: the kind of model, and what stands for a picture."""
        facts: dict[str, Any] = {"model_type": self.config.model_type, "pool": self.tower.pool}
        return {"transformers": facts | ({"text": self.reader.about} if "text" in self.sides else {})}

    @property
    def LAYOUTS(self) -> tuple[Layout, ...]:
        """That of transformers, whose names are each model's own."""
        return (LAYOUT,)

    @cached_property
    def pixels(self) -> Pixels:
        """What the parameters say of the pixels, completed by what the folder says."""
        given: dict[str, Any] = {key: value for key, value in self._given.items() if value is not None}
        if len(given) < len(self._given):
            given = vars(read_pixels(self._folder, self.config)) | given
        return Pixels(**given | {key: tuple(given[key]) for key in ("mean", "std")})

    @cached_property
    def config(self) -> Any:
        """The folder's config.json. ValueError where the folder is not here, or is another model than `model` says."""
        config = read_config(self._folder)
        if self.model and config.model_type != self.model:
            raise ValueError(f"{self._folder} holds a {config.model_type}, not a {self.model}")
        if self._dim is not None and width(config) != self._dim:
            raise ValueError(f"{self._folder} has features of {width(config)} numbers, not of {self._dim}")
        self._agree(config)
        return config

    def build(self) -> Any:
        """The network with random weights; ValueError where no folder is known yet."""
        return build(self.config)

    def load(self, device: str, weights: Path | None) -> None:
        """Build the network with the weights of a folder; None means random ones."""
        if weights is not None and weights != self._known:
            self._known = weights
            vars(self).pop("config", None)
        net, missing = read_network(weights, self.config) if weights else (build(self.config), [])
        self.tower = Tower(net, self.pool)
        if "text" in self.sides:
            self.reader = Reader(net, self._folder, self.length, bool(self.lower))
        if lacking := self.tower.lacking(missing):
            raise ValueError(f"{weights} lacks {len(lacking)} tensors of a {self.config.model_type}: {some(lacking)}")
        self._look()
        net.to(device)

    @torch.no_grad()
    def extract(self, frames: Tensor) -> Tensor:
        """[B, M, T, H, W, 3] uint8 -> [B, D] float32, or [B, M*T, D] at level "frame"; not normalised."""
        check(frames, self.sampling)
        if clip_length(self.config):
            clips = (normalise(clip, self.mean, self.std, channel=2) for clip in frames.unbind(1))
            return torch.stack([self.tower(clip) for clip in clips]).mean(dim=0)
        features: Tensor = self.tower(normalise(frames.flatten(0, 2), self.mean, self.std)).unflatten(
            0, (len(frames), -1)
        )
        return features if self.level == "frame" else features.mean(dim=1)

    @torch.no_grad()
    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C texts -> [C, D] float32, not normalised; the row of a caption does not depend on the others."""
        return self.reader(captions)

    def _look(self) -> None:
        """ValueError where the network does not take what `sampling` makes: told before a video is decoded."""
        pixels = torch.zeros(1, self.sampling.frames, 3, self.sampling.crop, self.sampling.crop)
        pixels = pixels if clip_length(self.config) else pixels[:, 0]
        try:
            Tower(outline(self.config), self.pool)(pixels.to("meta"))  # shapes alone: numbers would take a while
        except Exception:  # wrong shapes, or a network that asks for numbers
            try:
                self.tower(pixels)
            except NoPooler:
                raise
            except Exception as error:  # each network says it in another way
                cause = "leave size and crop out" if self._given["crop"] else "its config.json and processor disagree"
                raise ValueError(
                    f"{self._folder}: its {self.config.model_type} takes no pictures of {self.sampling.crop} x "
                    f"{self.sampling.crop} pixels ({first(error)}); {cause}"
                ) from None

    @property
    def _folder(self) -> Path:
        """The folder of the model; ValueError where it is not here."""
        if self._known is None:
            raise ValueError(
                f"{self.weights} is not here yet, and its files tell what it is: "
                f"`laff weights get {self.weights}` fetches it"
            )
        return self._known

    def _agree(self, config: Any) -> None:
        """ValueError where the parameters ask for what the model cannot do."""
        if not is_pair(config) and not sees(config):
            raise ValueError(
                f"{self._folder} holds a {config.model_type}, which sees no pictures; sentence encoders are for "
                "extractors.bert.Bert, as in the stage bert"
            )
        if "text" in self.sides and not is_pair(config):
            raise ValueError(
                f"{self._folder} holds a {config.model_type}, which reads no captions: it is for "
                "extractors.hf_video.HfVideo, as in the stage hf-video"
            )
        length = clip_length(config)
        if length and self.level == "frame":
            raise ValueError(f"level frame has one row a frame, but a {config.model_type} sees clips of {length}")
        if config.model_type == "vjepa2" and self._frames and self._frames % config.tubelet_size:
            raise ValueError(f"frames is {self._frames}; a vjepa2 reads {config.tubelet_size} at a time")
        if length and self._frames not in (None, length) and config.model_type != "vjepa2":
            # It would stretch or cut its embeddings, without a word, and features would have another meaning.
            raise ValueError(f"frames is {self._frames}; {self._folder} was made for clips of {length}")
