"""Loads checkpoints of any origin into a model of laff's: every tensor is used, or listed as dropped."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import extractors
from extractors.tensors import ARCHIVES, config, read, read_all
from extractors.wrapping import State, Unwrapped, unwrapped

__all__ = ["ARCHIVES", "Converted", "Layout", "convert", "fill", "read", "read_all", "recognise", "rename", "unwrap"]

SHOWN = 4  # keys of each kind named in an error
LOG = logging.getLogger(__name__)  # gets what was removed from the names of a file's tensors


@dataclass(frozen=True)
class Layout:
    """The names that a code base gives the tensors of a model."""

    name: str  # as it stands after "in": "SlowFast's layout"
    signs: tuple[str, ...]  # regexes; a file has this layout when each is found in some key
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]]  # the file's tensors -> these by laff's names
    dropped: tuple[str, ...] = ()  # beginnings of keys, in the file or in laff, that the feature does not need

    def fits(self, state: Mapping[str, Tensor]) -> bool:
        """Whether every sign is found in the keys of a file."""
        return all(any(re.search(sign, key) for key in state) for sign in self.signs)


@dataclass(frozen=True)
class Converted:
    """The tensors of a file by laff's names."""

    path: Path
    layout: Layout
    state: dict[str, Tensor]
    dropped: list[str]  # keys, of the file or laff's, that are not in `state`
    config: dict[str, Any] = field(default_factory=dict)  # config.json, where the weights are a folder that has one
    taken: str = ""  # what was around these tensors in the file, in words

    @property
    def source(self) -> str:
        """The file as a message names it: "FILE, in SlowFast's layout,"."""
        return f"{self.path}, in {self.layout.name},"


def convert(path: Path, layouts: Sequence[Layout], model: str = "the model") -> Converted:
    """The tensors of a file or folder by laff's names, from the first layout that its keys fit.

    model: what messages call the model, such as "X3D (size L)". ValueError for a file of another layout says what it
    looks like.
    """
    held = read_all(path)
    unwrapped_file = unwrap(held, layouts, str(path))
    if unwrapped_file is None:
        raise ValueError(f"{path} does not fit {model}: {recognise(held)}")
    state, layout = unwrapped_file.state, next(layout for layout in layouts if layout.fits(unwrapped_file.state))
    used = {key: value for key, value in state.items() if not key.startswith(layout.dropped)}
    converted = layout.convert(used)
    ours = {key: value for key, value in converted.items() if not key.startswith(layout.dropped)}
    dropped = [*(key for key in state if key not in used), *(key for key in converted if key not in ours)]
    if unwrapped_file.taken:
        LOG.info("%s: %s", path, unwrapped_file.taken)
    return Converted(path, layout, ours, dropped + unwrapped_file.aside, config(path), unwrapped_file.taken)


def unwrap(held: list[tuple[str, State]], layouts: Sequence[Layout], source: str) -> Unwrapped | None:
    """The tensors of a file (as `read_all` gives them) that fit a layout, or None; ValueError where two sets do."""
    try:
        return unwrapped(held, lambda state: any(layout.fits(state) for layout in layouts))
    except ValueError as error:
        raise ValueError(f"{source} {error}") from None


def rename(*rules: tuple[str, str]) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """A `Layout.convert` that applies regular expressions to every key, one after the other.

    ValueError where two keys become one, since a tensor would be lost.
    """

    def convert(state: dict[str, Tensor]) -> dict[str, Tensor]:
        origin: dict[str, str] = {}
        for old in state:
            key = old
            for pattern, new in rules:
                key = re.sub(pattern, new, key)
            if key in origin:
                raise ValueError(f"the keys {origin[key]} and {old} are both {key} by our names")
            origin[key] = old
        return {key: state[old] for key, old in origin.items()}

    return convert


def fill(net: nn.Module, state: Mapping[str, Tensor], source: str, model: str = "", assign: bool = False) -> None:
    """Load `state` into `net`; ValueError names every key and shape that does not fit.

    source, model: what the message calls them ("FILE", "X3D (size L)"). Counters of batch normalisation
    (`num_batches_tracked`) may be missing: old files lack them and only training reads them. Half precision is widened
    to the network's own dtype. assign: the network takes the tensors themselves and not copies of them, so it needs no
    memory of its own.
    """
    expected = net.state_dict()
    missing = [key for key in expected if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in expected]
    shapes = [
        f"{key} is {list(state[key].shape)}, the model's {list(expected[key].shape)}"
        for key in expected
        if key in state and state[key].shape != expected[key].shape
    ]
    not_numbers = [
        f"{key} ({state[key].dtype})"
        for key in expected
        if key in state and expected[key].is_floating_point() and not _numbers(state[key])
    ]
    problems = [
        f"{len(keys)} {kind}: {', '.join(keys[:SHOWN])}{', …' if len(keys) > SHOWN else ''}"
        for kind, keys in (
            *(("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)),
            ("not of finite real numbers", not_numbers),
        )
        if keys
    ]
    if problems:
        raise ValueError(f"{source} does not fit {model or type(net).__name__}: " + "; ".join(problems))
    if assign:
        state = {key: value.to(expected[key].dtype) for key, value in state.items()}
    net.load_state_dict({**expected, **state}, assign=assign)


def _numbers(value: Tensor) -> bool:
    """Whether a tensor has finite floating-point numbers; quantised weights would silently become others."""
    if not value.is_floating_point():
        return False
    # One number that is not finite makes their sum so, which costs a third; a sum of large ones may overflow.
    total = value.sum(dtype=torch.promote_types(value.dtype, torch.float32))
    return bool(total.isfinite()) or bool(value.isfinite().all())


def recognise(held: list[tuple[str, State]]) -> str:
    """What the tensors of a file (as `read_all` gives them) look like, in words, by the layouts of all extractors."""
    for part in _parts():
        for layout in part.LAYOUTS:
            if any(layout.fits(state) for _, state in held):
                return f"it looks like {part.__name__} in {layout.name}, for {part.__module__}"
    for part in _parts():
        for layout in part.LAYOUTS:
            try:
                unwrapped_file = unwrapped(held, layout.fits)
            except ValueError as error:
                return f"it {error}"
            if unwrapped_file:
                return f"it looks like {part.__name__} in {layout.name} ({unwrapped_file.taken}), for {part.__module__}"
    state = held[0][1]
    return f"it is in no layout known here; its {len(state)} keys begin with {', '.join(list(state)[:SHOWN])}"


def _parts() -> Iterator[Any]:
    """The classes of extractors/ that have LAYOUTS of their own.

    Modules are imported by computed names: an import statement would make every extractor's fingerprint depend on the
    code of all others.
    """
    for file in pkgutil.iter_modules(extractors.__path__):
        try:
            module = importlib.import_module(f"extractors.{file.name}")
        except ImportError:  # a package that the module needs is not installed
            continue
        for part in vars(module).values():
            is_own = isinstance(part, type) and part.__module__ == module.__name__
            if is_own and isinstance(
                vars(part).get("LAYOUTS"), tuple
            ):  # timm's are each model's, and no attribute of a class
                yield part
