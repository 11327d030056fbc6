"""Writes and reads shards, the HDF5 files of features; docs/files.md has their layout as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from extractors.base import Sampling
from pipeline.errors import LaffError
from pipeline.rows import large
from pipeline.rows.container import checked, create

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass
class Shard:
    """The rows of one shard in memory."""

    ids: list[str]  # [V]
    values: "np.ndarray | csr_matrix"  # [V, D]; of a feature of frames [V, T, D]
    attributes: dict[str, Any]
    failed: list[dict[str, str]]  # ledger lines of the items that have no row
    frames: np.ndarray | None = None  # [V] int32, of a feature of frames: how many of the T are the video's own


def write(
    path: Path,
    ids: Sequence[str],
    values: "np.ndarray | csr_matrix",
    attributes: dict[str, Any],
    failed: Sequence[dict[str, str]] = (),
    extra: dict[str, np.ndarray] | None = None,
    frames: np.ndarray | None = None,
    notes: Sequence[dict[str, str]] = (),
    order: Sequence[str] = (),
) -> None:
    """Write a shard, whole or not at all.

    ids [V]; values [V, D] dense, or CSR, kept as indptr, indices, data; or [V, T, D], with `frames` [V]: how many of
    the T are the video's own. `attributes` are kept as JSON, except text and numbers; `failed` are the ledger's lines
    of items without a row, `notes` those of items whose row has a flaw; `extra` are further datasets of V rows;
    `order` are the ids of all items that were tried, with and without a row, for `read_members`.
    """
    import h5py

    if values.shape[0] != len(ids):
        raise LaffError(f"{path}: {len(ids)} ids but {values.shape[0]} rows of values")
    later: list[large.Large] = []
    with create(path, later) as file:
        file.create_dataset("ids", data=list(ids), dtype=h5py.string_dtype(), shape=(len(ids),))
        if isinstance(values, np.ndarray):
            large.put(file, "values", values, later)
        else:
            for part in ("indptr", "indices", "data"):
                large.put(file, part, getattr(values, part), later)
            file.attrs["columns"] = values.shape[1]
        if frames is not None:
            file.create_dataset("frames", data=frames, dtype=np.int32, shape=(len(ids),))
        for name, data in (extra or {}).items():
            file.create_dataset(name, data=data)
        for name, entries in (("failed", failed), ("notes", notes)):
            lines = [json.dumps(line, ensure_ascii=False) for line in entries]
            file.create_dataset(name, data=lines, dtype=h5py.string_dtype(), shape=(len(lines),))
        if failed and order:
            place_of = {id_: at for at, id_ in enumerate(order)}
            file.create_dataset("failed_at", data=np.array([place_of[line["video"]] for line in failed], np.int32))
        for name, value in attributes.items():
            file.attrs[name] = value if isinstance(value, str | int | float) else json.dumps(value)


def read(path: Path) -> Shard:
    """A shard with all its rows; its checksum is checked first. LaffError where it is missing or damaged."""
    try:
        with checked(path) as file:
            if "values" in file:
                values: Any = file["values"][:]
            else:
                from scipy.sparse import csr_matrix

                values = csr_matrix(
                    (file["data"][:], file["indices"][:], file["indptr"][:]),
                    shape=(len(file["ids"]), int(file.attrs["columns"])),
                )
            failed = [json.loads(line) for line in file["failed"].asstr()[:]] if "failed" in file else []
            frames = file["frames"][:] if values.ndim == 3 else None
            return Shard(file["ids"].asstr()[:].tolist(), values, attributes(file), failed, frames)
    except (OSError, KeyError, ValueError) as error:
        raise LaffError(
            f"{path}: not a readable shard ({error}); `laff verify` finds all such files, the next run makes them again"
        ) from None


def attributes(file: Any) -> dict[str, Any]:
    """The attributes of an open shard as plain values."""
    return {name: value.item() if hasattr(value, "item") else value for name, value in file.attrs.items()}


def shape(path: Path) -> tuple[int, int]:
    """The width of a shard's rows, and the most frames of a video (1: a row a video); the rows are not read."""
    import h5py

    try:
        with h5py.File(path) as file:
            if "values" not in file:
                return int(file.attrs["columns"]), 1
            _, *frames, width = file["values"].shape
            return width, frames[0] if frames else 1
    except (OSError, KeyError) as error:
        raise LaffError(f"{path}: not a readable shard ({error}); `laff verify` finds all such files") from None


