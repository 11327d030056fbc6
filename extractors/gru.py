"""GRU sentence encoder: mean hidden state over a caption's words (W2VV++, Li et al. 2019; LAFF, Hu et al. 2022).

It has two uses. On its own it is trained here, towards one fixed video feature, and then is a text feature like any
other. In joint training the fusion model contains the encoder, by way of `vocabulary`, `tokens` and `encoder`.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from extractors.base import Pairs
from extractors.cpu import gru_prefixes, gru_steps, plain
from extractors.cpu.gru_steps import Order, Weights
from extractors.gru_task import GruTask, Loss, embed
from extractors.pinned import sent
from extractors.words import tokenise, vocabulary

SPECIAL = ["<pad>", "<start>", "<end>", "<unk>"]  # ids 0 to 3; the first only keeps the authors' numbering
START, END, UNKNOWN = 1, 2, 3
AT_ONCE = 4096  # captions on a GPU when nothing is learned
SIZES = ("hidden", "bidirectional", "vector_dim")  # what the weights' shapes follow from


class GruEncoder(nn.Module):
    """Token sequences to vectors: embedding, one GRU layer, mean over all steps.

    Shapes: B captions, L tokens of one, D = hidden.
    """

    def __init__(self, size: int, vector_dim: int, hidden: int = 1024, bidirectional: bool = False) -> None:
        """Build it for `size` words; with `bidirectional`, half of `hidden` runs each way, so that D is the same."""
        super().__init__()
        self.embedding = nn.Embedding(size, vector_dim)
        width = hidden // 2 if bidirectional else hidden
        self.gru = nn.GRU(vector_dim, width, bidirectional=bidirectional)
        self.dim = hidden

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        """The mean states of captions that follow one another: ids [sum L] int64, starts [B + 1] int64 -> [B, D].

        There is no padding. Raises ValueError for a caption without tokens. On a GPU only `ids` should be there and
        `starts` on the CPU, so that nothing waits for the GPU.
        """
        starts = starts.cpu()
        if len(empty := (starts.diff() < 1).nonzero()):
            raise ValueError(f"caption {int(empty[0])} has no tokens; the mean of its states needs at least one")
        learns = torch.is_grad_enabled()
        if ids.is_cpu and not plain() and (not learns or gru_steps.has_derivatives()):
            mean_states = gru_steps.mean_states if learns else gru_prefixes.mean_states
            return torch.cat([mean_states(ids, starts, self.embedding.weight, *way) for way in self._ways()], dim=1)
        if learns:
            return self.packed(ids, starts)
        bounds = [*starts[:-1:AT_ONCE].tolist(), len(ids)]
        groups = starts[:-1].split(AT_ONCE)
        pieces = zip(bounds[:-1], bounds[1:], groups, strict=True)
        return torch.cat([self.packed(ids[a:b], torch.cat([s, s.new_tensor([b])]) - a) for a, b, s in pieces])

    def packed(self, ids: Tensor, starts: Tensor) -> Tensor:
        """Mean states by nn.GRU: for a GPU, and on a CPU where LAFF_PLAIN=1 asks for it; `cpu/` must equal them.

        `starts` is on the CPU, so that nothing waits for a GPU.
        """
        order = Order.of(starts)
        tokens = sent(order.tokens, ids.device)
        packed = PackedSequence(self.embedding(ids[tokens]), torch.tensor(order.sizes))
        states = self.gru(packed)[0].data  # [sum L, D] in the same order
        where = torch.empty_like(tokens)
        where[tokens] = torch.arange(len(ids), device=ids.device)
        return functional.embedding_bag(where, states, sent(starts[:-1], ids.device), mode="mean")

    def _ways(self) -> list[tuple[Weights, bool]]:
        """The weights of each direction, and whether it runs backwards."""
        ways = [("", False), ("_reverse", True)] if self.gru.bidirectional else [("", False)]
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        return [(Weights(*(getattr(self.gru, name + end) for name in names)), backwards) for end, backwards in ways]


class Gru:
    """Mean GRU state over `<start> words <end>`, D = hidden; words outside the vocabulary are `<unk>`."""

    sides = ("text",)

    def __init__(
        self,
        *,
        hidden: int = 1024,  # width of the state, D
        bidirectional: bool = False,  # reads captions backwards too
        threshold: int = 5,  # occurrences in the train captions that a word needs
        vector_dim: int = 500,  # width of the word vectors: that of the vectors it starts from
        seed: int = 2,  # of the initial weights
    ) -> None:
        """Take the sizes; `vector_dim` must be the width of the vectors that the encoder starts from."""
        for name, value in (("hidden", hidden), ("threshold", threshold), ("vector_dim", vector_dim)):
            if value < 1:
                raise ValueError(f"{name} is {value}; it should be at least 1")
        if bidirectional and hidden % 2:
            raise ValueError(f"hidden is {hidden}; a bidirectional GRU needs an even number, half of it each way")
        self.hidden = self.dim = hidden
        self.bidirectional = bidirectional
        self.threshold = threshold
        self.vector_dim = vector_dim
        self.seed = seed

    def vocabulary(self, captions: Sequence[str]) -> list[str]:
        """Train captions -> words by id, stop words among them, the four special ones first."""
        return SPECIAL + vocabulary(captions, self.threshold, stopwords=True)

    def check_captions(self, captions: Sequence[str]) -> None:
        """Raise ValueError where there is nothing to learn from these train captions."""
        self.vocabulary(captions)

    def tokens(self, captions: Sequence[str], words: Sequence[str]) -> tuple[Tensor, Tensor]:
        """C captions -> ids [sum L] int64 of `<start> words <end>`, and starts [C + 1] int64 of each caption."""
        known = {word: i for i, word in enumerate(words)}
        ids: list[int] = []
        starts = [0]
        for caption in captions:
            ids += [START, *(known.get(word, UNKNOWN) for word in tokenise(caption)), END]
            starts.append(len(ids))
        return torch.tensor(ids, dtype=torch.int64), torch.tensor(starts, dtype=torch.int64)

    def encoder(
        self, words: Sequence[str], vectors: Mapping[str, np.ndarray] | None = None, seed: int | None = None
    ) -> GruEncoder:
        """A new encoder for these words, on the CPU, whose word vectors start from `vectors`.

        Words without a vector start from uniform(-1, 1). seed: in place of the constructor's. The global random state
        does not change. Raises ValueError where the vectors are not `vector_dim` wide.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed if seed is None else seed)
            encoder = GruEncoder(len(words), self.vector_dim, self.hidden, self.bidirectional)
            nn.init.uniform_(encoder.embedding.weight, -1.0, 1.0)
        known_words = [i for i, word in enumerate(words) if word in vectors] if vectors else []
        if vectors and known_words:
            table = np.stack([vectors[words[i]] for i in known_words]).astype(np.float32)
            if table.shape[1] != self.vector_dim:
                raise ValueError(
                    f"the word vectors are {table.shape[1]} wide, but vector_dim is {self.vector_dim}; "
                    f"set vector_dim: {table.shape[1]}"
                )
            with torch.no_grad():
                encoder.embedding.weight[known_words] = torch.from_numpy(table)
        return encoder

    def task(
        self,
        train: Pairs,
        val: Pairs,
        loss: Loss,
        vectors: Mapping[str, np.ndarray] | None = None,
        device: str = "cpu",
    ) -> GruTask:
        """The training of this encoder towards the fixed video features [V, D'] of the pairs."""
        words = self.vocabulary(train.captions)
        learned = {"words": words, **{name: getattr(self, name) for name in SIZES}}
        return GruTask(
            self.encoder(words, vectors),
            self.dim,
            partial(self.tokens, words=words),
            train,
            val,
            loss,
            learned,
            self.seed,
            device,
        )

    def load_state(self, state: dict[str, Any], device: str = "cpu") -> None:
        """Take the state that `GruTask.state` gave. Raises ValueError where it was trained with other parameters."""
        for name in SIZES:
            if state[name] != getattr(self, name):
                raise ValueError(
                    f"this GRU was trained with {name} {state[name]}, not {getattr(self, name)}; train again"
                )
        self._words = state["words"]
        self._encoder = self.encoder(self._words)
        self._encoder.load_state_dict(state["encoder"])
        self._encoder.to(device).eval()

    def knows(self, word: str) -> bool:
        """Whether a word, as `tokenise` gives it, has an id of its own."""
        return word in self._words[len(SPECIAL) :]

    def extract_text(self, captions: Sequence[str]) -> np.ndarray:
        """C captions -> [C, D] float32.

        The same call gives the same bytes on a CPU. Beside other captions the last bits may differ, because matrix
        products of another size round differently: by at most about 1e-6, where states are in (-1, 1).
        """
        ids, starts = self.tokens(captions, self._words)
        return embed(self._encoder, ids, starts).cpu().numpy()
