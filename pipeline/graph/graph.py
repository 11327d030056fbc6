"""The graph of stages, as stages.yaml describes it and `pipeline.graph.stages` reads it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import step_facts
from pipeline.graph.options import DecodeOptions, ModelOptions
from pipeline.graph.step_facts import StepFacts
from pipeline.parts.binding import Params
from pipeline.parts.classes import Part

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Kind = TypeVar("Kind", bound=DataclassInstance)

DEVICES = ("auto", "gpu", "cpu")
FILLED = ("dims", "video_dims", "text_dims", "lengths", "encoders")  # constructor parameters that the pipeline fills in


@dataclass(frozen=True)
class Plugged:
    """A class that works inside a stage's part, its params bound."""

    uses: str
    params: Params
    sampling: Params  # frames, stride, fps and rule of the videos that it learns from
    scores_pairs: bool  # of captions and videos, in place of giving videos vectors

    @property
    def frames(self) -> int:
        """The number of frames that it is built for."""
        return int(self.sampling["frames"])


@dataclass(frozen=True)
class Packed:
    """Files that a package gives a stage in place of learning: the stage is not run."""

    files: dict[str, Path]  # of a part "fit", of a train stage MODEL/seedN -> best.pt; "words" -> a vocabulary
    sha256: dict[str, str]  # of these, by the same names
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)  # of a train stage: feature -> width, frames


@dataclass(frozen=True)
class Package:
    """The package that a graph was read from."""

    root: Path
    name: str  # of its folder
    sha256: str  # of its package.yaml, which holds those of its files
    files: dict[str, str] = field(default_factory=dict)  # file below `root` -> sha256
    weights: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # stage, param -> name, digest
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)  # stage, param that names files -> digests
    code: dict[str, dict[str, str]] = field(default_factory=dict)  # stage or model -> module -> digest, as packaged


