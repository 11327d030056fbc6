"""The graph of stages, as stages.yaml describes it and `pipeline.graph.stages` reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import LaffError, meant
from pipeline.graph import step_facts
from pipeline.graph.found import Found
from pipeline.graph.options import DecodeOptions, ModelOptions
from pipeline.graph.step_facts import StepFacts
from pipeline.parts.binding import Params
from pipeline.parts.classes import Part

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Kind = TypeVar("Kind", bound=DataclassInstance)

DEVICES = ("auto", "gpu", "cpu")
Later = Mapping[str, tuple[str, Any]]  # {key: (the profile or --set that gives it, its value)}
FILLED = ("dims", "video_dims", "text_dims", "lengths", "encoders")  # constructor parameters that the pipeline gives


@dataclass(frozen=True)
class Plugged:
    """A class that works inside a stage's part (an aggregator), with its params."""

    uses: str
    params: Params
    sampling: Params  # frames, stride, fps and rule of the videos that it learns from
    scores_pairs: bool  # it scores pairs of captions and videos, and gives videos no vectors

    @property
    def frames(self) -> int:
        """The number of frames that it is built for."""
        return int(self.sampling["frames"])


@dataclass(frozen=True)
class Packed:
    """Files of a package that a stage uses, so that it does not learn and is not run."""

    files: dict[str, Path]  # {"fit": best.pt} of a part; {MODEL/seedN: best.pt} of train; {"words": a vocabulary}
    sha256: dict[str, str]  # of these files, by the same names
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)  # of a train stage: {feature: (width, frames)}


