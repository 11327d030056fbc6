"""A model that starts from trained weights: those of the same name and shape, and rows of words by the word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import files
from pipeline.assembly.assemble import Joint
from pipeline.build import learned
from pipeline.build.loaded import read_checkpoint, read_state
from pipeline.errors import LaffError, problems
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.items import table
from pipeline.package import manifest
from pipeline.plan import initial
from pipeline.plan.context import Context

if TYPE_CHECKING:
    from torch import Tensor, nn

SHOWN = 3  # names in a message


@dataclass
class Started:
    """What a model took from trained weights."""

    path: Path
    taken: list[str] = field(default_factory=list)  # weights of the same name and shape
    words: dict[str, tuple[int, int]] = field(default_factory=dict)  # feature -> words that it took, and all its words
    fresh: list[str] = field(default_factory=list)  # weights that the file lacks
    unused: list[str] = field(default_factory=list)  # weights of the file that the model lacks
    other: list[str] = field(default_factory=list)  # features that this collection learned anew

    def __str__(self) -> str:
        parts = [f"{len(self.taken)} weights taken"]
        parts += [f"{known} of {count} words of {name}" for name, (known, count) in self.words.items()]
        parts += [f"fresh: {_listed(self.fresh)}"] if self.fresh else []
        parts += [f"left there: {_listed(self.unused)}"] if self.unused else []
        note = (
            f"; {', '.join(self.other)} learned anew here, so their weights are of another space" if self.other else ""
        )
        return f"starts from {self.path}: {', '.join(parts)}{note}"


def start(
    context: Context, stage: Stage, model: Model, net: "nn.Module", encoders: Sequence[Joint], seed: int
) -> Started | None:
    """Give an untrained model the weights that `init` names; None where it names none.

    Rows of weights that stand for words are matched by the word, where both vocabularies are known; words that the
    other collection lacks keep their random weights. Raises LaffError where the file is another model's, or a weight
    has another shape.
    """
    import torch

    path = initial.file(context, stage, model, seed)
    if path is None:
        return None
    state: dict[str, Tensor] = read_checkpoint(path)["state"]
    weights = net.state_dict()  # the very memory of the model's weights
    check_model(path, state, weights)
    started = Started(path)
    vocabularies = _Vocabularies(context, stage, encoders, path)
    mistakes: list[str] = []
    with torch.no_grad():
        for name, weight in weights.items():
            if name not in state:
                started.fresh.append(name)
                continue
            given = state[name].to(weight.dtype)
            feature = next((part for part in name.split(".") if part in model.text), "")
            words = vocabularies.here(feature) if weight.ndim == 2 else None
            if words is not None and len(words) == len(weight) and given.shape[1:] == weight.shape[1:]:
                there = vocabularies.there(feature)
                if there is None or len(there) != len(given):
                    mistakes.append(vocabularies.unknown(feature, len(given), len(weight)))
                    continue
                row_of = {word: row for row, word in enumerate(there)}
                known = [row for row, word in enumerate(words) if word in row_of]
                weight[known] = given[[row_of[words[row]] for row in known]]
                started.words[feature] = (len(known), len(words))
            elif given.shape == weight.shape:
                weight.copy_(given)
                started.taken.append(name)
            else:
                mistakes.append(_misfit(name, feature or _feature(name, model), list(given.shape), list(weight.shape)))
    if mistakes:
        raise problems(f"'{stage.name}': init of {model.name}: {path}", list(dict.fromkeys(mistakes)))
    started.unused = [name for name in state if name not in weights]
    inside = {joint.name for joint in encoders}
    started.other = [
        name
        for name in (*model.video, *model.text)
        if name not in inside and name not in started.words and _learns(context.stage(name))
    ]
    return started


def check_model(path: Path, there: Iterable[str], here: Iterable[str]) -> None:
    """Raise LaffError where a file holds another model: of the shorter list of weights, less than half are in both.

    there, here: names of weights. Those of encoders inside models do not count.
    """
    theirs, ours = ([name for name in all_names if not name.startswith("encoders.")] for all_names in (there, here))
    shared = set(theirs).intersection(ours)
    if 2 * len(shared) < min(len(theirs), len(ours)):
        raise LaffError(
            f"{path} holds another model: of {len(ours)} weights it has {len(shared)}; it begins with "
            f"{_listed(theirs)}, this one with {_listed(ours)}. Give the {initial.STATE} of a model of the same class"
        )


def names(path: Path) -> list[str]:
    """The names of the weights in a best.pt, of which little is read."""
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return list(content["state"])
    except Exception as error:  # torch fails in many ways on a file that is no checkpoint
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise LaffError(f"{path}: not a checkpoint of laff ({first}); give a {initial.STATE}") from None


class _Vocabularies:
    """The words that rows of weights stand for: in this collection, and in that of the trained weights."""

    def __init__(self, context: Context, stage: Stage, encoders: Sequence[Joint], path: Path) -> None:
        self._context, self._stage, self._path = context, stage, path
        self._inside = {joint.name: joint for joint in encoders}
        self._root = initial.root(path)
        self._there: dict[str, list[str] | None] = {}

    def here(self, feature: str) -> list[str] | None:
        """The words of a text feature in this collection; None where it has no vocabulary."""
        if feature in self._inside:
            return self._inside[feature].words or None
        if not feature:
            return None
        path = learned.file(self._context, self._context.stage(feature))
        return _words(path) if path else None

    def there(self, feature: str) -> list[str] | None:
        """Its words in the collection of the trained weights; None where nothing tells them."""
        if feature not in self._there:
            self._there[feature] = self._read(feature)
        return self._there[feature]

    def _read(self, feature: str) -> list[str] | None:
        root = self._root
        if root is None:
            return None
        if manifest.is_package(root):
            packed = manifest.read(root)
            if feature in packed.words:
                words: list[str] = files.read_json(root / packed.words[feature])
                return words
            return _words(root / packed.learned[feature]) if feature in packed.learned else None
        if feature in self._inside:  # trained inside the model: its words follow from the train captions
            catalog, _ = table.read(root / "ingest" / "table.h5")
            captions = [catalog.texts[row] for row in catalog.split_captions("train")]
            vocabulary: list[str] = self._inside[feature].part.vocabulary(captions)
            return vocabulary
        # Above SEED and MODEL: the nearest folder that has the feature, that of a run or comparison or the workspace.
        places = [folder / feature / initial.STATE for folder in self._path.absolute().parents[2:]]
        existing = [place for place in places if place.is_relative_to(root) and place.is_file()]
        return _words(existing[0]) if existing else None

    def unknown(self, feature: str, there: int, here: int) -> str:
        """Why rows cannot be matched by words."""
        return (
            f"'{feature}' has {there} words there and {here} here, and which those are there is not known: make a "
            f"package of that model (`laff package -w WORK OUT`), which holds its words, and give "
            f"--set {self._stage.name}.init=OUT"
        )


def _words(path: Path) -> list[str] | None:
    """The vocabulary in what a feature learned; None where it learned something else."""
    if not path.is_file():
        return None
    words = read_state(path).get("words")
    return words if isinstance(words, list) else None


def _feature(name: str, model: Model) -> str:
    return next((part for part in name.split(".") if part in model.video), "")


def _misfit(name: str, feature: str, there: list[int], here: list[int]) -> str:
    """A weight of another shape, in words."""
    if feature:
        return (
            f"'{feature}' has another width there: {name} is {there} there and {here} here; extract the feature as it "
            "was extracted there, or leave it out of `from`"
        )
    return f"{name} is {there} there and {here} here; give this model the params that the other was trained with"


def _learns(stage: Stage) -> bool:
    """Whether a feature depends on what its collection taught it."""
    return stage.fitted or stage.borrowed


def _listed(all_names: list[str]) -> str:
    more = len(all_names) - SHOWN
    return ", ".join(all_names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
