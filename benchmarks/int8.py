"""EfficientNet-Lite in int8 on a CPU: how near its features stay to float32's, what they find, and the time.

    .venv/bin/python benchmarks/int8.py DATA [--models timm,conse] [--videos 85] [--rounds 5]

It needs a processor with AVX-512 VNNI. DATA holds panda and msvd as `conse.py` reads them. int8 is nothing that laff
offers: the code is here to show what it would give. Pointwise convolutions of 64 outputs or more multiply uint8 by
int8, the rest is float32 (narrower ones take as long, since rounding their input costs as much, and lose the most).
Nothing is calibrated: the range of activations is a video's own, and what the rounding of weights loses is given back
for the mean input. With rounded weights Q,

    W x  =  Q x + (W - Q) x  ~  Q x + (W - Q) mean(x),

where the mean runs over the pixels of a video's frames. Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", ICCV 2019, estimate it from batch normalisation, once for all images.

Printed are cosines to float32's features (mean, worst, how many below .999), the figures of captions (conse) or how
many of the five nearest other videos are the same (timm), and CPU seconds for the frames of one video in one thread,
the ways taking turns: float32 as laff computes it, with batch normalisation folded, bfloat16, and int8.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import conse
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from extractors.conse import Conse  # noqa: E402
from extractors.pixels import normalise  # noqa: E402
from extractors.timm import Timm  # noqa: E402
from pipeline.extraction.forward import autocast  # noqa: E402
from pipeline.graph import stages  # noqa: E402
from pipeline.ranking.scores import normalised  # noqa: E402
from pipeline.video import reading  # noqa: E402
from pipeline.weights import lookup  # noqa: E402
from pipeline.workers import malloc  # noqa: E402

PAIRS = (  # names in timm's blocks of a convolution and the batch normalisation behind it
    *(("conv_stem", "bn1"), ("conv_head", "bn2"), ("conv_pw", "bn1"), ("conv_pw", "bn2")),
    *(("conv_dw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
)
NARROW = 64  # fewer output channels than these stay in float32
LEVELS = 254  # steps of an activation: with a rounded zero point none falls beyond 255
PIECE = 1 << 17  # values that are rounded at once: they stay in a core's cache
NEAREST = 5


class Pointwise(nn.Module):
    """A pointwise convolution [N, C, H, W] -> [N, D, H, W], float32 outside, in int8 inside.

    Weights have a scale for each output channel; activations one for all N images, those of a video. `bounded`: a
    ReLU6 follows, which is computed here.
    """

    def __init__(self, conv: nn.Conv2d, bounded: bool) -> None:
        super().__init__()
        weight = conv.weight.detach().flatten(1)  # [D, C]
        self.scales = weight.abs().amax(dim=1).clamp_min(1e-12) / 127  # [D]
        rounded = (weight / self.scales[:, None]).round()
        self.zeros = torch.zeros(len(weight), dtype=torch.int32)
        self.packed = torch.ops.onednn.qlinear_prepack(rounded.to(torch.int8), None)
        self.lost = weight - rounded * self.scales[:, None]  # [D, C]
        self.bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        self.behind = ("hardtanh", [0.0, 6.0], "") if bounded else ("none", [], "")

    def forward(self, images: Tensor) -> Tensor:
        """[N, C, H, W] float32 -> [N, D, H, W] float32, channels last."""
        count, _, height, width = images.shape
        rows = images.permute(0, 2, 3, 1).flatten(0, 2)  # [N*H*W, C]: a view where channels come last
        values, scale, zero = quantised(rows)
        bias = torch.addmv(self.bias, self.lost, rows.mean(dim=0))
        made: Tensor = torch.ops.onednn.qlinear_pointwise(
            *(values, scale, zero, self.packed, self.scales, self.zeros, bias, 1.0, 0, torch.float32, *self.behind)
        )
        return made.view(count, height, width, -1).permute(0, 3, 1, 2)


def quantised(rows: Tensor) -> tuple[Tensor, float, int]:
    """Values q [R, C] uint8, scale and zero point of rows [R, C] float32, which are near scale * (q - zero)."""
    low, high = (float(end) for end in torch.aminmax(rows))
    low, high = min(low, 0.0), max(high, 0.0)  # so that 0 is exact
    scale = max((high - low) / LEVELS, 1e-12)
    zero = round(-low / scale)
    made = torch.empty(rows.shape, dtype=torch.uint8)
    offset = torch.tensor(zero + 0.5)  # what lies behind the point is cut off
    for values, place in zip(rows.flatten().split(PIECE), made.flatten().split(PIECE), strict=True):
        place.copy_(torch.add(offset, values, alpha=1 / scale))
    return made, scale, zero


def folded(net: nn.Module, int8: bool) -> nn.Module:
    """A copy with batch normalisations folded into the convolutions before them, of which some become int8."""
    net = copy.deepcopy(net)
    for block in list(net.modules()):
        names = [name for name, _ in block.named_children()]
        for conv, norm in PAIRS:
            if (conv, norm) not in pairwise(names):
                continue
            behind: Any = block.get_submodule(norm)
            whole = nn.utils.fusion.fuse_conv_bn_eval(block.get_submodule(conv), behind)
            pointwise = whole.kernel_size == (1, 1) and whole.groups == 1 and whole.out_channels >= NARROW
            if int8 and pointwise:
                bounded = isinstance(behind.act, nn.ReLU6)
                setattr(block, conv, Pointwise(whole, bounded))
                setattr(block, norm, nn.Identity() if bounded else behind.act)
            else:
                setattr(block, conv, whole)
                setattr(block, norm, behind.act)
    return net.to(memory_format=torch.channels_last)


def collected(part: Timm, data: Path, videos: int) -> tuple[list[Tensor], list[str], list[int], list[int]]:
    """Frames [1, M, T, H, W, 3] of each video, captions, the video of each, and the first caption of each folder."""
    frames: list[Tensor] = []
    captions: list[str] = []
    owners: list[int] = []
    begins = []
    for folder in conse.FOLDERS:
        begins.append(len(captions))
        for line in (data / folder / "captions.jsonl").read_text(encoding="utf-8").splitlines():
            if len(frames) == videos:
                break
            entry = json.loads(line)
            path = data / folder / "videos" / entry["video"]
            seen = reading.probe(path)
            own = entry["captions"][: conse.CAPTIONS]
            captions, owners = captions + own, owners + [len(frames)] * len(own)
            frames.append(torch.from_numpy(reading.read(path, [part.sampling], seen.packets, seen.fps).arrays[0])[None])
    return frames, captions, owners, begins


def timed(ways: dict[str, Callable[[Tensor], Any]], images: Tensor, rounds: int) -> None:
    """Print the least CPU seconds of each way; they take turns."""
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.process_time()
            way(images)
            least[name] = min(least[name], time.process_time() - start)
    for name, seconds in least.items():
        print(f"  {name}: {seconds:.3f} s, float32 takes {least['float32'] / seconds:.2f} times as long")


def measure(name: str, data: Path, videos: int, rounds: int) -> None:
    """All figures of one extractor."""
    catalogue = stages.load(ROOT / "stages.yaml").weights
    part: Timm = Conse() if name == "conse" else Timm()
    entries = (part.weights, part.sentences) if isinstance(part, Conse) else (part.weights,)
    part.load("cpu", *(lookup.obtain(catalogue[entry]) for entry in entries))
    frames, captions, owners, begins = collected(part, data, videos)
    texts = normalised(part.extract_text(captions)) if isinstance(part, Conse) else None
    plain = part.net
    nets = {"float32": plain, "folded": folded(plain, False), "bfloat16": plain, "int8": folded(plain, True)}
    print(f"{part}: {len(frames)} videos of {part.frames} frames")

    def forward(way: str) -> Callable[[Tensor], Any]:
        def run(images: Tensor) -> Any:
            with torch.inference_mode(), autocast("cpu", "bfloat16" if way == "bfloat16" else "float32"):
                return nets[way](images)

        return run

    images = normalise(frames[0].flatten(0, 2), part.mean, part.std, last=True)
    timed({way: forward(way) for way in nets}, images, rounds)
    features = {}
    for way, net in nets.items():
        part.net = net
        with autocast("cpu", "bfloat16" if way == "bfloat16" else "float32"):
            features[way] = torch.cat([part.extract(video).float() for video in frames])
        cosines = cosine_similarity(features[way], features["float32"], dim=1)
        below = int((cosines < 0.999).sum())
        print(f"  {way}: cosine mean {cosines.mean():.5f}, worst {cosines.min():.5f}, {below} below .999")
    nearest = {}
    for way, rows in features.items():
        if texts is not None:
            scores = (texts @ normalised(rows.numpy()).T).numpy()
            for folder, begin, end in zip(conse.FOLDERS, begins, [*begins[1:], len(captions)], strict=True):
                if begin < end:
                    conse.print_metrics(f"  {way}, {folder}", scores[begin:end], np.array(owners[begin:end]))
            continue
        scores = normalised(rows.numpy()) @ normalised(rows.numpy()).T
        nearest[way] = scores.fill_diagonal_(-2).topk(NEAREST).indices.tolist()
        same = [len({*own} & {*best}) for own, best in zip(nearest[way], nearest["float32"], strict=True)]
        print(f"  {way}: {100 * np.mean(same) / NEAREST:.1f} % of the {NEAREST} nearest videos are float32's")


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", default="timm,conse")
    parser.add_argument("--videos", type=int, default=85)
    parser.add_argument("--rounds", type=int, default=5, help="of the timing")
    given = parser.parse_args()
    if not torch.cpu._is_vnni_supported():
        parser.error("this processor has no AVX-512 VNNI: products of int8 would be slow or overflow")
    malloc.keep()
    torch.set_num_threads(1)
    for name in given.models.split(","):
        measure(name, given.data, given.videos, given.rounds)


if __name__ == "__main__":
    main()