@dataclass(frozen=True)
class Package:
    """The package that a graph was read from."""

    root: Path
    name: str  # the name of its folder
    sha256: str  # of its package.yaml, which lists the sha256 of all its files
    files: dict[str, str] = field(default_factory=dict)  # {file below `root`: sha256}
    weights: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # {(stage, param): (name, digest)}
    inputs: dict[tuple[str, str], Any] = field(default_factory=dict)  # {(stage, param that names files): digests}
    code: dict[str, dict[str, str]] = field(default_factory=dict)  # {stage or model: {module: digest when packaged}}


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
    aggregator: Plugged | None = None  # makes one vector of a video's frames, in finetune stages and their borrowers
    lender: str = ""  # the stage whose part it borrows
    packed: Packed | None = None  # files of a package, which it uses and does not learn
    left: frozenset[str] = frozenset()  # params that were written for another `from`, which a setting has replaced
    later: Later = field(default_factory=dict, compare=False)  # what a profile and --set say of it
    completed: str = field(default="", compare=False)  # what laff itself added to `from`, and why

    @property
    def about(self) -> StepFacts:
        """The facts of its step; empty for an unknown step, which is reported when the graph is read."""
        return step_facts.about(self.step) if self.step in step_facts.names() else StepFacts(self.step, {})

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides of its rows: ("video",), ("text",) or both; () if it makes no rows of features."""
        if self.about.rows == "part":
            return tuple(self.part.constants.get("sides", ())) if self.part else ()
        return (self.options[self.about.rows],) if self.about.rows else ()

    @property
    def values(self) -> Params:
        """All its params: those of its part and those of its step."""
        return self.params | self.options

    def options_as(self, kind: "type[Kind]") -> "Kind":
        """The step's params as a dataclass: the step's own Options, or one of pipeline/graph/options.py.

        A param has its default if its value was refused when the graph was read.
        """
        names = [param.name for param in fields(kind) if param.name in self.options]
        return kind(**{name: self.options[name] for name in names})

    @property
    def idle(self) -> bool:
        """Whether it fuses features but is set to train no model. An idle stage reads and needs nothing."""
        options = self.options_as(ModelOptions)
        return self.about.fuses and not (options.own or options.singles or options.baselines)

    @property
    def named(self) -> tuple[str, ...]:
        """The stages that its params name, besides those in `from`."""
        named = [name for param in self.about.names_more for name in step_facts.named(self.options.get(param))]
        return tuple(dict.fromkeys(named))

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
        """Whether another stage trained its part (clip-ft borrows the part of finetune)."""
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
    source: str = ""  # a URL, which ends in / if `files` is given; or package:MODULE/PATH
    file: str = ""  # its name under $LAFF_WEIGHTS; the name of a folder if `files` is given
    uses: str = ""  # the extractor that reads it
    params: Params = field(default_factory=dict)  # parameters of the extractor's constructor that it fixes
    feature: str = ""  # the feature of the paper that is made with it
    files: dict[str, str | None] = field(default_factory=dict)  # of a folder: {file name: sha256}
    sha256: str | None = None
    licence: str = ""
    note: str = ""
    path: str | None = None  # a file or folder of the user's, used instead of a download


@dataclass(frozen=True)
class Graph:
    """All stages in an order in which they can run."""

    stages: dict[str, Stage]
    weights: dict[str, Weights]
    threads: int
    path: Path
    profile: str | None = None
    trusted: frozenset[str] = frozenset()
    package: Package | None = None  # the package with what its stages learned
    found: Found = field(default_factory=Found, init=False, repr=False, compare=False)

    def needed(self, targets: Sequence[str]) -> list[str]:
        """`targets` and everything they read, in running order."""
        for target in targets:
            if target not in self.stages:
                raise LaffError(f"{self.path.name} has no stage '{target}'{meant(target, list(self.stages))}")
        wanted: set[str] = set()
        waiting = list(targets)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.reads(name)
        return [name for name in self.stages if name in wanted]

    def reads(self, name: str) -> tuple[str, ...]:
        """The stages whose results a stage needs. A joint encoder's stage is replaced by the stages that it reads."""
        stage = self.stages[name]
        if stage.idle:
            return ()
        joint = stage.options_as(ModelOptions).joint if stage.about.fuses else []
        named = dict.fromkeys([*self._sources(stage), *self.named_beside(stage)])
        direct = [source for source in named if source not in joint]
        instead = [s for encoder in joint for s in self.inside(encoder) if s not in direct]
        return (*direct, *dict.fromkeys(instead))

    def _sources(self, stage: Stage) -> tuple[str, ...]:
        """The stages in `from`, without text features of packed models; with the text features ranking needs."""
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
        """The stages that a stage's params name, without stages that its sources already read."""
        if not stage.named:
            return []
        read = {name_read for source in stage.sources for name_read in self.reads(source)}
        return [name for name in stage.named if name in self.stages and name not in read]

    def decoder(self, name: str) -> str:
        """The library that reads a stage's videos: the `decoder` of the decode stage before it, else "pyav"."""
        stage = self.stages[name]
        decodes = self.stages_of(stage.about.after, self.needed([name])) if stage.decodes else []
        return decodes[0].options_as(DecodeOptions).decoder if decodes else DecodeOptions.decoder

    def inside(self, encoder: str) -> list[str]:
        """The stages that a joint encoder reads, without video features (only its own training needs those)."""
        return [source for source in self.stages[encoder].sources if "video" not in self.stages[source].sides]

    def features(self, name: str) -> tuple[list[str], list[str]]:
        """The video and the text features that a train stage fuses; none if it is idle."""
        if self.stages[name].idle:
            return [], []
        sources = [self.stages[source] for source in self.stages[name].sources]
        return [s.name for s in sources if "video" in s.sides], [s.name for s in sources if "text" in s.sides]

    def imported(self, names: Iterable[str]) -> list[str]:
        """The features among `names` that are imported from files: no part can make them of new videos or texts."""
        return [name for name in names if self.stages[name].part is None]

    def stages_of(self, word: str, among: Iterable[str] | None = None) -> list[Stage]:
        """The stages of a step, in running order; only those in `among`, if given."""
        names = self.stages if among is None else among
        # All code that works on the results of one step finds its stages here.
        return [self.stages[name] for name in names if self.stages[name].step == word]

    def of_step(self, word: str) -> Stage:
        """The only stage of a step; LaffError if there is none, or more than one."""
        stages = self.stages_of(word)
        if len(stages) != 1:
            raise LaffError(f"{self.path.name} has {len(stages)} stages of step '{word}'; one is needed here")
        return stages[0]
