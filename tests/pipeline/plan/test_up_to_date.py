"""What is not up to date, and why: the one answer that search, analyze, compare and package are built on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.plan.context import Context
from pipeline.plan.up_to_date import check_up_to_date, not_up_to_date

Collect = Callable[..., Path]
Surroundings = Callable[..., Context]
Finish = Callable[[Context], None]
TRAIN = {"a": ["one of a"], "b": ["one of b"]}


@pytest.fixture
def finished(collect: Collect, surroundings: Surroundings, finish: Finish) -> Path:
    """The yaml of a collection whose every stage is finished."""
    path = collect(train=TRAIN)
    finish(surroundings(path))
    return path


def test_nothing_where_all_is_finished(finished: Path, surroundings: Surroundings) -> None:
    context = surroundings(finished)
    assert not_up_to_date(context, context.graph.stages) == []
    check_up_to_date(context, context.graph.stages, "run it")


def test_stages_in_the_order_of_their_names(collect: Collect, surroundings: Surroundings) -> None:
    context = surroundings(collect(train=TRAIN))
    states = not_up_to_date(context, ["bow", "decode"])
    assert [(state.stage, state.why) for state in states] == [("bow", "not made yet"), ("decode", "not made yet")]


def test_only_the_units_that_matter(finished: Path, surroundings: Surroundings) -> None:
    """Another learning rate makes all trainings stale; who asks for one model is told of that one."""
    context = surroundings(finished, ["train.lr=0.5"])
    (state,) = not_up_to_date(context, ["train"], lambda stage, unit: (stage, unit.key) == ("train", "laff/seed1"))
    assert [unit.key for unit in state.todo] == ["laff/seed1"]
    assert state.why == "lr 0.0001 → 0.5"
    assert not_up_to_date(context, ["train"], lambda stage, unit: unit.side == "video") == []


def test_the_error_of_what_was_never_made_names_the_other_runs(collect: Collect, surroundings: Surroundings) -> None:
    """No settings help: a run that was interrupted, for one, is the one that the workspace remembers."""
    context = surroundings(collect(train=TRAIN))
    with pytest.raises(LaffError) as error:
        check_up_to_date(context, ["bow"], "run `laff bow` first")
    assert str(error.value).startswith(
        f"bow in {context.work.root} is not up to date (not made yet); run `laff bow` first; `"
    )
    assert str(error.value).endswith(f" runs -w {context.work.root}` lists other runs, which --name takes")


def test_the_error_says_which_stage_why_and_what_to_do(finished: Path, surroundings: Surroundings) -> None:
    context = surroundings(finished, ["train.lr=0.5"])
    with pytest.raises(LaffError) as error:
        check_up_to_date(context, ["x3d", "train", "rank"], "run `laff train`")
    assert str(error.value) == (
        f"train in {context.work.root} is not up to date (lr 0.0001 → 0.5); give the same --profile, --set and "
        "--stages as when it was made, or run `laff train`"
    )
