"""Dropout with 16 random bits a number: on a CPU, drawing is most of its work, and one draw then serves four."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusion.cpu import plain

LEVELS = 1 << 16
FINE = 0.999  # above, so few stay that their share should not be rounded


class Dropout(nn.Dropout):
    """nn.Dropout, whose chance to drop is rounded to 1 / 65,536 on a CPU: a third of the time there.

    With LAFF_PLAIN=1 it is nn.Dropout everywhere, which draws other numbers: the trained model is another one.
    """

    def forward(self, rows: Tensor) -> Tensor:
        """Any shape: while training each number becomes 0, or itself divided by the share of those that stay."""
        dropped = round(self.p * LEVELS)
        if not self.training or not dropped or self.p > FINE or not rows.is_cpu or plain():
            return super().forward(rows)
        draws = torch.empty(-(-rows.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
        bits = draws.view(torch.int16)[: rows.numel()].view(rows.shape)
        return rows * ((bits >= dropped - LEVELS // 2) * (LEVELS / (LEVELS - dropped))).to(rows.dtype)
