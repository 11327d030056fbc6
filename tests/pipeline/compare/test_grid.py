"""Grid files: the shipped ones are whole, and every mistake in one of yours is told at once."""

from pathlib import Path

import pytest

from pipeline.commands.compare import compare_command
from pipeline.compare import grid
from pipeline.compare.rows import rows
from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.published import read as published

ROOT = Path(__file__).resolve().parents[3]
BAD = """
about: bad
seed: [1]
seeds: [1, 1]
against: lafff
roles: {lead: $clip, all: x3d}
models:
  laff: {uses: fusion.laff.LAFF, parms: {}}
  two words: fusion.laff.LAFF
  number: 3
  nothing: {uses: fusion.laff.LAFF, video: null}
  three: {uses: fusion.laff.LAFF, text: 3}
pairs: {laff: [a, b], short: [a]}
features: {few: {videos: [x3d]}, none: {video: []}, digits: {video: [3]}, null: {text: null}}
quoted: {source: me, columns: [A], rows: {laff: {B: 1}, nobody: {A: x}}}
"""


def test_the_shipped_ones_have_the_papers_rows() -> None:
    assert grid.shipped() == ["blocks", "systems"]
    blocks, systems = (grid.load(name) for name in ("blocks", "systems"))
    assert list(blocks.models) == ["laff", "mhsa", "attention-free", "concat", "mean"]
    assert [table.id for table in blocks.quoted] == ["tab-11", "poster-blocks", "poster-cost"]
    wanted = ["je-uniform", "je-08", "je-09", "w2vvpp", "sea", "mmt", "laff", "laff-ml"]
    assert (list(systems.models), list(systems.pairs)) == (wanted, ["$lead"])
    (quoted,) = systems.quoted
    assert set(quoted.parts["same-features"].rows) == {*wanted, "clip-ft"}
    for name, of_grid in (("tab-11", blocks), ("tab-12", systems)):  # their rows can be reproduced
        table = published.load(name)
        pairs = [of_grid.roles.get(row[1:], row) for row in of_grid.pairs]
        assert set(next(iter(table.parts.values())).rows) <= {*of_grid.models, *pairs}


@pytest.mark.parametrize("name", ["blocks", "systems"])
def test_the_shipped_ones_fit_the_shipped_stages(name: str) -> None:
    """Every row, LAFF-ml and its frames too."""
    chosen = grid.load(name)
    selected = rows(chosen, stages.load(ROOT / "stages.yaml"), {})
    assert selected.left_out == {}
    assert selected.names == [row.replace("$lead", "clip-ft") for row in [*chosen.models, *chosen.pairs]]


def test_another_pair_leads() -> None:
    """The example of docs/compare.md and of --help."""
    sets = ("train.from=[clip,x3d,ircsn,tf,bow,w2v,gru]", "train.raw=[clip]")
    roles = {"lead": "clip", "lead-text": "clip", "lead-frames": "clip-frames"}
    selected = rows(grid.load("systems"), stages.load(ROOT / "stages.yaml", None, sets), roles)
    assert list(selected.left_out) == ["laff-ml"]
    entries = selected.graph.of_step("train").options["baselines"]
    assert (entries["laff"]["video"], entries["laff"]["text"]) == (
        ["clip", "x3d", "ircsn", "tf"],
        ["clip", "bow", "w2v", "gru"],
    )
    assert entries["je-08"]["params"]["lead"] == "clip"
    assert selected.graph.of_step("train").params["raw"] == ["clip"]
    assert selected.graph.of_step("rank").options["pairs"] == {"clip": ["clip", "clip"]}
    for text in ((ROOT / "docs" / "compare.md").read_text(), compare_command.help or ""):
        for word in (*sets, "--role lead=clip --role lead-text=clip --role lead-frames=clip-frames"):
            assert word in text