@dataclass(frozen=True)
class Stage:
    """One entry of stages.yaml, its params bound."""

    name: str
    step: str
    uses: str | None = None
    sources: tuple[str, ...] = ()  # `from`
    params: Params = field(default_factory=dict)  # of the part's constructor
    options: Params = field(default_factory=dict)  # of the step
    on: str = "auto"
    part: Part | None = None
    aggregator: Plugged | None = None  # what makes a video of frames, in a finetune stage and those that borrow from it
    lender: str = ""  # the stage whose part it takes over
    packed: Packed | None = None  # what a package gives it, so that it learns nothing
    left: frozenset[str] = frozenset()  # params that were written for another `from`, which a setting has replaced

    @property
    def about(self) -> StepFacts:
        """The facts of its step; empty where there is no such step, which reading the graph reports."""
        return step_facts.about(self.step) if self.step in step_facts.names() else StepFacts(self.step, {})

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of its rows: ("video",), ("text",) or both; empty where it makes no rows of features."""
        if self.about.rows == "part":
            return tuple(self.part.constants.get("sides", ())) if self.part else ()
        return (self.options[self.about.rows],) if self.about.rows else ()

    @property
    def values(self) -> Params:
        """All its params: those of its part and those of its step."""
        return self.params | self.options

    def options_as(self, kind: "type[Kind]") -> "Kind":
        """The step's params as a dataclass: the step's own Options, or one of pipeline/graph/options.py.

        A param whose value was refused when the graph was read has its default.
        """
        names = [param.name for param in fields(kind) if param.name in self.options]
        return kind(**{name: self.options[name] for name in names})

    @property
    def idle(self) -> bool:
        """Whether it fuses features but is set to train no model. Then it reads and needs nothing."""
        options = self.options_as(ModelOptions)
        return self.about.fuses and not (options.own or options.singles or options.baselines)

    @property
    def named(self) -> tuple[str, ...]:
        """The stages that its params name, besides those in `from`."""
        values = [value for param in self.about.names_more for value in self.options.get(param, {}).values()]
        return tuple(dict.fromkeys(name for value in values if isinstance(value, list) for name in value))

    @property
    def fitted(self) -> bool:
        """Whether it learns from the train split."""
        if self.packed:
            return False
        if self.about.learns == "part":
            return self.part is not None and bool(self.part.methods & {"fit", "task"}) and not self.borrowed
        return self.about.learns == "always" and not self.idle

    @property
    def decodes(self) -> bool:
        """Whether it opens the files of videos."""
        return self.about.decodes and (not self.about.rows or "video" in self.sides)

    @property
    def borrowed(self) -> bool:
        """Whether its part was fitted by another stage (clip-ft takes what finetune made)."""
        return bool(self.lender)

    @property
    def further(self) -> tuple[str, ...]:
        """Parameters besides `weights` that name weights: those that its class lists in WEIGHTS."""
        return tuple(self.part.member("WEIGHTS")) if self.part else ()

    @property
    def random(self) -> bool:
        """Whether it computes with random weights, good for demos only."""
        return any(self.params.get(name) == "random" for name in ("weights", *self.further))


@dataclass(frozen=True)
class Weights:
    """A published checkpoint: an entry of extractors/weights.yaml, or of `weights:` in stages.yaml."""

    name: str
    source: str = ""  # a URL, ending in / where `files` is given; or package:MODULE/PATH
    file: str = ""  # its name under $LAFF_WEIGHTS; a folder's where `files` is given
    uses: str = ""  # the extractor that reads it
    params: Params = field(default_factory=dict)  # what it fixes of the extractor's constructor
    feature: str = ""  # the paper's feature that it stands for
    files: dict[str, str | None] = field(default_factory=dict)  # file name -> sha256, where it is a folder
    sha256: str | None = None
    licence: str = ""
    note: str = ""
    path: str | None = None  # a file or folder of the user's, in place of the download


@dataclass(frozen=True)
class Graph:
    """All stages in an order in which they can run."""

    stages: dict[str, Stage]
    weights: dict[str, Weights]
    threads: int
    path: Path
    profile: str | None = None
    trusted: frozenset[str] = frozenset()
    package: Package | None = None  # where what its stages learned comes from

    def needed(self, targets: Sequence[str]) -> list[str]:
        """`targets` and everything they read, in running order."""
        for target in targets:
            if target not in self.stages:
                raise LaffError(f"{self.path.name} has no stage '{target}'{did_you_mean(target, list(self.stages))}")
        wanted: set[str] = set()
        waiting = list(targets)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.reads(name)
        return [name for name in self.stages if name in wanted]

    def reads(self, name: str) -> tuple[str, ...]:
        """The stages whose results a stage needs; a joint encoder's stage is replaced by what that one reads."""
        stage = self.stages[name]
        if stage.idle:
            return ()
        joint = stage.options_as(ModelOptions).joint if stage.about.fuses else []
        named = dict.fromkeys([*self._sources(stage), *self.named_beside(stage)])
        direct = [source for source in named if source not in joint]
        instead = [s for encoder in joint for s in self.inside(encoder) if s not in direct]
        return (*direct, *dict.fromkeys(instead))

    def _sources(self, stage: Stage) -> tuple[str, ...]:
        """The stages in a stage's `from`, but for texts of packed models; those that ranking needs are added."""
        if stage.packed and stage.about.fuses:
            return tuple(source for source in stage.sources if "video" in self.stages[source].sides)
        if "texts of test" not in stage.about.needs:
            return stage.sources
        packed = [self.stages[source] for source in stage.sources if self.stages[source].packed]
        fusing = [source for source in packed if source.about.fuses]
        texts = [
            name for source in fusing for name in source.sources if name not in source.options_as(ModelOptions).joint
        ]
        return tuple(dict.fromkeys([*stage.sources, *(name for name in texts if "text" in self.stages[name].sides)]))

    def named_beside(self, stage: Stage) -> list[str]:
        """The stages that a stage's params name, without those that its sources read already."""
        if not stage.named:
            return []
        read = {name_read for source in stage.sources for name_read in self.reads(source)}
        return [name for name in stage.named if name in self.stages and name not in read]

    def decoder(self, name: str) -> str:
        """The library that reads a stage's videos: that of the decode stage before it, else "pyav"."""
        looks = self.stages_of(self.stages[name].about.after, self.needed([name])) if self.stages[name].decodes else []
        return looks[0].options_as(DecodeOptions).decoder if looks else DecodeOptions.decoder

    def inside(self, encoder: str) -> list[str]:
        """The stages that a joint encoder reads, without those of videos, which only its own stage learns from."""
        return [source for source in self.stages[encoder].sources if "video" not in self.stages[source].sides]

    def features(self, name: str) -> tuple[list[str], list[str]]:
        """The video and the text features that a train stage fuses; none where it is idle."""
        if self.stages[name].idle:
            return [], []
        sources = [self.stages[source] for source in self.stages[name].sources]
        return [s.name for s in sources if "video" in s.sides], [s.name for s in sources if "text" in s.sides]

    def imported(self, names: Iterable[str]) -> list[str]:
        """The features that come from files. The graph has no part that makes them of new videos or texts."""
        return [name for name in names if self.stages[name].part is None]

    def stages_of(self, word: str, among: Iterable[str] | None = None) -> list[Stage]:
        """The stages of a step, in running order; only those in `among`, if given."""
        names = self.stages if among is None else among
        # The one place that looks stages up by their step, for those who work on what a certain step has made.
        return [self.stages[name] for name in names if self.stages[name].step == word]

    def of_step(self, word: str) -> Stage:
        """The one stage of a step; LaffError where there is none or several."""
        stages = self.stages_of(word)
        if len(stages) != 1:
            raise LaffError(f"{self.path.name} has {len(stages)} stages of step '{word}'; one is needed here")
        return stages[0]
