"""What every data set declares."""

import pytest

from pipeline.errors import LaffError
from pipeline.protocols import known, listing
from pipeline.protocols.dataset import Choices
from pipeline.protocols.prepared import SPLITS
from pipeline.protocols.preparing import OPTIONS


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


def test_options_are_those_of_choices():
    assert set(OPTIONS) == set(Choices.__dataclass_fields__)


def test_names_that_are_not_there():
    with pytest.raises(LaffError, match=r"no data set 'msvdd'; did you mean 'msvd'\?"):
        known.named("msvdd")
    assert known.named("MSR-VTT").name == "msrvtt"
    with pytest.raises(LaffError, match=r"msrvtt has no protocol '1ka'; did you mean '1k-a'\? \(known: full, "):
        known.named("msrvtt").protocol("1ka")
