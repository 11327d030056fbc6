"""Code that is fast on CPUs alone: the steps of a GRU, written out for learning and for embedding."""

import os

OFF = ("", "0", "false", "no", "off")


def plain() -> bool:
    """Whether LAFF_PLAIN=1 asks for torch's plain operations in place of those that are fast on a CPU.

    Here that is nn.GRU over packed captions. Results are equal up to rounding, as on two processors, so the switch is
    in no fingerprint; `laff analyze cost` counts the FLOPs of the operations that are used. Each process reads its own
    environment, at each call.
    """
    return os.environ.get("LAFF_PLAIN", "").lower() not in OFF
