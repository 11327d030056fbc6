"""A VisualSearch tree, which the LAFF authors' code reads: for each split a collection NAMEsplit with its features.

OUT/NAMEtrain/FeatureData/x3d/{feature.bin,id.txt,shape.txt}      clip level; frame level in FeatureData/frame/
OUT/NAMEtrain/TextData/bow/{feature.bin,id.txt,shape.txt}
OUT/NAMEtrain/TextData/NAMEtrain.caption.txt                      VIDEO#n text
OUT/NAMEtrain/VideoSets/NAMEtrain.txt                             an id a line
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.exporting import bigfile
from pipeline.exporting.id_lists import written
from pipeline.exporting.table import Table
from pipeline.items.catalog import Catalog
from pipeline.items.splits import SPLITS

UNSAFE = re.compile(r"[^\w.+-]+")  # in the name of a folder that other programs read
BREAKS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def splits_of(catalog: Catalog) -> list[str]:
    """The splits that have videos of their own."""
    return [split for split in SPLITS if split not in catalog.aliases and len(catalog.split_videos(split))]


def collection(name: str, split: str) -> str:
    """The name of a split's collection in the tree."""
    return f"{UNSAFE.sub('_', name)}{split}"


def write_feature(set_name: str, table: Table, folder: Path, name: str) -> list[str]:
    """Write the BigFile of a feature into the collection `set_name`; returns its files, relative to `folder`."""
    kind = "FeatureData" if table.side == "video" else "TextData"
    level = "frame/" if table.frames else ""
    return bigfile.write(table, folder, f"{set_name}/{kind}/{level}{name}")


def write_lists(catalog: Catalog, split: str, set_name: str, folder: Path) -> list[str]:
    """Write the list and the captions of a split; returns their files, relative to `folder`."""
    names = [f"{set_name}/VideoSets/{set_name}.txt"]
    videos = [written(id_, "video") for id_ in catalog.ids("video", catalog.split_videos(split).tolist())]
    _write(folder / names[0], videos)
    captions = catalog.split_captions(split)
    if len(captions):
        names.append(f"{set_name}/TextData/{set_name}.caption.txt")
        _write(folder / names[1], _captions(catalog, captions))
    return names


def _captions(catalog: Catalog, rows: np.ndarray) -> list[str]:
    """The lines `VIDEO#n text` of captions; a line break in a text becomes a space."""
    return [f"{written(catalog.captions[row], 'text')} {BREAKS.sub(' ', catalog.texts[row])}" for row in rows.tolist()]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
