"""What a data set declares: its protocols, the files that it reads, how they are read, and what may be chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.protocols.prepared import Counts, Prepared
from pipeline.protocols.sources import Sources


@dataclass(frozen=True)
class Protocol:
    """Which videos and captions are learned from, chosen by and asked for."""

    name: str
    about: str  # a sentence, without its full stop
    counts: Mapping[str, Counts] = field(default_factory=dict)  # by split
    public: bool = True  # whether others use it too, so that the collection says its name
    files: Mapping[str, str] = field(default_factory=dict)  # by split, the annotation file that has its captions


@dataclass(frozen=True)
class Choices:
    """What a person may choose beside the protocol; each data set says which of these it takes."""

    val: str = ""  # "held-out": videos of train; "test": those of test; "": as the data set has it
    held_out: int | None = None  # how many videos of train become val
    seed: int = 1  # of the random draw of videos
    first: int = 0  # keep so many captions of each video; 0: all
    columns: Mapping[str, str] = field(default_factory=dict)  # what is wanted -> the name of the column that holds it
    fractions: tuple[float, ...] = ()  # of the videos: train, val, test


@dataclass(frozen=True)
class Order:
    """What a data set is asked to read."""

    protocol: Protocol
    sources: Sources
    choices: Choices
    problems: Problems  # mistakes go here, each with its file and line; reading goes on
    with_videos: bool = False  # whether a folder of videos was named; else features are imported


@dataclass(frozen=True)
class DataSet:
    """A data set that can be prepared."""

    name: str
    title: str  # with where it was published
    files: tuple[str, ...]  # the annotation files that it reads: a line each, with where they come from
    protocols: tuple[Protocol, ...]  # the first is that of who names none
    read: Callable[[Order], Prepared]  # mistakes go to the order's problems
    choices: tuple[str, ...] = ()  # the fields of Choices that it takes
    looks: str = ""  # a regular expression: what its annotation files have in them and those of other sets have not

    def protocol(self, name: str) -> Protocol:
        """The protocol of this name, or the first without one; LaffError, with similar names, if there is none."""
        names = {protocol.name: protocol for protocol in self.protocols}
        short = name.lower().removeprefix(f"{self.name}/")
        if short and short not in names:
            known = ", ".join(names)
            raise LaffError(f"{self.name} has no protocol '{name}'{did_you_mean(short, names)} (known: {known})")
        return names[short] if short else self.protocols[0]
