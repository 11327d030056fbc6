"""A machine without a package does all that does not need it, and says what is missing where something does."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.rows import shards
from tests.forked import Forked, Process
from tests.hiding import MODULES, site

# What needs the package: a stage, or an option of `run`. decord has a test of its own.
NEEDED_BY = {
    "av": "decode",
    "open_clip_torch": "finetune",
    "pytorchvideo": "x3d",
    "gensim": "w2v",
    "distributed": "--workers",
}
PLANNED = ("x3d", "w2v")  # their classes say what they need
# Who is said to need it, where that is not the name above.
TOLD = {"decode": "a decoder process"}


class Machine:
    """`laff` on a machine without one package."""

    def __init__(self, forked: Forked, package: str, folder: Path) -> None:
        self.forked, self.package = forked, package
        self.environment = os.environ | {"PYTHONPATH": str(site(folder / "site", [package]))}

    def laff(self, *words: object) -> Process:
        process = self.forked.start("hiding:laff", [[self.package]], [*map(str, words)], environment=self.environment)
        process.wait()
        return process


@pytest.fixture(params=MODULES)
def machine(request: pytest.FixtureRequest, forked: Forked, tmp_path: Path) -> Machine:
    return Machine(forked, request.param, tmp_path)


def test_every_package_is_tried() -> None:
    assert NEEDED_BY.keys() | {"decord"} == MODULES.keys()


def test_cached_features_serve_everywhere(ran: Any, machine: Machine, tmp_path: Path) -> None:
    """Help, plan, a training of its own on features made elsewhere, and what comes of it."""
    copy = ran.copy(tmp_path / "made")
    before = copy.state()
    assert machine.laff("--help").poll() == 0
    assert machine.laff("plan", *copy.options()).poll() == 0
    cached = machine.laff("run", *copy.options())
    assert cached.out().startswith("nothing to do"), cached.said()
    trained = machine.laff("run", *copy.options("train.seeds=[3]"))
    assert trained.poll() == 0, trained.said()
    assert (copy.work / "train" / "laff" / "seed3" / "best.pt").is_file()
    after = copy.state()
    assert {
        name: after[name] for name in before if name.endswith(".h5") and "rank" not in name
    }.items() <= before.items()
    for words in (["verify", "-w", copy.work], ["failures", "-w", copy.work]):
        process = machine.laff(*words)
        assert process.poll() == 0, process.said()


@pytest.mark.parametrize("machine", NEEDED_BY, indirect=True)
def test_what_needs_it_says_so(tiny: Any, machine: Machine, tmp_path: Path) -> None:
    copy = tiny.copy(tmp_path / "made")
    who = NEEDED_BY[machine.package]
    option = [who, "2"] if who.startswith("--") else []
    process = machine.laff("run", *copy.options(), *option)
    assert process.poll() == 1, process.said()
    assert "Traceback" not in process.said()
    message = process.err()[process.err().rindex("Error: ") :]
    assert f"needs the package {machine.package}, which is not installed here" in message
    assert f"pip install {machine.package}" in message
    begins = f"Error: packages: 1 problem\n  - {who}" if who in PLANNED else f"Error: {TOLD.get(who, who)}"
    assert message.startswith(f"{begins} needs "), message
    if option or who in PLANNED:  # before any work
        assert not copy.work.joinpath("decode").exists()
    else:  # what stands before it is done and kept
        assert (copy.work / "ingest" / "table.h5").is_file()
        shutil.rmtree(copy.work)


def test_trainings_read_the_width_of_a_published_clip_from_its_shards(
    tiny: Any, forked: Forked, tmp_path: Path
) -> None:
    """open_clip alone knows the shape of its models, and a training on their cached features needs only the rows."""
    copy = tiny.copy(tmp_path / "made")
    sets = ("clip.model=ViT-S-32-alt", "clip.frames=1", "train.from=[clip, bow]", "rank.pairs={}")
    copy.run(*sets, targets=("clip", "bow"))
    without = Machine(forked, "open_clip_torch", tmp_path)
    trained = without.laff("run", *copy.options(*sets))
    assert trained.poll() == 0, trained.said()
    assert (copy.work / "evaluate" / "metrics.json").is_file()


def test_decord_is_needed_where_it_is_to_read_and_nowhere_else(tiny: Any, forked: Forked, tmp_path: Path) -> None:
    copy = tiny.copy(tmp_path / "made")
    without = Machine(forked, "decord", tmp_path)
    decord = "decode.decoder=decord"
    needs = "decoder=decord of the decode step needs the package decord, which is not installed here"
    for target in ("x3d", "finetune"):
        refused = without.laff("run", target, *copy.options(decord))
        assert refused.poll() == 1
        assert refused.said().count(needs) == 1
        assert "pip install decord" in refused.said()
        assert "Traceback" not in refused.said()
        assert not (copy.work / "ingest").exists()  # it is told before any work
    read = without.laff("run", "x3d", *copy.options())
    assert read.poll() == 0, read.said()
    assert copy.run(decord, targets=("x3d",)).made == {"x3d": 3}
    assert shards.read(copy.work / "x3d" / "00000.h5").attributes["decoder"].startswith("decord ")
    cached = without.laff("run", "x3d", "bow", *copy.options(decord))
    assert cached.poll() == 0, cached.said()
    assert "x3d: " not in cached.err()  # its rows serve here
