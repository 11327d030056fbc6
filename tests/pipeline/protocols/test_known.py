"""What every data set declares."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LaffError
from pipeline.protocols import known, listing
from pipeline.protocols.dataset import Choices
from pipeline.protocols.prepared import SPLITS
from pipeline.protocols.preparing import OPTIONS

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", known.names())
def test_a_declaration(name: str):
    data_set = known.named(name)
    assert data_set.name == name
    assert data_set.protocols
    assert data_set.files
    assert set(data_set.choices) <= set(OPTIONS)
    for protocol in data_set.protocols:
        assert protocol.name == protocol.name.lower()
        assert ";" not in protocol.name  # figures say it before the first semicolon
        assert set(protocol.counts) <= set(SPLITS)
        assert data_set.protocol(f"{name}/{protocol.name}".upper()) is protocol
    text = listing.details(data_set)
    assert all(protocol.about in text for protocol in data_set.protocols)
    assert all(file in text for file in data_set.files)
    assert data_set.title in listing.overview([data_set])


LIKE = {  # the beginnings of files, as they were published
    "msrvtt": "key,vid_key,video_id,sentence\nret0,msr9770,video9770,a person\n",
    "msvd": "mv89psg6zh4_33_46#0 a bird in a sink\n",
    "vatex": '[{"videoID": "G9zN5TTuGO4_000179_000189", "enCap": ["x"]}]',
    "activitynet": '{"v_QOlSCBRmfWY": {"duration": 82.73, "sentences": ["x"]}}',
    "didemo": '[{"annotation_id": 1, "video": "12090392@N02_13482799053_87ef417396.mov"}]',
    "tgif": "https://38.media.tumblr.com/9f6c25cc350f12aa74a7dc386a5c4985/tumblr_mevmyaKtDf1rgvhr8o1_500.gif\ta man\n",
    "avs": "501 a person playing guitar outdoors\n",
}


@pytest.mark.parametrize("name", LIKE)
def test_files_of_another_data_set_are_recognised(tmp_path: Path, name: str):
    (tmp_path / "file").write_text(LIKE[name], encoding="utf-8")
    wrong = next(other for other in LIKE if other != name)
    assert known.resembled([tmp_path / "file"], known.named(wrong)) == [name]
    assert known.resembled([tmp_path / "file"], known.named(name)) == []
    assert known.resembled([tmp_path / "file"], known.named("csv")) == []  # your own files may look like anything


def test_options_are_those_of_choices():
    assert set(OPTIONS) == set(Choices.__dataclass_fields__)


def test_names_that_are_not_there():
    with pytest.raises(LaffError, match=r"no data set 'msvdd'; did you mean 'msvd'\?"):
        known.named("msvdd")
    assert known.named("MSR-VTT").name == "msrvtt"
    with pytest.raises(LaffError, match=r"msrvtt has no protocol '1ka'; did you mean '1k-a'\? \(known: full, "):
        known.named("msrvtt").protocol("1ka")


def test_the_example_of_the_documents(desk: Any, tmp_path: Path):
    page = (ROOT / "docs" / "prepare.md").read_text(encoding="utf-8")
    (tmp_path / "birds.py").write_text(page.partition("```python\n")[2].partition("```\n")[0], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("birds", tmp_path / "birds.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = [f"b{number}" for number in range(100)]
    parts = {"train": names[:80], "val": names[80:90], "test": names[90:]}
    files = {f"{split}.txt": "\n".join(ids) for split, ids in parts.items()}
    files["captions.txt"] = "".join(f"{name}#0 a bird\n" for name in names)
    report = desk.prepare(module.DATA_SET, files)
    assert "  test   10 videos (as published); 10 captions (as published)" in report
    assert desk.collection().ids == parts
    assert desk.collection().protocol == "birds/official"
