"""`prepare`: annotation files from their contents, made into a collection."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.items.collection import Collection
from pipeline.protocols import known, preparing
from pipeline.protocols.dataset import Choices, DataSet

Content = str | bytes


@dataclass
class Desk:
    """A folder with annotation files."""

    folder: Path

    def give(self, files: Mapping[str, Content]) -> Path:
        """Write annotation files -> their folder."""
        place = self.folder / "annotations"
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return place

    def prepare(
        self,
        which: str | DataSet,
        files: Mapping[str, Content],
        protocol: str = "",
        choices: Choices | None = None,
        **wish: Any,
    ) -> list[str]:
        """The report of a preparation into `out`; paths in it are those of the folder of annotations."""
        data_set = known.named(which) if isinstance(which, str) else which
        place, out = self.give(files), self.folder / "out"
        choices = choices or Choices()
        wished = preparing.Wish(data_set, data_set.protocol(protocol), [place], out, choices=choices, **wish)
        return preparing.prepare(wished)

    def mistakes(self, which: str, files: Mapping[str, Content], protocol: str = "", **wish: Any) -> list[str]:
        """The mistakes that a preparation names, without the folder; nothing is written."""
        with pytest.raises(LaffError) as error:
            self.prepare(which, files, protocol, **wish)
        assert not (self.folder / "out").exists()
        return [text.replace(f"{self.folder / 'annotations'}/", "") for text in error.value.problems]

    def collection(self) -> Collection:
        """The collection that was written, as a run reads it."""
        return collection.load(self.folder / "out" / "collection.yaml")

    def captions(self, split: str) -> dict[str, str]:
        """{caption id: text} of a split of the collection."""
        captions = self.collection().captions[split]
        return dict(zip(captions.ids, captions.texts, strict=True))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
