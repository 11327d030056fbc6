"""Published checkpoints: the entries of extractors/weights.yaml, changed key by key by those of stages.yaml."""

import ast
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any

from extractors import hf_hub
from pipeline import yamls
from pipeline.errors import Problems, did_you_mean
from pipeline.graph.graph import Weights
from pipeline.parts.binding import bind
from pipeline.parts.classes import Part, plugged
from pipeline.parts.code import ROOT, PartError, source_file, tree

CATALOGUE = ROOT / "extractors" / "weights.yaml"
RANDOM = "random"  # given instead of an entry's name: random weights without a file, for demos only
KEYS = tuple(field.name for field in fields(Weights) if field.name != "name")
PACKAGE = "package:"  # prefix of a source inside an installed package
SHA256 = re.compile(r"[0-9a-f]{64}")


def entries(
    changed: Mapping[Any, Any], collected: Problems, trusted: frozenset[str] = frozenset()
) -> dict[str, Weights]:
    """All entries by name: the catalogue's, with the keys in `changed` replaced or added.

    collected: the list that mistakes in `changed` are added to. The catalogue's own entries are checked by a test, not
    at every start.
    """
    known = catalogue()
    weights = {name: Weights(name=name, **entry) for name, entry in known.items() if name not in changed}
    for name, changes in changed.items():
        name = str(name)
        if name == RANDOM:
            collected.add(f"weights '{RANDOM}': the name stands for random weights; give the entry another")
            continue
        if not isinstance(changes or {}, dict):
            collected.add(f"weights '{name}' should be a mapping with {', '.join(KEYS)}, not {changes!r}")
            continue
        raw = {key: value for key, value in {**known.get(name, {}), **(changes or {})}.items() if value is not None}
        mistakes = problems(raw, trusted)
        collected.extend(f"weights '{name}': {problem}" for problem in mistakes)
        if not mistakes:
            weights[name] = Weights(name=name, **raw)
    return weights


def problems(raw: Mapping[Any, Any], trusted: frozenset[str] = frozenset()) -> list[str]:
    """Mistakes in one entry: in its keys, their types, its class, or the params of the class."""
    mistakes = [f"unknown key '{key}'{did_you_mean(str(key), KEYS)}" for key in raw if key not in KEYS]
    for key in ("uses", "feature", "source", "file", "licence", "note"):
        if not isinstance(raw.get(key, ""), str):
            mistakes.append(f"{key}: {raw[key]!r} should be text")
    if not raw.get("path"):
        mistakes += [f"{key} is missing" for key in ("source", "file") if not raw.get(key)]
    elif not isinstance(raw["path"], str) or "\0" in raw["path"]:
        mistakes.append(f"path: {raw['path']!r} should be text")
    file, source = raw.get("file"), raw.get("source")
    if file and isinstance(file, str) and ("/" in file or not _plain(file)):
        mistakes.append(f"file: {file!r} should be a name under $LAFF_WEIGHTS, not a path")
    if isinstance(source, str) and source.startswith(PACKAGE):
        module, _, path = source.removeprefix(PACKAGE).partition("/")
        if not module.isidentifier() or not _plain(path.removesuffix("/")):
            mistakes.append(f"source: {source!r} should be {PACKAGE}MODULE/PATH, with a path inside the package")
    mistakes += _hash_problem("sha256", raw.get("sha256"))
    inside = raw.get("files") or {}
    if not isinstance(inside, dict):
        mistakes.append(f"files: {inside!r} should be a mapping of file names to their sha256, or null")
    else:
        for name, sha256 in inside.items():
            if not _plain(str(name)):
                mistakes.append(f"files: {name!r} should lie inside the folder")
            mistakes += _hash_problem(f"files: {name}", sha256)
        if inside and not str(raw.get("source", "")).endswith("/"):
            mistakes.append("source should end in / where `files` says what is fetched from it")
    params = raw.get("params") or {}
    if not isinstance(params, dict):
        mistakes.append(f"params: {params!r} should be a mapping")
    elif not raw.get("uses"):
        mistakes += ["params need `uses`, the class that takes them"] if params else []
    else:
        try:
            mistakes += [f"params of {raw['uses']}: {text}" for text in _misfits(params, plugged(raw["uses"], trusted))]
        except PartError as error:
            mistakes.append(f"uses {raw['uses']}: {error}")
    return mistakes


def named(name: str) -> Weights | None:
    """The entry that open_clip:MODEL/TAG or hf:ORG/NAME stands for; None for other names.

    Raises ValueError for models and tags that open_clip does not publish, with names close to them, and for what can be
    no repository.
    """
    if not name.partition(":")[0].isidentifier() or ":" not in name:
        return None
    if name.startswith(hf_hub.PREFIX):
        return Weights(name=name, **hf_hub.entry(name))
    from extractors.clip_published import PREFIX, entry  # imports torch and open_clip: seconds, so not for other names

    if not name.startswith(PREFIX):
        return None
    model, slash, tag = name.removeprefix(PREFIX).rpartition("/")
    if not (slash and model and tag):
        raise ValueError(f"{name} should be {PREFIX}MODEL/TAG, such as {PREFIX}ViT-B-32-quickgelu/openai")
    return Weights(name=name, **entry(model, tag))


def belongs(entry: Weights, part: Part, trusted: frozenset[str] = frozenset()) -> bool:
    """Whether the entry's weights are for the class of `part`, or one that it derives from."""
    return not entry.uses or entry.uses in family(part.path, trusted)


@cache
def family(path: str, trusted: frozenset[str] = frozenset()) -> frozenset[str]:
    """The dotted paths of a class and of those that it derives from, in modules of ours or trusted ones."""
    module, _, name = path.rpartition(".")
    file = source_file(module, trusted) if module else None
    body = tree(file).body if file else []
    paths = {path}
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for base in map(ast.unparse, node.bases):
                origins = [n.module for n in body if isinstance(n, ast.ImportFrom) and _imports(n, base)]
                paths |= family(f"{origins[0] if origins else module}.{base}", trusted)
    return frozenset(paths)


def _imports(node: ast.ImportFrom, name: str) -> bool:
    return node.level == 0 and any(alias.name == name for alias in node.names)


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """The entries of extractors/weights.yaml by name, unchecked."""
    loaded: dict[str, dict[str, Any]] = yamls.load(CATALOGUE)
    return loaded


def _plain(name: str) -> bool:
    """Whether a relative path stays below its folder: no part of it is empty, . or .."""
    return all(part not in ("", ".", "..") and part.isprintable() for part in name.split("/"))


def _hash_problem(where: str, value: Any) -> list[str]:
    if value is None or (isinstance(value, str) and SHA256.fullmatch(value)):
        return []
    return [f"{where}: {value!r} should be a sha256, 64 of 0-9a-f"]


def _misfits(params: Mapping[str, Any], part: Part) -> list[str]:
    """Mistakes in params of an entry. It need not give all that the class requires."""
    return bind(params, {name: replace(known, required=False) for name, known in part.parameters.items()})[1]
