"""Files of a package that do not fit its stages, in spite of right digests: told before anything is made."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph.graph import Package
from pipeline.package import manifest
from pipeline.package.intact import intact
from pipeline.run import run
from tests.pipeline.kept import Small


@pytest.fixture(scope="module")
def package(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read only."""
    return small.pack(tmp_path_factory.mktemp("package") / "OUT", "laff")


def a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state": print}, protocol=2))


def other_tensors(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    torch.save(content | {"state": {"strange": torch.ones(3)}}, path)


def other_shapes(path: Path) -> None:
    content = torch.load(path, weights_only=True)
    torch.save(content | {"state": {name: value[:1] for name, value in content["state"].items()}}, path)


@pytest.mark.parametrize(
    ("name", "change", "target"),
    [
        ("train/laff/seed1/best.pt", a_pickle, "vectors"),
        ("train/laff/seed1/best.pt", other_tensors, "vectors"),
        ("train/laff/seed1/best.pt", other_shapes, "vectors"),
        ("learned/bow/best.pt", a_pickle, "bow"),
        ("learned/bow/best.pt", other_tensors, "bow"),
    ],
)
def test_a_file_that_does_not_fit_is_told_before_anything_is_made(
    small: Small, package: Path, tmp_path: Path, name: str, change: Callable[[Path], None], target: str
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(package, out)
    change(out / name)
    content = yaml.safe_load((out / manifest.NAME).read_text())
    content["files"][name] = files.sha256(out / name)
    (out / manifest.NAME).write_text(yaml.safe_dump(content))
    with pytest.raises(LaffError) as error:
        run(small.applied(out, tmp_path / "work"), [target])
    assert str(error.value) == (
        f"package {out} is damaged or was changed: {name} does not fit its stages; copy the package anew from where it "
        "was made"
    )
    assert not list((tmp_path / "work").rglob("*.h5"))


def test_of_a_file_of_ones_own_nothing_is_said(package: Path, tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"^x$"), intact(None, tmp_path / "best.pt"):
        raise LaffError("x")
    with pytest.raises(KeyError), intact(Package(package, "", "", {}, {}, {}, {}), tmp_path / "best.pt"):
        raise KeyError("x")
