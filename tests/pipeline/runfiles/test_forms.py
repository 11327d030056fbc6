"""The form of a run file by its name."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles import forms
from pipeline.runfiles.numbered import Numbered

ROWS = [("501", [("shot2", 0.75), ("shot1", 0.5)])]
BEGINS = {
    "a.xml": "<?xml",
    "a.csv": "query,rank,item,score\n501,1,shot2,0.75\n",
    "a.trec": "501 Q0 shot2 1 0.75 mine\n",
    "a": "501 Q0 shot2 1 0.75 mine\n",
}


@pytest.mark.parametrize("name", [*BEGINS, *(f"{name}.gz" for name in BEGINS)])
def test_written_and_read_by_the_ending(tmp_path: Path, name: str) -> None:
    forms.write(tmp_path / name, ROWS, "mine")
    if not name.endswith(".gz"):
        assert (tmp_path / name).read_text().startswith(BEGINS[name])
    ids = Numbered()
    run = forms.read(tmp_path / name, ids)
    assert run.ids is ids
    ((topic, hits),) = run.answers()
    assert (topic, [item for item, _ in hits]) == ("501", ["shot2", "shot1"])
    assert forms.is_avs(tmp_path / name) == (".xml" in name)


@pytest.mark.parametrize(("name", "text"), [("a.csv", "query,item,score\n"), ("b.csv", ""), ("a.trec", "\n\n")])
def test_a_run_without_items(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LaffError, match=f"{name}: lists no item; is this the right file"):
        forms.read(tmp_path / name)


def test_xml_under_another_name(tmp_path: Path) -> None:
    forms.write(tmp_path / "a.xml", ROWS, "mine")
    for name in ("a.trec", "a.csv"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf " + (tmp_path / "a.xml").read_bytes())
        with pytest.raises(LaffError, match=f"{name}: begins as XML does"):
            forms.read(tmp_path / name)


def test_an_avs_run_without_a_description_has_the_name_of_its_system(tmp_path: Path) -> None:
    forms.write(tmp_path / "a.xml", ROWS, "mine")
    assert 'desc="mine"' in (tmp_path / "a.xml").read_text()
