"""Ids: which text may be one, and every format that delimits by white space or `#`, in and out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline import ids
from pipeline.errors import Problems
from pipeline.items.lists import Captions, read_captions
from pipeline.items.queries import load as load_queries
from pipeline.items.splits import read_ids
from pipeline.rows import reading
from pipeline.runfiles.trec import read_run, write_run

ODD = [
    "a b",
    "100% of %20",
    "clip #3",
    "Été/день 1",
    "a\u3000b\u00a0c",
    "#",
    "%",
    "日本語の動画",
    "👨‍👩‍👧 at home",
    "a..b",
    ".x",
]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *((id_, "") for id_ in ODD),
        ("", "an empty id"),
        ("a\tb", "id 'a\\tb' has the control character '\\t'"),
        ("a\u2028b", "id 'a\\u2028b' has the line break '\\u2028'"),
        ("caf\udce9", "id 'caf\\udce9' has the half of a character '\\udce9'"),
        ("../a", "id '../a' should be like a path below"),
        ("/a", "id '/a' should be like a path below"),
        ("a//b", "id 'a//b' should be like a path below"),
        ("a/./b", "id 'a/./b' should be like a path below"),
        ("..", "id '..' is no name"),
    ],
)
def test_what_may_be_an_id(text: str, why: str) -> None:
    assert ids.wrong(text).startswith(why)
    assert bool(ids.wrong(text)) is bool(why)


def test_an_id_has_one_spelling() -> None:
    """An accent may be a letter's own, or stand behind it: NFC."""
    assert ids.clean(" e\u0301te\u0301 ") == "\u00e9t\u00e9"
    assert ids.decoded("e%CC%81") == "\u00e9"


def test_escapes_by_hand() -> None:
    """As RFC 3986 has them: % and the bytes of UTF-8, in upper case."""
    assert ids.encoded("a b%\u3000#") == "a%20b%25%E3%80%80#"
    assert ids.encoded_before_hash("a b#1") == "a%20b%231"
    assert ids.decoded("caf%E9") == "caf%E9"  # no UTF-8, so no escape of ours


def _id_list(folder: Path) -> list[str]:
    file, problems = folder / "ids.txt", Problems()
    file.write_text("".join(f"{ids.encoded(id_)}\n" for id_ in ODD), encoding="utf-8")
    read = read_ids(file, "test", {}, problems)
    assert not list(problems)
    return read


def _captions(folder: Path) -> list[str]:
    file, problems = folder / "captions.txt", Problems()
    file.write_text("".join(f"{ids.encoded_before_hash(id_)}#7 a cat\n" for id_ in ODD), encoding="utf-8")
    captions = Captions()
    assert read_captions(file, {"test": ODD}, {"test": captions}, ODD, problems) == []
    assert not list(problems)
    assert captions.ids == [f"{id_}#7" for id_ in ODD]
    return captions.videos


def _queries(folder: Path) -> list[str]:
    file = folder / "topics.txt"
    file.write_text("".join(f"{ids.encoded(id_)}  a cat\n" for id_ in ODD), encoding="utf-8")
    return [id_ for id_, _ in load_queries(file)]


def _run_items(folder: Path) -> list[str]:
    write_run(folder / "run.gz", [("q", [(id_, -float(rank)) for rank, id_ in enumerate(ODD)])], "laff")
    ((_, items),) = read_run(folder / "run.gz")
    return [item for item, _ in items]


def _run_queries(folder: Path) -> list[str]:
    write_run(folder / "run.gz", [(id_, [("v", 1.0)]) for id_ in ODD], "laff")
    return [query for query, _ in read_run(folder / "run.gz")]


def _bigfile(folder: Path) -> list[str]:
    np.zeros((len(ODD), 2), "<f4").tofile(folder / "feature.bin")
    (folder / "shape.txt").write_text(f"{len(ODD)} 2")
    (folder / "id.txt").write_text(" ".join(map(ids.encoded, ODD)), encoding="utf-8")
    return reading.ids_of(folder)


# Formats that delimit by white space or #. CSV, JSON and HDF5 have quotes or lengths, and hold ids as they are.
FORMATS: dict[str, Callable[[Path], list[str]]] = {
    "id lists": _id_list,
    "VIDEO#n text": _captions,
    "ID text": _queries,
    "items of TREC runs": _run_items,
    "queries of TREC runs": _run_queries,
    "id.txt of a BigFile": _bigfile,
}


@pytest.mark.parametrize("form", FORMATS)
def test_formats_that_delimit_hold_any_id(tmp_path: Path, form: str) -> None:
    assert FORMATS[form](tmp_path) == ODD


def test_a_run_file_has_six_fields_whatever_ids_hold(tmp_path: Path) -> None:
    write_run(tmp_path / "run.gz", [("a b#0", [("my clip", 0.5)])], "laff")
    import gzip

    assert gzip.decompress((tmp_path / "run.gz").read_bytes()) == b"a%20b#0 Q0 my%20clip 1 0.5 laff\n"