def test_the_shipped_ones_fit_the_benchmark() -> None:
    roles = {"lead": "conse", "lead-text": "minilm", "lead-frames": "conse-frames"}
    selected = rows(grid.load("systems"), stages.load(ROOT / "benchmarks" / "msrvtt_kf.yaml"), roles)
    assert selected.left_out == {}
    train = selected.graph.of_step("train")
    assert train.options["baselines"]["laff-ml"]["video"] == [
        "effnet-lite0",
        "effnet-lite1",
        "effnet-lite2",
        "conse-frames",
    ]
    assert train.options["baselines"]["laff-ml"]["params"] == {"frames": ["conse-frames"]}
    assert train.options["baselines"]["je-08"]["params"] == {"width": 1024, "lead": "conse", "share": 0.8}
    assert selected.graph.of_step("rank").options["pairs"] == {"conse": ["conse", "minilm"]}


def test_all_mistakes_of_the_form_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    with pytest.raises(LaffError) as caught:
        grid.load(str(tmp_path / "bad.yaml"))
    message = str(caught.value)
    for mistake in (
        "the grid has an unknown key 'seed'; did you mean 'seeds'?",
        "seeds should list different whole numbers from 0, not [1, 1]",
        "against: no row 'lafff'; did you mean 'laff'?",
        "roles: 'lead' should be a feature's name, not '$clip'",
        "model 'laff' has an unknown key 'parms'; did you mean 'params'?",
        "'two words' is to be a row and a folder",
        "model 'number' should be a dotted path or a mapping, not 3",
        "the row 'laff' is listed twice",
        "pairs: 'short' should be [video feature, text feature], not ['a']",
        "features: 'few' has an unknown key 'videos'; did you mean 'video'?",
        "features: 'none': video should list at least one feature, not []",
        "features: 'digits': video should list at least one feature, not [3]",
        "model 'nothing': video should list at least one feature, not None",
        "model 'three': text should list at least one feature, not 3",
        "roles: 'all' is taken",
        "quoted: says no protocol",
        "quoted: row 'laff' has an unknown key 'B'",
        "quoted: row 'nobody' has 'x', which is no number",
        "quoted: no row 'nobody'",
    ):
        assert mistake in message
    assert message.startswith(f"{tmp_path / 'bad.yaml'}: ")


def test_published_tables_are_quoted_by_their_ids(tmp_path: Path) -> None:
    models = "models: {laff: fusion.laff.LAFF}\n"
    path = tmp_path / "mine.yaml"
    for said, ids in (("tab-12", ["tab-12"]), ("[11, ea]", None), ('["11", ea]', ["tab-11", "ea"])):
        path.write_text(f"{models}quoted: {said}\n")
        if ids:
            assert [table.id for table in grid.load(str(path)).quoted] == ids
        else:
            with pytest.raises(LaffError, match="quoted should be the id of a published table such as tab-11"):
                grid.load(str(path))
    path.write_text(f"{models}quoted: [tab-11, tab-1]\n")
    with pytest.raises(LaffError, match="quoted: no published table 'tab-1'; did you mean"):
        grid.load(str(path))


def test_a_grid_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"no grid 'block'; did you mean 'blocks'\?; shipped are blocks, "):
        grid.load("block")
    with pytest.raises(LaffError, match="cannot be read"):
        grid.load(str(tmp_path / "none.yaml"))
    (tmp_path / "empty.yaml").write_text("about: nothing\n")
    with pytest.raises(LaffError, match="has no 'models:' mapping"):
        grid.load(str(tmp_path / "empty.yaml"))


def test_a_shipped_name_is_taken(tmp_path: Path) -> None:
    (tmp_path / "blocks.yaml").write_text("models: {laff: fusion.laff.LAFF}\n")
    with pytest.raises(LaffError, match="a grid named 'blocks' comes with laff"):
        grid.load(str(tmp_path / "blocks.yaml"))
    assert grid.load(str(grid.SHIPPED / "blocks.yaml")).name == "blocks"
