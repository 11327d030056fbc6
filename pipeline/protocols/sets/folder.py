"""A folder of your own: videos, and beside each a text of the same name whose lines are its captions."""

from typing import Any

from pipeline.items.video_files import stem_and_ending
from pipeline.protocols import finding, own, reading
from pipeline.protocols.dataset import DataSet, Order
from pipeline.protocols.prepared import Prepared
from pipeline.protocols.sources import Source
from pipeline.protocols.splitting import WORDS

TEXT = ("ids", "pairs", "captions")  # forms that the lines of a text may look like


def read(order: Order) -> Prepared:
    """Read the texts beside videos; the first subfolder of each says the split, where it is called as one."""
    prepared = Prepared()
    beside = [one for form in (*TEXT, "json", "jsonl") for one in order.sources.of(form)]
    beside.sort(key=lambda one: str(one.path))
    folders = {one.folder for one in beside}
    if len(folders) != 1:
        order.problems.add("name one folder, in which videos and texts of the same names lie: a.mp4 and a.txt")
        return prepared
    folder = folders.pop()
    for one in beside:
        one.used = False
    names = {one.path.relative_to(folder).with_suffix("").as_posix(): one for one in beside}
    video_files = finding.find_files(folder, names, {})
    rows = []
    for name, one in names.items():
        if stem_and_ending(video_files.paths.get(name, ""))[0] == name:
            one.used = True
            first = name.partition("/")[0].lower() if "/" in name else ""
            texts = _texts(one, order)
            rows.append(own.Row(name, texts, first if first in WORDS else "", 0))
    if not rows and not order.problems:
        order.problems.add("has no text beside a video; the captions of a.mp4 are the lines of a.txt", folder)
    prepared.videos = folder
    return own.read([(folder, rows)], order, prepared)


def _texts(source: Source, order: Order) -> list[str]:
    """The captions in a file: its lines, or `caption` of its JSON."""
    if source.path.suffix.lower() != ".json":
        return [line for _, line in reading.lines(source.path, order.problems)]
    content: Any = reading.json_of(source.path, order.problems)
    if content is None:
        return []
    texts = content.get("caption", content.get("captions")) if isinstance(content, dict) else None
    texts = [texts] if isinstance(texts, str) else reading.texts_of(texts)
    if texts is None:
        order.problems.add('should be {"caption": …}, a text or a list of texts', source.path)
    return list(texts or [])


DATA_SET = DataSet(
    name="folder",
    title="a folder of your own, with a text beside each video",
    files=(
        "a folder of videos: the captions of a.mp4 are the lines of a.txt, or `caption` in a.json, beside it",
        "subfolders train, val and test are the splits; without them, --fractions and --seed draw them by video",
        "videos without a text are left out; --videos is not needed",
    ),
    protocols=own.PROTOCOLS,
    read=read,
    choices=("seed", "fractions", "first"),
)
