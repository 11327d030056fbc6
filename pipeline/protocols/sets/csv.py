"""A table of your own, CSV or TSV with a header: a column of videos, one of captions, and perhaps one of splits."""

from pathlib import Path

from pipeline.protocols import own, reading
from pipeline.protocols.dataset import DataSet, Order
from pipeline.protocols.prepared import Prepared


def read(order: Order) -> Prepared:
    """Read all tables; their columns are found by name or by --column."""
    prepared = Prepared()
    tables: list[tuple[Path, list[own.Row]]] = []
    for one in order.sources.of("table"):
        columns = own.chosen(one.header, order, one.path)
        if not columns:
            continue
        prepared.choice = "columns: " + ", ".join(f"{what} = {column}" for what, column in columns.items())
        video, caption, split = columns["video"], columns["caption"], columns.get("split", "")
        rows = [
            own.Row(row[video], [row[caption]], row.get(split, one.split), line)
            for line, row in reading.table(one.path, order.problems)
        ]
        tables.append((one.path, rows))
    if not tables and not order.problems:
        order.problems.add("none of the files is a table: .csv or .tsv, with a header of the names of columns")
    return own.read(tables, order, prepared)


DATA_SET = DataSet(
    name="csv",
    title="a table of your own, CSV or TSV",
    files=(
        "one or more .csv or .tsv files with a header: a row is a video and a caption, and perhaps a split",
        "a file without a column of splits may say its split by its name, as train.csv does",
        "columns are found by their names (video, video_id, path …; caption, sentence, text …; split), or by --column",
        "a video is an id or the path of a file; without a column of splits, --fractions and --seed draw them by video",
    ),
    protocols=own.PROTOCOLS,
    read=read,
    choices=own.CHOICES,
)
