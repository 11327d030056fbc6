"""The stages of a run: where each stands, and what is told of them when the run is cut off."""

from pipeline.progress import Stages
from pipeline.progress.stages import State


def states(stages: Stages) -> dict[str, str]:
    return {name: row.state.value for name, row in stages.rows.items()}


def test_a_stage_goes_from_waiting_to_done() -> None:
    stages = Stages(["ingest", "decode", "train"], {"decode": 2, "train": 3})
    assert states(stages) == {"ingest": "cached", "decode": "waiting", "train": "waiting"}
    stages.begin("decode", 2, "not made yet")
    stages.unit("decode", "a", ["v1"])
    assert (states(stages)["decode"], stages.rows["decode"].made) == ("now", {"a"})
    stages.end("decode", ["a"], 1.0)
    assert states(stages)["decode"] == "now"  # it was cut off
    stages.unit("decode", "b", ["v1", "v2"])
    stages.end("decode", ["a", "b"], 2.0)
    assert states(stages)["decode"] == "done"
    assert stages.failed == 2
    stages.skip("decode")  # it is done, not cached
    stages.skip("train")  # its sources came out as they had been
    assert states(stages) == {"ingest": "cached", "decode": "done", "train": "cached"}
    assert [row.name for row in stages.of(State.CACHED)] == ["ingest", "train"]


def test_a_run_that_is_cut_off_tells_what_is_finished() -> None:
    stages = Stages(["ingest", "decode", "x3d", "train"], {"decode": 2, "x3d": 1500, "train": 3})
    assert stages.told() == "nothing was finished in this run; still to be made: decode 2, x3d 1,500, train 3"
    stages.begin("decode", 2, "")
    stages.end("decode", ["a", "b"], 1.0)
    stages.begin("x3d", 1500, "")
    stages.unit("x3d", "a", [])
    assert stages.told() == ("finished in this run: decode 2, x3d 1 of 1,500; still to be made: x3d 1,499, train 3")


def test_a_stage_of_another_run_is_left_alone() -> None:
    """A context whose progress nobody shows has no stages."""
    stages = Stages()
    stages.unit("x3d", "a", ["v1"])
    assert (stages.rows, stages.failed) == ({}, 0)