def marks(path: Path) -> dict[str, Any] | None:
    """The marks by which a plan knows a shard that its index lacks; None where the shard is damaged."""
    try:
        with checked(path) as file:
            known = attributes(file)
            return {
                "fingerprint": known["fingerprint"],
                "content": known["content"],
                "recipe": json.loads(known["recipe"]),
                "rows": len(file["ids"]),
                "failed": [json.loads(line) for line in file["failed"].asstr()[:]],
                "notes": [json.loads(line) for line in file["notes"].asstr()[:]] if "notes" in file else [],
            }
    except (OSError, KeyError, ValueError):
        return None


def column(path: Path, name: str) -> np.ndarray:
    """A further dataset of a shard, such as `packets` of decode."""
    import h5py

    with h5py.File(path) as file:
        data = file[name]
        return np.asarray(data.asstr()[:] if h5py.check_string_dtype(data.dtype) else data[:])


def describe(path: Path) -> str:
    """The content of a file for `laff show`: datasets with shapes, attributes, failures."""
    import h5py

    if path.is_dir():
        raise LaffError(f"{path} is a folder; show one of the .h5 files in it")
    if path.suffix != ".h5" and not h5py.is_hdf5(path):
        raise LaffError(f"{path}: this shows shards, the .h5 files of a stage, such as WORK/x3d/00000.h5{_other(path)}")
    lines = [str(path)]
    try:
        with h5py.File(path) as file:
            for name, data in file.items():
                lines.append(f"  {name:12} {list(data.shape)} {data.dtype if data.dtype != object else 'text'}")
            for name, value in sorted(attributes(file).items()):
                lines += _line(name, value)
            for name in ("failed", "notes"):
                if name in file:
                    lines += [f"  {name}: {line}" for line in file[name].asstr()[:]]
    except OSError as error:
        raise LaffError(f"{path}: not a readable HDF5 file ({error})") from None
    return "\n".join(lines)


def _other(path: Path) -> str:
    """How to look at a file that is no shard; '' where laff has no hint."""
    if path.suffix == ".pt":
        return "; `laff analyze weights` shows what is in a trained model"
    return {
        ".gz": f"; this one is text: zcat {path}",
        ".yaml": "; this one is text",
        ".jsonl": "; this one is text",
    }.get(path.suffix, "")


def _line(name: str, value: Any) -> list[str]:
    """The lines of an attribute: one, or several where it has parts; a sampling in words too."""
    try:
        parts = json.loads(value) if isinstance(value, str) and value.startswith("{") else None
    except ValueError:
        parts = None
    if parts is None:
        return [f"  @{name} = {value}"]
    if name == "sampling":
        return [f"  @sampling = {_words(parts)}", f"    {value}"]
    pretty = yaml.safe_dump(parts, allow_unicode=True, width=120).rstrip()
    return [f"  @{name} =", *(f"    {line}" for line in pretty.split("\n"))]


def _words(fields: dict[str, Any]) -> str:
    """A Sampling in words, from its fields; fields of another version of laff have none."""
    try:
        return str(Sampling(**fields))
    except (TypeError, ValueError):
        return "of another version of laff"


def read_ids(path: Path) -> list[str]:
    """The ids of a shard."""
    import h5py

    with h5py.File(path) as file:
        ids: list[str] = file["ids"].asstr()[:].tolist()
        return ids


def read_failed(path: Path) -> list[dict[str, str]]:
    """The ledger's lines of a shard."""
    import h5py

    with h5py.File(path) as file:
        return [json.loads(line) for line in file["failed"].asstr()[:]]


def read_members(path: Path) -> list[str] | None:
    """The ids of all items that were tried for a shard, in order, with and without a row.

    None where the places of those without a row are not known, as in shards of earlier versions.
    """
    import h5py

    with h5py.File(path) as file:
        ids: list[str] = file["ids"].asstr()[:].tolist()
        failed = [json.loads(line)["video"] for line in file["failed"].asstr()[:]]
        if failed and "failed_at" not in file:
            return None
        for at, id_ in sorted(set(zip(file["failed_at"][:].tolist(), failed, strict=True))) if failed else ():
            ids.insert(at, id_)
        return ids
