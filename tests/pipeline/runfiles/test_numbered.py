"""Ids by number."""

from pipeline.runfiles.numbered import Numbered


def test_numbers_in_the_order_of_first_sight_encoded_or_not() -> None:
    ids = Numbered()
    assert ids.plain(["b", "a b", "b"]).tolist() == [0, 1, 0]
    assert ids.encoded(["a%20b", "c", "b", "a%20b"]).tolist() == [1, 2, 0, 1]
    assert ids.names == ["b", "a b", "c"]
    assert len(ids) == 3


def test_what_is_no_id() -> None:
    ids = Numbered()
    ids.encoded(["a", "%0A", "../b"])
    assert len(ids.wrong()) == 2
    assert ids.wrong(2) == ids.wrong()[1:]
