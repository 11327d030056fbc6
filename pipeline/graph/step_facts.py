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
    """Facts of one step, by its word in stages.yaml; constants in its file replace the defaults here."""

    name: str
    parameters: dict[str, Parameter]  # the step's own params in stages.yaml: the fields of its Options

    # for the graph
    reads: tuple[str, ...] = ()  # it reads one stage of each of these steps, and nothing else
    may_read: tuple[str, ...] = ()  # behind these it may read one of each of these steps
    names_more: tuple[str, ...] = ()  # params {…: [stage, …]} that name stages which it reads beside its `from`
    single: bool = False  # a graph has one stage of it at most
    uses: bool = False  # its stages name a class to work with, by `uses:`,
    borrows: str = ""  # or take that of the stage of this step which they read
    computes: bool = False  # `on: gpu` means something
    decodes: bool = False  # it opens the files of videos
    after: str = ""  # where it opens them, its `from` leads to a stage of this step, which has looked at them
    learns: str = ""  # from the train split: "always", or "part" where its class does
    fuses: bool = False  # it reads features of both sides
    rows: str = ""  # it makes rows of features: for the sides of its class ("part"), or for that of its param "side"
    needs: tuple[str, ...] = ()  # what the collection must have, in the words of pipeline/plan/lacks.py
    # for a run
    default: bool = False  # `laff run` without names makes its stages; where no step says so, all that nothing reads
    together: str = ""  # its stages with rows of this side are run in one call, of run_together
    in_place: bool = False  # other settings of it make no run beside the others: its results are made anew, in moments
    loses: bool = False  # a video that it fails on is lost to all that read it
    # for plan, accept, gc and verify
    stale: str = "what it reads changed"  # the reason, where the items that a unit was made of differ
    tells: bool = False  # its results say what was accepted: they are made again, in seconds, and never accepted
    makes: tuple[
        str, ...
    ] = ()  # its files, below the stage's folder; {shard}, {side}, {unit}, {model} stand for what varies
    working: tuple[str, ...] = ()  # files that it needs only until it is finished; {shard}, {unit}
    # for fingerprints
    how: tuple[str, ...] = ()  # params that say how, not what: another value makes nothing stale
    files: tuple[str, ...] = ()  # params that name files, which count by what is in them
    counts: bool = True  # its own file counts, and all that this imports;
    shaped_by: tuple[str, ...] | None = None  # or these rooms and modules in place of what it imports,
    shaped_by_video: tuple[str, ...] = ()  # with these where its rows stand for videos,
    shaped_by_fit: tuple[str, ...] = ()  # these where its class learns,
    shaped_by_task: tuple[str, ...] = ()  # and these where that is trained step by step
    # for --help
    help: str = ""  # what the command of a stage says it does


@cache
def names() -> tuple[str, ...]:
    """The steps that there are: a file of pipeline/steps each."""
    files = (ROOT / "pipeline" / "steps").glob("[!_]*.py")
    return tuple(sorted(file.stem.removesuffix("_") for file in files))


def module_of(name: str) -> str:
    """The module of a step; a keyword of Python, such as `import`, has _ behind it."""
    return f"{ROOM}.{name}_" if iskeyword(name) else f"{ROOM}.{name}"


def made() -> list[str]:
    """All patterns of files that steps make, or need while they work, below the folders of their stages."""
    return [name for word in names() for step in [about(word)] for name in (*step.makes, *step.working)]


@cache
def about(name: str) -> StepFacts:
    """The facts of a step. PartError where there is no step of this name, or it has an unknown constant."""
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
