"""What search says beside its hits: random weights, and words that the model does not know."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import cli
from extractors.bow import Bow
from extractors.gru import Gru
from extractors.w2v import W2v
from pipeline.assembly.assemble import Joint
from pipeline.items.collection import load as load_captions
from pipeline.runfiles.trec import read_run
from pipeline.search.answer import Answer, answer
from pipeline.search.library import Library
from pipeline.search.unknown import Unknown, unknown_words


def test_words_are_known_by_features_with_a_vocabulary() -> None:
    captions = ["a red circle moves"] * 5
    bow, w2v, gru = Bow(threshold=5), W2v(dim=4, epochs=1), Gru(hidden=4, vector_dim=4)
    bow.load_state(bow.fit(captions))
    w2v.load_state(w2v.fit(captions))
    gru._words = gru.vocabulary(captions)
    joint = Joint("gru", SimpleNamespace(), gru.vocabulary(captions))
    for part in (bow, w2v, gru, joint):
        assert [part.knows(word) for word in ("circle", "zebra", "<unk>")] == [True, False, part is joint]


def test_what_a_person_should_know_is_said() -> None:
    assert Answer([], []).notes() == []
    assert Answer(
        [], ["RANDOM WEIGHTS in x3d"], Unknown({"zebra": ["bow", "gru"], "qix": ["bow"]}, all=True)
    ).notes() == [
        "RANDOM WEIGHTS in x3d",
        "unknown words: zebra (bow, gru), qix (bow)",
        "no word of this sentence is known, so the order says nothing",
    ]


def test_a_search_says_which_words_nobody_knows(ran) -> None:
    """CLIP reads any word, so no sentence is lost to a model that has it."""
    found = answer(ran.request(), "the zebra is a red circle", 1, "test")
    assert found.unknown == Unknown({"zebra": ["bow", "w2v", "gru"]})
    assert found.model_notes == ["RANDOM WEIGHTS in finetune, x3d, clip-ft: good for trying out, not for results"]


def test_what_was_trained_on_random_weights_is_good_for_trying_out(ran) -> None:
    """clip-ft is trained by finetune. What random weights alone give is told in test_index.py."""
    library = Library(ran.request(), ["clip-ft"], "test")
    assert library.notes()[0] == "RANDOM WEIGHTS in finetune, clip-ft: good for trying out, not for results"


def test_the_command_tells_it_beside_the_hits(ran) -> None:
    words = ["search", "the red zebra", *ran.options(), "-k", "2", "--split", "test"]
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2  # what reads the hits reads nothing else
    assert result.stderr.splitlines() == [
        "RANDOM WEIGHTS in finetune, x3d, clip-ft: good for trying out, not for results",
        "unknown words: zebra (bow, w2v, gru)",
    ]


@pytest.mark.parametrize(
    ("sentence", "lost"), [("zebra", True), ("the", True), ("красный круг", True), ("red zebra", False)]
)
def test_a_sentence_of_which_nothing_is_known(sentence: str, lost: bool) -> None:
    """For a model all of whose text features have a vocabulary; stop words and other scripts are no words to them."""
    knows = {"bow": {"red"}.__contains__, "gru": {"red", "a"}.__contains__}
    assert unknown_words(sentence, knows, ("bow", "gru")).all is lost
    assert unknown_words(sentence, knows, ("bow", "gru", "clip-ft")).all is False


def test_a_pair_of_features_is_searched_as_it_is_ranked(ran, tmp_path) -> None:
    """With its vectors kept and without: the order of the rank stage's row clip-ft."""
    changed = ran.copy(tmp_path / "copy")
    catalog_captions = load_captions(changed.collection).captions["test"]
    ranked = dict(read_run(changed.work / "rank" / "clip-ft" / "seed0" / "t2v.trec.gz"))
    keep = "vectors.models=[laff, clip-ft]"
    assert changed.run(keep, targets=("vectors",)).made == {"vectors": 3}
    for sets, stored in (((), False), ((keep,), True)):
        library = Library(changed.request(*sets), ["clip-ft"], "test")
        assert library.finders[0].stored is stored
        for caption in catalog_captions[::9]:
            hits = library.search(caption.text, 6)
            assert [hit.score for hit in hits] == pytest.approx([score for _, score in ranked[caption.id]], abs=1e-5)
            assert hits[0].video == ranked[caption.id][0][0]
