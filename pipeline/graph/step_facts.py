"""Facts of steps: the constants of each step's class Options, read from its file without importing it."""

from dataclasses import dataclass, fields
from functools import cache
from keyword import iskeyword
from typing import Any

from pipeline.errors import did_you_mean
from pipeline.parts.classes import Parameter, part
from pipeline.parts.code import ROOT, PartError

ROOM = "pipeline.steps"
WHERE = "pipeline/graph/step_facts.py tells what a step can say"


@dataclass(frozen=True)
class StepFacts:
    """Facts of one step. Its file replaces the defaults here by constants of its Options: READS for `reads`, ….

    A stage is an entry of stages.yaml; the step is what it does.
    """

    name: str  # the word for it in stages.yaml
    parameters: dict[str, Parameter]  # the step's own params in stages.yaml: the fields of its Options

    # for the graph
    reads: tuple[str, ...] = ()  # its `from` lists exactly one stage of each of these steps, in this order
    may_read: tuple[str, ...] = ()  # after these, `from` may also list one stage of each of these steps
    names_more: tuple[
        str, ...
    ] = ()  # params {…: [stage, …]} or {…: {pair: [stage, …]}}: a stage also reads the stages that they name
    single: bool = False  # a graph has at most one stage of it
    uses: bool = False  # its stages must name a class by `uses:`
    borrows: str = ""  # a step: without `uses:`, take the class of the source with this step
    computes: bool = False  # its stages take `on: gpu` or `on: cpu`
    decodes: bool = False  # it opens the files of videos
    after: str = ""  # a step: a stage that opens videos must read, directly or not, a stage of this step
    learns: str = ""  # "always": it learns from the train split; "part": if its class learns; "": never
    fuses: bool = False  # it reads features of both sides
    rows: str = ""  # it makes rows of features for the sides of its class ("part") or of a param (its name, "side")
    needs: tuple[str, ...] = ()  # what the collection must have, in the words of pipeline/plan/lacks.py
    # for a run
    default: bool = False  # `laff run` without names makes its stages; if no step sets it, all that nothing reads
    together: str = ""  # a side: its stages with rows of this side are run in one call of `run_together`
    in_place: bool = False  # other settings replace its results; they do not start a new run
    loses: bool = False  # a video that it fails on is lost for all stages that read it
    # for plan, accept, gc and verify
    stale: str = "what it reads changed"  # shown in the plan when the data changed, not the settings
    tells: bool = False  # its results mention accepted code, so they are always remade, never accepted
    makes: tuple[
        str, ...
    ] = ()  # its files, below the stage's folder; {shard}, {side}, {unit} and {model} stand for the parts that vary
    working: tuple[str, ...] = ()  # files that are needed only until the stage is finished; {shard}, {unit}
    # for fingerprints: a room or module below counts with all modules that it imports
    how: tuple[str, ...] = ()  # params that change how it works but not its results: another value makes nothing stale
    files: tuple[str, ...] = ()  # params that name files: the content of a file counts, not its path
    counts: bool = True  # the code of the step counts: its own file and the modules below
    shaped_by: tuple[str, ...] | None = None  # rooms and modules that count; None: all that the step's file imports
    shaped_by_video: tuple[str, ...] = ()  # these count too if the stage makes rows of videos
    shaped_by_fit: tuple[str, ...] = ()  # these count too if the stage's class learns from the train split
    shaped_by_task: tuple[str, ...] = ()  # these count too if the stage's class is trained step by step (it has `task`)
    # for --help
    help: str = ""  # the first sentence of the help of a stage's command


def named(value: Any) -> list[str]:
    """The stages that a param of NAMES_MORE names, as far as it has its form."""
    values = value.values() if isinstance(value, dict) else ()
    lists = [one.get("pair") if isinstance(one, dict) else one for one in values]
    return [str(name) for one in lists if isinstance(one, list) for name in one]


@cache
def names() -> tuple[str, ...]:
    """The names of all steps: the files of pipeline/steps."""
    files = (ROOT / "pipeline" / "steps").glob("[!_]*.py")
    return tuple(sorted(file.stem.removesuffix("_") for file in files))


def module_of(name: str) -> str:
    """The module of a step. A name that is a keyword of Python, such as `import`, gets a trailing _."""
    return f"{ROOM}.{name}_" if iskeyword(name) else f"{ROOM}.{name}"


def made() -> list[str]:
    """The patterns of all files that steps make or need while they work, below the folders of their stages."""
    return [name for word in names() for step in [about(word)] for name in (*step.makes, *step.working)]


@cache
def about(name: str) -> StepFacts:
    """The facts of a step. PartError if there is no step of this name, or if it has an unknown constant."""
    if name not in names():
        raise PartError(f"unknown step '{name}'{did_you_mean(name, names())} (known: {', '.join(names())})")
    options = part(f"{module_of(name)}.Options")
    known = {field.name.upper(): field for field in fields(StepFacts)[2:]}
    facts: dict[str, Any] = {}
    for constant in options.capitals:
        if constant not in known:
            raise PartError(
                f"{options.path} has an unknown constant {constant}{did_you_mean(constant, known)}; {WHERE}"
            )
        if constant not in options.constants:
            raise PartError(f"{options.path}: {constant} should be written out as a value, so that it can be read")
        value, default = options.constants[constant], known[constant].default
        names_ = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
        if not (names_ if default is None or isinstance(default, tuple) else type(value) is type(default)):
            kind = "a tuple of texts" if default is None or isinstance(default, tuple) else type(default).__name__
            raise PartError(f"{options.path}: {constant} is {value!r}, but should be {kind}; {WHERE}")
        facts[known[constant].name] = value
    for constant in ("how", "files"):
        for parameter in facts.get(constant, ()):
            if parameter not in options.parameters:
                raise PartError(
                    f"{options.path}: {constant.upper()} names '{parameter}', which is no param of the step"
                )
    return StepFacts(name, options.parameters, **facts)
