"""Operations that are faster on a CPU than torch's: sparse rows times a weight, and dropout."""

import os

OFF = ("", "0", "false", "no", "off")


def plain() -> bool:
    """Tell whether LAFF_PLAIN=1 asks for torch's plain operations in place of the ones that are fast on a CPU.

    Here these are embedding_bag with a dense gradient, and nn.Dropout. Products are equal up to rounding, as between
    two processors, so the switch is in no fingerprint. Dropout is the exception: it draws other numbers, so that the
    trained model is another one, as with another seed. Each process reads its own environment, at each call.
    """
    return os.environ.get("LAFF_PLAIN", "").lower() not in OFF
