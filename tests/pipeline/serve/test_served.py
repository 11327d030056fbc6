"""Workspaces that are served: their keys, and what happens when one changes on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.run import run
from pipeline.serve import served as module
from pipeline.serve.problems import Refused
from pipeline.serve.question import Question
from pipeline.serve.served import of_key, served
from tests.pipeline.kept import Small

QUESTION = Question("", "red circle moves left", k=3)


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.0)
    monkeypatch.setattr(module, "WAIT", 0.0)


def test_keys_are_made_of_names_and_differ(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    workspaces = served([small.work, copy.work, small.work])
    assert list(workspaces) == ["small", "small-2"]
    assert of_key(workspaces, "").key == "small"
    assert of_key(workspaces, "small-2").work == copy.work
    with pytest.raises(Refused, match=r"no workspace 'smal' is served here; did you mean 'small'\?"):
        of_key(workspaces, "smal")


def test_a_workspace_that_does_not_change_stays_open(small: Small) -> None:
    one = served([small.work])["small"]
    assert one.current() is one.now is one.current()


def test_a_workspace_that_was_changed_is_opened_anew(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    copy.run("vectors", sets=("train.seeds=[3]",))
    one = served([copy.work])["small"]
    before = one.current()
    copy.run("vectors")
    assert one.current() is not before
    assert one.current().version == before.version  # the items have the same numbers
    assert one.note == ""


def test_a_change_that_does_not_concern_the_answers_leaves_them_and_is_told(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    copy.run("vectors")
    one = served([copy.work])["small"]
    before = one.current().answer(QUESTION)["hits"]
    (copy.work / "run.yaml").write_text("half of a")
    assert one.current().answer(QUESTION)["hits"] == before
    assert "small is being changed, and answers are of before" in one.note


def test_answers_from_what_is_half_replaced_are_refused(small: Small, tmp_path: Path) -> None:
    copy = small.copy(tmp_path / "copy")
    copy.run("vectors")
    one = served([copy.work])["small"]
    (copy.work / "run.yaml").write_text("half of a")
    for shard in (copy.work / "vectors").rglob("*.h5"):
        os.utime(shard, (1, 1))
    with pytest.raises(Refused, match="small is being changed; search again when that has ended") as refused:
        one.current()
    assert refused.value.status == 503


def test_a_workspace_of_a_package_is_served_as_one_that_trains(small: Small, tmp_path: Path) -> None:
    package = small.pack(tmp_path / "package")
    run(small.applied(package, tmp_path / "work"), ())
    [one] = served([tmp_path / "work"]).values()
    assert [model["name"] for model in one.now.about["models"]] == ["laff"]
    trained = served([small.work])["small"].now.answer(QUESTION)["hits"]
    assert [hit["id"] for hit in one.now.answer(QUESTION)["hits"]] == [hit["id"] for hit in trained]


def test_what_cannot_be_searched_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="is not indexed yet"):
        served([tmp_path])
