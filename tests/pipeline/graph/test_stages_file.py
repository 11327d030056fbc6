"""Where the stages file is, and what it holds before anything is checked."""

from pathlib import Path

import pytest

from pipeline import yamls
from pipeline.errors import LaffError
from pipeline.graph import stages, stages_file
from pipeline.graph.stages_file import StagesFile
from pipeline.parts.code import ROOT

SHIPPED = ROOT / "stages.yaml"


def test_entries_without_checks(tmp_path: Path):
    (tmp_path / "s.yaml").write_text("stages: {b: {step: wrong}, a: 3, 7: }")
    assert StagesFile(tmp_path / "s.yaml").entries == {"b": {"step": "wrong"}, "a": {}, "7": {}}
    for text in ("stages: [", "stages: [1]", "stages:", "[1]", ""):
        (tmp_path / "s.yaml").write_text(text)
        assert StagesFile(tmp_path / "s.yaml").entries == {}
    assert StagesFile(tmp_path / "none.yaml").entries == {}


def test_it_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "s.yaml").write_text("stages: {b: {step: rank}}")
    file = StagesFile(tmp_path / "s.yaml")
    assert list(file.entries) == ["b"]
    monkeypatch.delattr(yamls, "parse")
    assert file.content == {"stages": file.entries}


def test_the_file_of_the_current_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert stages_file.default_path() == StagesFile().path == SHIPPED
    (tmp_path / "stages.yaml").write_text("threads: 3\nstages: {ingest: {step: ingest}}")
    assert StagesFile().path == Path("stages.yaml")
    assert stages.load().threads == 3
    assert StagesFile(SHIPPED).path == SHIPPED


def test_of_an_installation_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The file beside the module is that of an installed wheel; a checkout has its own at the top."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stages_file, "ROOT", tmp_path / "site")
    monkeypatch.setattr(stages_file, "__file__", str(tmp_path / "site" / "pipeline" / "graph" / "stages_file.py"))
    packaged = tmp_path / "site" / "pipeline" / "graph" / "stages.yaml"
    with pytest.raises(LaffError) as error:
        stages.load()
    assert str(error.value) == (
        f"laff is installed without its stages.yaml (it is neither {packaged} nor {tmp_path}/site/stages.yaml): "
        "install it again, or name a file by --stages"
    )
    assert StagesFile().entries == {}
    packaged.parent.mkdir(parents=True)
    packaged.write_text("stages:")
    (tmp_path / "site" / "stages.yaml").write_text("of another program")
    assert stages_file.shipped() == packaged
