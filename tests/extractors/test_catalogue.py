"""extractors/weights.yaml: every entry is one that its extractor can be built with, and says where it comes from."""

import importlib
import inspect
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / "extractors" / "weights.yaml"
ENTRIES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
KEYS = {"uses", "params", "feature", "source", "file", "files", "sha256", "licence", "note"}
FEATURES = {"clip-ft", "x3d", "ircsn", "tf", "bert", "wsl", "rx101", "re152"}  # of the paper and its ablations
SHA256 = re.compile(r"[0-9a-f]{64}")


def part(name: str) -> Any:
    """The entry's extractor, built with the entry's params and its name."""
    module, _, name_of_class = ENTRIES[name]["uses"].rpartition(".")
    return getattr(importlib.import_module(module), name_of_class)(**ENTRIES[name]["params"], weights=name)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_what_it_has_to(name: str) -> None:
    entry = ENTRIES[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert set(entry) <= KEYS
    assert {"uses", "params", "source", "file", "licence"} <= set(entry)
    assert entry.get("feature", "clip-ft") in FEATURES
    assert all(entry[key].strip() for key in ("source", "file", "licence"))
    assert "sha256" not in entry or SHA256.fullmatch(entry["sha256"])


@pytest.mark.parametrize("name", ENTRIES)
def test_a_source_is_one_file_or_the_folder_of_the_files_that_are_named(name: str) -> None:
    entry = ENTRIES[name]
    assert re.match(r"https://[a-z0-9.-]+/\S+$|package:[a-z0-9_]+/\S+$", entry["source"])
    assert entry["source"].endswith("/") == ("files" in entry)
    assert PurePosixPath(entry["file"]).name == entry["file"], "a name, not a path"
    for file, digest in entry.get("files", {}).items():
        assert not PurePosixPath(file).is_absolute()
        assert ".." not in PurePosixPath(file).parts
        assert digest is None or SHA256.fullmatch(digest)


@pytest.mark.parametrize("name", ENTRIES)
def test_its_extractor_takes_its_params(name: str) -> None:
    """Constructed, and its preprocessing asked for; no file is read, no network is built."""
    built = part(name)
    assert name == built.weights
    assert "weights" in inspect.signature(type(built)).parameters
    assert built.LAYOUTS
    if "video" in built.sides:
        assert built.sampling.views >= 1
        assert len(built.mean) == len(built.std) == 3


TAGS = {"webli", "meta", "dfndr2b", "metaclip2_worldwide"}
STRONG = ("siglip2-", "pe-core-", "mobileclip2-", "metaclip2-")


def test_models_of_open_clip_are_as_its_table_says() -> None:
    """Address, files, pixels and licence; MobileCLIP2's licence as timm's table says of each image tower."""
    import timm
    from open_clip.pretrained import list_pretrained

    from extractors import clip_published

    published = {}
    for model, tag in ((model, tag) for model, tag in list_pretrained() if tag in TAGS):
        with suppress(ValueError):  # made with another activation
            published[model] = clip_published.entry(model, tag)
    strong = {name: of for name, of in ENTRIES.items() if name.startswith(STRONG)}
    for known in strong.values():
        table = published[known["params"]["model"]]
        assert {key: table[key] for key in ("params", "source", "licence")}.items() <= known.items()
        assert table.get("files") == known.get("files")
    families = [sum(name.startswith(family) for name in strong) for family in STRONG]
    assert min(families) >= 4  # several sizes of each
    towers = [name for name in timm.list_pretrained() if name.endswith("apple_mclip2_dfndr2b")]
    assert {timm.get_pretrained_cfg(name).license for name in towers} == {"apple-amlr"}


def test_no_two_entries_share_a_file() -> None:
    """Upper and lower case aside, since some file systems do not tell them apart."""
    files = [entry["file"].casefold() for entry in ENTRIES.values()]
    assert len(set(files)) == len(files)


def test_the_defaults_of_the_extractors_are_entries() -> None:
    """`weights` of a constructor that names no file; and what the entry fixes is what the constructor has anyway.

    None in a constructor means what the weights say.
    """
    for uses in {entry["uses"] for entry in ENTRIES.values()}:
        module, _, name_of_class = uses.rpartition(".")
        known = inspect.signature(getattr(importlib.import_module(module), name_of_class)).parameters
        entry = ENTRIES[known["weights"].default]
        assert entry["uses"] == uses
        defaults = {name: known[name].default for name in entry["params"]}
        assert {name: value for name, value in entry["params"].items() if defaults[name] is not None} == {
            name: value for name, value in defaults.items() if value is not None
        }


def test_preprocessing_is_that_of_each_publication() -> None:
    """Spot checks against the model zoos' tables: frames, stride, crop and what pictures are resized to."""
    seen = {name: part(name).sampling for name in ENTRIES if name.startswith(("x3d", "ircsn", "timesformer"))}
    shapes = {name: (at.frames, at.stride, at.crop, at.size, at.width, at.crops) for name, at in seen.items()}
    assert shapes["x3d-xs-k400"] == (4, 12, 160, 182, 0, 1)
    assert shapes["x3d-s-k400-slowfast"] == (13, 6, 160, 182, 0, 1)
    assert shapes["x3d-m-k400"] == (16, 5, 224, 256, 0, 1)
    assert shapes["x3d-l-k400-slowfast"] == (16, 5, 312, 356, 0, 1)
    assert shapes["ircsn-152-ig65m"] == (32, 1, 224, 256, 324, 1)
    assert shapes["ircsn-152-ig65m-k400-mmaction2"] == (32, 2, 256, 256, 0, 3)
    assert shapes["timesformer-96x32-howto100m"] == (96, 32, 224, 224, 0, 3)
    assert shapes["timesformer-16x16-448-k600"] == (16, 16, 448, 448, 0, 3)
    assert shapes["timesformer-64-ssv2"] == (64, 0, 224, 224, 0, 3)
    assert (seen["ircsn-152-ig65m"].fps, seen["ircsn-152-ig65m-k400-mmaction2"].fps) == (15.0, 0.0)
    assert part("ircsn-152-ig65m-k400-mmaction2").mean == pytest.approx([123.675 / 255, 116.28 / 255, 103.53 / 255])
    assert part("ircsn-152-ig65m-k400-mmaction2").std == pytest.approx([58.395 / 255, 57.12 / 255, 57.375 / 255])
