"""From the options of `laff index` to a checked Request: the folder, its workspace, collection.yaml and settings.

The workspace is FOLDER/.laff or a folder elsewhere. Its collection.yaml names the folder of videos; what a person adds
to that file stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import files, yamls
from pipeline.errors import LaffError, meant, problems
from pipeline.graph import kept, stages
from pipeline.graph.graph import Graph
from pipeline.graph.published import named
from pipeline.indexing.order import Order, pairs_of, place, same, vectors_of, videos_of
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.request import Request, recalled
from pipeline.store import home, memory

FEATURE = "clip"  # the default; docs/index.md says why
FILE = "collection.yaml"
SHARDS = (16, 256)  # videos in a shard, at least and at most
SHARE = 64  # a shard holds one in so many videos: all of it is made again when one of them changes


@contextmanager
def prepared(order: Order) -> Iterator[Request]:
    """A context with the request that makes the index.

    An error inside the context, before the workspace remembers the request, leaves collection.yaml as it was.

    Raises:
        LaffError: if there is nothing to index, or if the workspace is of another collection.
    """
    work = place(order)
    file = work / FILE
    old_text = _text(file, order)
    try:
        if order.folder is not None:
            _describe(file, order)
        yield _request(order, work, len(videos_of(_loaded(file, order, old_text is None))))
    except BaseException:
        _restore(file, old_text)
        raise


def _loaded(file: Path, order: Order, new: bool) -> Collection:
    """The collection; LaffError, which names the folder and not a collection.yaml that nobody has seen yet."""
    try:
        return collection.load(file)
    except LaffError as error:
        if not new:
            raise
        texts = [text.removeprefix(f"{file}: ") for text in error.problems]
        raise (LaffError(texts[0]) if len(texts) == 1 else problems(str(order.folder), texts)) from None


def _text(file: Path, order: Order) -> str | None:
    """The text of collection.yaml, None if there is none yet.

    Raises:
        LaffError: if the workspace cannot be written, or is of another collection.
    """
    work = file.parent
    try:
        work.mkdir(parents=True, exist_ok=True)
        if not os.access(work, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        advice = f"`laff index {order.folder or 'FOLDER'} -w WORK` keeps the index in a folder WORK elsewhere"
        raise LaffError(f"{work} cannot be written ({error.strerror}); {advice}") from None
    last = memory.read(work)
    if last and last.collection.resolve() != file.resolve():
        raise LaffError(
            f"{work} is the workspace of {last.collection}, which `laff run` works on; name another folder by -w"
        )
    if file.is_file():
        return file.read_text(encoding="utf-8")
    if order.folder is None:
        raise LaffError(f"{work} holds no {FILE}: `laff index FOLDER -w {work}` makes it")
    return None


def _describe(file: Path, order: Order) -> None:
    """Write the folder, and windows if the order has some, to collection.yaml; its other entries stay."""
    assert order.folder is not None
    entries: Any = yamls.load(file) if file.is_file() else {}  # as a person may have written them
    if not isinstance(entries, dict):
        raise LaffError(f"{file}: should be a mapping; delete it and `laff index {order.folder}` writes it again")
    videos = entries.get("videos")
    if isinstance(videos, str) and (indexed := file.parent / videos).exists() and not same(indexed, order.folder):
        known = os.path.normpath(indexed)
        raise LaffError(f"{file.parent} is the index of {known}; name another workspace by -w, or delete this one")
    inside = file.parent.resolve().is_relative_to(order.folder.resolve())
    folder = order.folder.resolve()
    new_entries = {"name": folder.name or "videos", **entries}
    if not isinstance(videos, str) or not same(file.parent / videos, folder):
        new_entries["videos"] = os.path.relpath(folder, file.parent.resolve()) if inside else str(folder)
    if order.windows is not None:
        new_entries["windows"] = _windows(order.windows, file)
    if order.follow_links:
        new_entries["follow_links"] = True
    if new_entries != entries:
        files.write_text(file, "".join(f"{key}: {yamls.inline(value)}\n" for key, value in new_entries.items()))


def _windows(windows: dict[str, float] | str, file: Path) -> dict[str, float] | str:
    """Windows as collection.yaml says them: a list by its path in full, or from there where it moves along."""
    if isinstance(windows, dict) or windows == "shots":
        return windows
    place, root = Path(windows).resolve(), file.parent.resolve()
    near = root.name == home.NAME and place.is_relative_to(root.parent)
    return os.path.relpath(place, root) if near else str(place)


def _restore(file: Path, old_text: str | None) -> None:
    """Restore collection.yaml; if there was none and nothing has been made, remove the workspace too."""
    if old_text is not None:
        if file.read_text(encoding="utf-8") != old_text:
            files.write_text(file, old_text)
    elif not home.holds(file.parent):
        file.unlink(missing_ok=True)
        with suppress(OSError):  # it holds other files
            file.parent.rmdir()


def _request(order: Order, work: Path, count: int) -> Request:
    """The request: settings of the previous index, changed by those of the order; count: number of videos."""
    stages_file = order.stages if order.stages and order.stages.given else None
    previous = recalled(work, "", stages_file, order.profile)
    if package := order.package or (previous.package if previous else None):
        return _applied(order, work, count, package)
    request = previous or Request(work / FILE, work, order.stages, order.profile or None)
    graph = stages.load(request.stages, request.profile, request.sets, order.trust)
    vectors, ingest = vectors_of(graph), graph.of_step("ingest")
    settings_given = {text.partition("=")[0] for text in request.sets}
    new_sets = []
    names = order.features
    if not names and f"{vectors.name}.from" not in settings_given:
        names = (FEATURE,)
    if names:
        _check(graph, names)
        new_sets += [f"{vectors.name}.from={yamls.inline(list(names))}", f"{vectors.name}.models=[]"]
    if f"{vectors.name}.dtype" not in settings_given:
        new_sets.append(f"{vectors.name}.dtype=float16")
    shard = min(max(count // SHARE, SHARDS[0]), SHARDS[1])
    if previous is None or shard > ingest.values["shard_videos"]:
        new_sets.append(f"{ingest.name}.shard_videos={shard}")
    if order.weights:
        names = names or tuple(source.name for source in kept.kept(graph, vectors))
        if len(names) != 1:
            raise LaffError(f"--weights {order.weights}: of {' or '.join(names)}? name one --feature with it")
        _check_weights(graph, order.weights, names[0])
        new_sets.append(f"{names[0]}.weights={yamls.inline(order.weights)}")
    sets = (*new_sets, *order.sets)
    request = recalled(work, "", stages_file, order.profile, sets) or replace(request, sets=sets)
    return replace(request, trust=order.trust)


def _applied(order: Order, work: Path, count: int, package: Path) -> Request:
    """The request for the models of a package; LaffError for options that the package fixes."""
    options = {"--feature": order.features, "--weights": order.weights, "--profile": order.profile}
    if refused := [option for option, value in options.items() if value]:
        advice = "-w takes an index of another kind"
        raise LaffError(f"package {package} fixes its features, so no {refused[0]} fits; {advice}")
    request = recalled(work, package=package, sets=order.sets) or Request(
        work / FILE, work, sets=order.sets, package=package
    )
    graph = request.graph()
    vectors, ingest = vectors_of(graph), graph.of_step("ingest")
    defaults = {
        f"{vectors.name}.dtype": "float16",
        f"{ingest.name}.shard_videos": min(max(count // SHARE, SHARDS[0]), SHARDS[1]),
    }
    settings_given = {text.partition("=")[0] for text in request.sets}
    sets = (*(f"{param}={value}" for param, value in defaults.items() if param not in settings_given), *request.sets)
    return replace(request, sets=sets, trust=order.trust)


def _check(graph: Graph, names: Sequence[str]) -> None:
    """Raise LaffError for a feature that cannot find videos by sentences."""
    pairs = pairs_of(graph)
    for name in names:
        if name not in pairs:
            reason = "holds no videos and texts in one space" if name in graph.stages else "is no stage"
            raise LaffError(f"--feature {name}: it {reason}, so no sentence finds a video by it{meant(name, pairs)}")


def _check_weights(graph: Graph, weights: str, feature: str) -> None:
    """Raise LaffError for published weights of another feature than the one that is indexed."""
    entry = graph.weights.get(weights)
    with suppress(ValueError):  # what is wrong with the name is told when the stage reads it
        entry = entry or named(weights)
    owners = [name for name in pairs_of(graph) if entry and graph.stages[name].uses == entry.uses]
    if owners and feature not in owners:
        owner = FEATURE if FEATURE in owners else owners[0]
        raise LaffError(f"--weights {weights}: these are weights of {owner}, not of {feature}: add --feature {owner}")
