"""Published figures as they are quoted: digits, columns, notes, lines."""

from pipeline.published import quote, read
from pipeline.published.same import Measured
from pipeline.views import formats


def test_one_test_set_has_a_column_for_each_metric() -> None:
    first, *_ = quote.quotes(read.load("tab-11"))
    assert first.texts()[0] == ["model", "R@1", "R@5", "R@10", "MedR", "mAP"]
    assert first.texts()[-1] == ["laff", "16.0", "36.9", "48.5", "11", "0.265"]
    assert first.title == "Fusion blocks over three sets of video features: two video features, MV-test3k"


def test_several_test_sets_have_one_column_each() -> None:
    same, added, others = quote.quotes(read.load("12"))
    assert same.texts()[1][:2] == ["clip-ft", "27.7 / 53.0 / 64.2 / 5"]
    assert added.texts()[0] == ["model", "MV-test1k", "MSVD", "VATEX"]
    (row,) = (row for row in others.texts() if row[0].startswith("DE "))
    assert row[1:] == ["11.6 / 30.3 / 41.3 / 16", "21.1 / 48.7 / 60.2 / -", "", "", "36.8 / 67.5 / 78.9 / 3"]
    assert not set(read.load("12").notes) & set(same.notes)  # they stand below the last part
    assert set(read.load("12").notes) < set(others.notes)


def test_one_of_several_test_sets() -> None:
    same, others = quote.quotes(read.load("12"), ["TGIF"])  # no row with CLIP2Video has figures of it
    assert same.texts()[1] == ["clip-ft", "21.5", "40.6", "49.9", "11"]
    assert [row[0] for row in others.texts()[1:3]] == ["W2VV++ (MM 2019)", "PIE-Net (CVPR 2019)"]


def test_only_rows_that_are_alike_have_a_best() -> None:
    """Rows with dual softmax, or on features of their own, are no rivals of the others."""
    assert quote.quotes(read.load("tab-11"))[0].marks() != {}
    for name in ("anchors", "clip4clip"):
        tagged = [table for table in quote.quotes(read.load(name)) if "nothing trained" not in table.title]
        assert [table.marks() for table in tagged] == [{}] * len(tagged)
    assert quote.quotes(read.load("tab-12"), ["MSVD"])[-1].marks() == {}
    assert quote.quotes(read.load("anchors"))[0].title == "Later systems: fine-tuned, quoted, R@1"


def test_mean_and_std() -> None:
    video, _ = quote.quotes(read.load("tab-9"))
    assert video.texts()[1][:2] == ["tf", "0.15 ± 0.15"]


def test_what_a_reader_must_know_stands_below() -> None:
    (table,) = quote.quotes(read.load("tab-14"))
    text = formats.written([table], "text")
    assert "The column heads contradict the source's text." in text
    assert text.splitlines()[4].split() == ["641", "0.297", "0.240", "0.234", "object,", "location"]
    assert table.marks() == {}  # the columns are systems; no topic is the best
    (cost,) = quote.quotes(read.load("poster-cost"))
    assert [row[1] for row in cost.texts()] == ["MFLOPs", "94.90", "27.80"]


def test_beside_ours() -> None:
    table = read.load("tab-11")
    ours = Measured("msrvtt/full", ("rx101", "re152"), ("bow", "w2v", "gru", "clip"))
    two, three, _ = quote.quotes_beside(table, ours)
    assert two.notes[1] == "Beside ours: the same features, and MV-test3k is the same protocol."
    assert three.notes[1] == "Beside ours: other features."
    assert (
        quote.quotes_beside(table, Measured("", (), ()))[0].notes[1] == "Beside ours: other features, other protocol."
    )


def test_lines_for_a_program() -> None:
    lines = [dict(zip(quote.LINE, line, strict=True)) for line in quote.lines(read.load("tab-12"))]
    assert len(lines) == 4 * (9 * 5 + 2 * 3 + 44) - 1  # DE gives no MedR on MV-test1k
    (line,) = (
        line
        for line in lines
        if (line["part"], line["model"], line["test set"], line["metric"]) == ("same-features", "sea", "TGIF", "MedR")
    )
    assert (line["figure"], line["protocol"]) == (17.0, "tgif/official")
