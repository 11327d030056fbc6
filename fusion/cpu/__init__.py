"""What is faster on a CPU than torch's own operations: sparse rows times a weight, and dropout."""

import os

OFF = ("", "0", "false", "no", "off")


def plain() -> bool:
    """Whether LAFF_PLAIN=1 asks for torch's plain operations in place of the ones that are fast on a CPU.

    Here these are embedding_bag with a dense gradient, and nn.Dropout. Products are equal up to rounding, as they are
    on two processors, so no fingerprint holds the switch. Dropout is the exception: it draws other numbers, and a model
    trained with it is another one, as with another seed. Each process reads its own environment, at each call.
    """
    return os.environ.get("LAFF_PLAIN", "").lower() not in OFF
