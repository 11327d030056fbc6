"""Numbers of NumPy are read beside tensors, objects are named by their class, and nothing is executed."""

import pickle
from argparse import Namespace
from collections import OrderedDict, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from extractors.pickled import ALLOWED, refused
from extractors.tensors import read

STATE = {"a.weight": torch.ones(2)}


@pytest.mark.parametrize(
    "kept",
    [np.float64(0.3), np.float32(0.5), np.int64(3), np.uint8(7), np.bool_(True), np.str_("best"), np.complex64(1j)],
)
def test_numbers_of_numpy_do_no_harm(tmp_path: Path, kept: Any) -> None:
    for new in (True, False):
        torch.save({"state_dict": STATE, "best": kept}, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
        assert read(tmp_path / "a.pt").keys() == STATE.keys()


def test_numbers_as_numpy_1_wrote_them(tmp_path: Path) -> None:
    """Its modules had no underscore in their names."""
    torch.save({"a": torch.ones(2), "best": np.float64(0.3)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pt").read_bytes()
    assert content.count(b"cnumpy._core.multiarray\n") == 1
    (tmp_path / "a.pt").write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    assert read(tmp_path / "a.pt").keys() == {"a"}


def test_what_is_allowed_is_a_fixed_list_and_only_while_a_file_is_read(tmp_path: Path) -> None:
    """No arrays, no objects; other code in this process that reads pickles is not given more."""
    types = {type(np.dtype(code)) for code in ("O", "V", "M8[s]", "m8[s]")}
    assert not types.intersection(ALLOWED)
    before = {*torch.serialization.get_safe_globals()}
    torch.save(STATE, tmp_path / "a.pt")
    read(tmp_path / "a.pt")
    assert {*torch.serialization.get_safe_globals()} == before


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil-was-here"),)


class Setting:
    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Namespace, "evil", True)


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        (datetime(2026, 1, 2), "datetime.datetime"),
        (np.ones(2), "numpy._core.multiarray._reconstruct, numpy.ndarray"),
        (Path("x"), "pathlib.PosixPath"),
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (defaultdict(int), "collections.defaultdict"),
        (Setting(), "setattr"),
        (Evil(), "pathlib.PosixPath"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "old", "pickle"])
def test_objects_are_named_by_their_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Any, named: str, kind: str
) -> None:
    """Whoever wrote the file: torch as of now, torch before 1.6, or pickle itself."""
    monkeypatch.chdir(tmp_path)
    content = OrderedDict(a=[1, 2.5, "text", None], kept=kept, again=kept)
    if kind == "pickle":
        Path("a.pt").write_bytes(pickle.dumps(content, protocol=4))
    else:
        torch.save(content, "a.pt", _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(ValueError, match=r"a\.pt: not a checkpoint of tensors and plain values: it holds ") as caught:
        read(Path("a.pt"))
    words = str(caught.value).partition("it holds ")[2].partition(", which could run code; ")[0]
    assert {name.rpartition(".")[2] for name in named.split(", ")} <= {
        name.rpartition(".")[2] for name in words.split(", ")
    }
    assert "OrderedDict" not in words
    assert "GLOBAL" not in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's own advice would be to run it
    assert not Path("evil-was-here").exists()
    assert not hasattr(Namespace, "evil")


@pytest.mark.parametrize("content", [b"", b"no pickle at all", b"\x80\x04\x95"])
def test_what_is_no_pickle_names_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    assert refused(tmp_path / "a.pt") == []
