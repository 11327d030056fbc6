"""package.yaml: what is not of this format, of a newer laff, or names files elsewhere is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import LaffError
from pipeline.package import manifest
from tests.pipeline.kept import Small


@pytest.fixture
def changed(small: Small, tmp_path: Path) -> Callable[..., Path]:
    """`changed(key=value)`: a package whose package.yaml says these."""

    def make(**said: Any) -> Path:
        out = small.pack(tmp_path / "OUT")
        content = yaml.safe_load((out / manifest.NAME).read_text())
        (out / manifest.NAME).write_text(yaml.safe_dump(content | said))
        return out

    return make


def test_what_was_packaged_is_read_back(small: Small, tmp_path: Path) -> None:
    out = small.pack(tmp_path / "OUT", "concat/seed2", "laff")
    found = manifest.read(out)
    assert found.models == ["concat/seed2", "laff/seed1"]
    assert found.trained == {"concat/seed2": "train/concat/seed2/best.pt", "laff/seed1": "train/laff/seed1/best.pt"}
    assert found.learned == {"bow": "learned/bow/best.pt"}
    assert {name: shape[0] for name, shape in found.widths.items() if name != "bow"} == {"one": 6, "other": 9}
    assert manifest.is_package(out)
    assert not manifest.is_package(tmp_path)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"package": 2}, "a package of format 2, and this laff reads format 1"),
        ({"version": "99.0"}, "made by laff 99.0, and this is .*: upgrade laff"),
        ({"package": 7, "version": "99.0"}, "upgrade laff"),
        ({"models": 3}, "models should be a list"),
        ({"learned": {"bow": "README.md"}}, "bow: its file 'README.md' is not among `files`"),
        ({"widths": {"one": "wide"}}, r"widths: one is 'wide'; it should be \[width, frames\]"),
        ({"files": {"stages.yaml": "z" * 3000}}, "the sha256 of stages.yaml is 'z{79}…"),
        ({"weights": [{"stage": "x3d"}]}, "should be a mapping with stage and param"),
    ],
)
def test_what_cannot_be_applied_is_told(changed: Callable[..., Path], said: dict[str, Any], told: str) -> None:
    with pytest.raises(LaffError, match=told):
        manifest.read(changed(**said))


@pytest.mark.parametrize("name", ["../best.pt", "/etc/passwd", "a/../../b", "learned//bow", "a\\b", "."])
def test_a_name_that_leads_out_is_refused(changed: Callable[..., Path], name: str) -> None:
    with pytest.raises(LaffError, match=r"leads out of the package|no name of a file"):
        manifest.read(changed(files={"stages.yaml": "0" * 64, name: "0" * 64}))


def test_a_link_is_refused(small: Small, tmp_path: Path) -> None:
    out = small.pack(tmp_path / "OUT")
    (out / "learned").rename(tmp_path / "elsewhere")
    (out / "learned").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LaffError, match="learned is a link; a package holds its files itself"):
        manifest.read(out)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"is no package: it has no package.yaml"):
        manifest.read(tmp_path)
    with pytest.raises(LaffError, match="is not there; where it was moved"):
        manifest.read(tmp_path / "gone")
    (tmp_path / manifest.NAME).write_text("[1, 2]")
    with pytest.raises(LaffError, match="is not as laff wrote it"):
        manifest.read(tmp_path)
