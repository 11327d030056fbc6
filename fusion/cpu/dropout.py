"""Dropout with 16 random bits a number: one draw of 64 bits serves four, and on a CPU drawing is most of the work."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusion.cpu import plain

LEVELS = 1 << 16
FINE = 0.999  # of a higher chance to drop, the share that stays is too small to be rounded


class Dropout(nn.Dropout):
    """Dropout as nn.Dropout has it, in a third of the time on a CPU, where its chance is rounded to 1 / 65,536.

    With LAFF_PLAIN=1 it is nn.Dropout everywhere, which draws other numbers: the trained model is another one.
    """

    def forward(self, values: Tensor) -> Tensor:
        """Drop values, of any shape: in training each becomes 0, or is divided by the share of those that stay."""
        dropped = round(self.p * LEVELS)
        if not self.training or not dropped or self.p > FINE or not values.is_cpu or plain():
            return super().forward(values)
        draws = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
        bits = draws.view(torch.int16)[: values.numel()].view(values.shape)
        return values * ((bits >= dropped - LEVELS // 2) * (LEVELS / (LEVELS - dropped))).to(values.dtype)
