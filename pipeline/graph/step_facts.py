"""What the file of a step says of it, read without importing it: constants of its class Options."""

from dataclasses import dataclass, fields
from functools import cache
from keyword import iskeyword
from typing import Any

from pipeline.errors import did_you_mean
from pipeline.parts.classes import Parameter, part
from pipeline.parts.code import ROOT, PartError

ROOM = "pipeline.steps"


@dataclass(frozen=True)
class StepFacts:
    """A word of stages.yaml's `step`; its file in pipeline/steps says in capitals what is not as it stands here."""

    name: str
    parameters: dict[str, Parameter]  # the step's own params in stages.yaml: the fields of its Options

    # its place in the graph
    reads: tuple[str, ...] = ()  # it reads one stage of each of these steps, and no other
    single: bool = False  # a graph has one stage of it at most
    default: bool = False  # `laff run` without names makes its stages; where no step says so, all that nobody reads
    # its part
    uses: bool = False  # it needs a class to work with
    borrows: str = ""  # without `uses`, it takes the part over from the stage of this step that it reads
    # its work
    computes: bool = False  # `on: gpu` means something
    decodes: bool = False  # it opens the files of videos,
    after: str = ""  # of which a stage of this step, somewhere in its from, has told how to read them
    together: str = ""  # stages of it whose rows stand for this side run together, in one pass
    learns: str = ""  # from the train split: "always", or "part" where its part does
    fuses: bool = False  # it reads features of both sides
    # its results
    rows: str = ""  # whether they are rows of features: for the sides of its "part", or for that of its param "side"
    loses: bool = False  # a video that it fails on is lost to all that read it
    tells: bool = False  # they say what earlier code has made, so they are made again rather than accepted
    makes: tuple[str, ...] = ()  # files below its folder that `gc` keeps and `verify` checks: {shard}, {side}, {unit}
    working: tuple[str, ...] = ()  # files that it needs only until it is finished
    stale: str = "what it reads changed"  # why, where the items that a unit was made of differ
    # its fingerprint
    how: tuple[str, ...] = ()  # params that say how, not what: another value makes nothing stale
    files: tuple[str, ...] = ()  # params that name files, which count by what is in them
    counts: bool = True  # its own file, and what this imports
    shaped_by: tuple[str, ...] | None = None  # rooms and modules in place of all that its own file imports,
    shaped_by_video: tuple[str, ...] = ()  # with these where its rows stand for videos,
    shaped_by_task: tuple[str, ...] = ()  # and these where its part is trained step by step

    help: str = ""  # what the command of a stage says it does


@cache
def names() -> tuple[str, ...]:
    """The steps that there are: a file of pipeline/steps each."""
    files = (ROOT / "pipeline" / "steps").glob("[!_]*.py")
    return tuple(sorted(file.stem.removesuffix("_") for file in files))


def module_of(name: str) -> str:
    """The module of a step; the file of a word of Python, as `import`, ends in _."""
    return f"{ROOM}.{name}_" if iskeyword(name) else f"{ROOM}.{name}"


def made() -> list[str]:
    """All names of files below stages' folders that steps say they make, or need while they work."""
    return [name for word in names() for step in [about(word)] for name in (*step.makes, *step.working)]


@cache
def about(name: str) -> StepFacts:
    """What a step says of itself. PartError where there is none of this name, or it says something unheard of."""
    if name not in names():
        raise PartError(f"unknown step '{name}'{did_you_mean(name, names())} (known: {', '.join(names())})")
    options = part(f"{module_of(name)}.Options")
    known = {field.name.upper(): field.name for field in fields(StepFacts)[2:]}
    said: dict[str, Any] = {}
    for constant, value in options.constants.items():
        if constant not in known:
            raise PartError(
                f"{options.path} has an unknown constant {constant}{did_you_mean(constant, known)}; "
                "pipeline/graph/step_facts.py tells which there are"
            )
        said[known[constant]] = value
    return StepFacts(name, options.parameters, **said)
