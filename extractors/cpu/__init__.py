"""What is faster on a CPU than torch's own operations: the steps of a GRU, for learning and for embedding."""

import os

OFF = ("", "0", "false", "no", "off")


def plain() -> bool:
    """Whether LAFF_PLAIN=1 asks for torch's plain operations in place of the ones that are fast on a CPU.

    Here that is nn.GRU over packed captions. Results are equal up to rounding, as they are on two processors, so no
    fingerprint holds the switch; the FLOPs that `laff analyze cost` counts are those of the operations taken. Each
    process reads its own environment, at each call.
    """
    return os.environ.get("LAFF_PLAIN", "").lower() not in OFF
