"""Checkpoints of any origin brought into a model of ours: every tensor is used, or named as dropped."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import extractors
from extractors.tensors import ARCHIVES, config, read, read_all
from extractors.wrapping import State, Unwrapped, unwrapped

__all__ = ["ARCHIVES", "Converted", "Layout", "convert", "fill", "read", "read_all", "recognise", "rename", "unwrap"]

SHOWN = 4  # keys of each kind named in an error
LOG = logging.getLogger(__name__)  # what was taken off a file's names, for whoever listens


@dataclass(frozen=True)
class Layout:
    """The names that one code base gives the tensors of a model."""

    name: str  # as it stands after "in": "SlowFast's layout"
    signs: tuple[str, ...]  # regexes; a file is of this layout when each is found in some key
    convert: Callable[[dict[str, Tensor]], dict[str, Tensor]]  # the file's tensors -> the same by our names
    dropped: tuple[str, ...] = ()  # beginnings of keys, the file's or ours, that the feature does not need

    def fits(self, state: Mapping[str, Tensor]) -> bool:
        """Whether the keys of a file show every sign."""
        return all(any(re.search(sign, key) for key in state) for sign in self.signs)


@dataclass(frozen=True)
class Converted:
    """The tensors of a file by our names."""

    path: Path
    layout: Layout
    state: dict[str, Tensor]
    dropped: list[str]  # keys of the file, or ours, that are not in `state`
    config: dict[str, Any] = field(default_factory=dict)  # config.json, where the weights are a folder that has one
    taken: str = ""  # what stood around these tensors in the file, in words

    @property
    def source(self) -> str:
        """The file as a message names it: "FILE, in SlowFast's layout,"."""
        return f"{self.path}, in {self.layout.name},"


def convert(path: Path, layouts: Sequence[Layout], model: str = "the model") -> Converted:
    """Read a file or folder and give its tensors our names, by the first layout that it shows the signs of.

    `model` is what messages call the model, such as "X3D (size L)". ValueError for a file of no such layout, with what
    it looks like instead.
    """
    held = read_all(path)
    found = unwrap(held, layouts, str(path))
    if found is None:
        raise ValueError(f"{path} does not fit {model}: {recognise(held)}")
    state, layout = found.state, next(layout for layout in layouts if layout.fits(found.state))
    used = {key: value for key, value in state.items() if not key.startswith(layout.dropped)}
    converted = layout.convert(used)
    ours = {key: value for key, value in converted.items() if not key.startswith(layout.dropped)}
    dropped = [*(key for key in state if key not in used), *(key for key in converted if key not in ours)]
    if found.taken:
        LOG.info("%s: %s", path, found.taken)
    return Converted(path, layout, ours, dropped + found.aside, config(path), found.taken)


def unwrap(held: list[tuple[str, State]], layouts: Sequence[Layout], source: str) -> Unwrapped | None:
    """The tensors of a file (as `read_all` has them) that show the signs of a layout, or None; ValueError for two."""
    try:
        return unwrapped(held, lambda state: any(layout.fits(state) for layout in layouts))
    except ValueError as error:
        raise ValueError(f"{source} {error}") from None


def rename(*rules: tuple[str, str]) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    """A `Layout.convert` that applies regular expressions to every key, one after the other.

    ValueError where two keys come out as one: a tensor would be lost.
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


def fill(net: nn.Module, state: Mapping[str, Tensor], source: str, model: str = "") -> None:
    """Load `state` into `net`, every key and every shape; ValueError names what doesn't fit.

    `source` and `model` are what the message calls them ("FILE", "X3D (size L)"). Counters of batch normalisation
    (`num_batches_tracked`) may be missing: old files lack them and only training reads them. Half precision is widened
    to the network's own dtype.
    """
    own = net.state_dict()
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in own]
    shapes = [
        f"{key} is {list(state[key].shape)}, the model's {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    strange = [
        f"{key} ({state[key].dtype})"
        for key in own
        if key in state and own[key].is_floating_point() and not _numbers(state[key])
    ]
    problems = [
        f"{len(keys)} {kind}: {', '.join(keys[:SHOWN])}{', …' if len(keys) > SHOWN else ''}"
        for kind, keys in (
            *(("missing", missing), ("unexpected", unexpected), ("of another shape", shapes)),
            ("not of finite real numbers", strange),
        )
        if keys
    ]
    if problems:
        raise ValueError(f"{source} does not fit {model or type(net).__name__}: " + "; ".join(problems))
    net.load_state_dict({**own, **state})


def _numbers(value: Tensor) -> bool:
    """Whether a tensor holds finite floating-point numbers; quantised weights would be other numbers without a word."""
    return value.is_floating_point() and bool(value.isfinite().all())


def recognise(held: list[tuple[str, State]]) -> str:
    """What the tensors of a file (as `read_all` has them) look like, in words, by the layouts of all extractors."""
    for part in _parts():
        for layout in part.LAYOUTS:
            if any(layout.fits(state) for _, state in held):
                return f"it looks like {part.__name__} in {layout.name}, for {part.__module__}"
    for part in _parts():
        for layout in part.LAYOUTS:
            try:
                found = unwrapped(held, layout.fits)
            except ValueError as error:
                return f"it {error}"
            if found:
                return f"it looks like {part.__name__} in {layout.name} ({found.taken}), for {part.__module__}"
    state = held[0][1]
    return f"it is in no layout known here; its {len(state)} keys begin with {', '.join(list(state)[:SHOWN])}"


def _parts() -> Iterator[Any]:
    """The classes of extractors/ that have LAYOUTS of their own.

    Modules are imported by computed names: an import statement would make every extractor's fingerprint depend on the
    code of all others.
    """
    for found in pkgutil.iter_modules(extractors.__path__):
        try:
            module = importlib.import_module(f"extractors.{found.name}")
        except ImportError:  # one that needs a package which is not installed can't help to name a file
            continue
        for part in vars(module).values():
            own = isinstance(part, type) and part.__module__ == module.__name__
            if own and isinstance(
                vars(part).get("LAYOUTS"), tuple
            ):  # timm's are each model's, and no attribute of a class
                yield part
