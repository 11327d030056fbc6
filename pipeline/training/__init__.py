"""Learning with checkpoints: the trainer, its optimizer and schedule, one training as a job, frames to fine-tune on."""

import os

OFF = ("", "0", "false", "no", "off")


def plain() -> bool:
    """Whether LAFF_PLAIN=1 asks for torch's plain operations in place of fused ones and of those over many tensors.

    Here that is the norm of gradients, their scaling, and the optimizer's step. Results are equal up to rounding, as
    they are on two processors, so no fingerprint holds the switch. Each process reads its own environment, at each
    call.
    """
    return os.environ.get("LAFF_PLAIN", "").lower() not in OFF
