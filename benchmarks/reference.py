"""A training step of laff against a plain one: the same model, data and loss, written with what torch has ready.

python benchmarks/reference.py [--steps 10] [--batch 64] [--threads 1] [--precision float32]

The plain step does what the LAFF authors' code does, as it can be written from their equations: nn.GRU over padded
captions and a mean caption by caption, a dense bag of words and nn.Linear for each feature, each head's attention in
turn, autograd, clip_grad_norm_, torch.optim.RMSprop. Data and sizes are those of train_step.py: the GRU is in the
model; --precision is that of our products, theirs are of float32. Both start from the same weights; first their losses
on one batch are compared, without dropout. Then they take turns, step by step, so that whatever else the machine does
falls on both. Times are CPU time of one thread, and with --threads 2 or more those of the clock. The authors' code does
more than the plain step: it builds the features of a batch in Python, and reads them from files.
"""

import argparse
import sys

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from train_step import CAPTIONS, TEXT, VIDEO, WARM, Clock, model, one_step, split

from fusion import losses
from fusion.features import Split
from fusion.paired import Paired
from fusion.retrieval import Retrieval
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import make_optimizer
from pipeline.workers import malloc

HEADS, WIDTH, RAW = 8, 512, "clip-ft"  # the raw feature enters without a map: tiled, then normalised over the batch
DROPOUT, MARGIN = 0.2, 0.2
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2}  # by which the losses may differ, relative


class Side(nn.Module):
    """LAFF over the features of one side: [B, D_k] each -> 8 heads [B, 512], unit length."""

    def __init__(self, dims: dict[str, int]) -> None:
        super().__init__()
        wide = HEADS * WIDTH
        maps = {name: nn.BatchNorm1d(wide) if name == RAW else nn.Linear(dim, wide) for name, dim in dims.items()}
        self.maps = nn.ModuleDict(maps)
        self.scores = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(HEADS))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, features: dict[str, Tensor]) -> list[Tensor]:
        """One vector of each video or caption in each head."""
        entered = [
            layer(features[name].repeat(1, HEADS)) if name == RAW else self.dropout(torch.tanh(layer(features[name])))
            for name, layer in self.maps.items()
        ]
        heads = []
        for head, score in enumerate(self.scores):
            of_head = torch.stack([one[:, head * WIDTH : (head + 1) * WIDTH] for one in entered], dim=1)  # [B, K, W]
            fused = (torch.softmax(score(of_head), dim=1) * of_head).sum(dim=1)
            heads.append(functional.normalize(fused, dim=1))
        return heads


class Plain(nn.Module):
    """The authors' LAFF with the GRU inside."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 500)
        self.gru = nn.GRU(500, TEXT["gru"], batch_first=True)
        self.video, self.text = Side(VIDEO), Side(TEXT)

    def loss(self, captions: list[Tensor], text: dict[str, Tensor], video: dict[str, Tensor]) -> Tensor:
        """Captions [L] of word numbers, the longest first, and their features: the hinge of all heads, summed."""
        lengths = torch.tensor([len(one) for one in captions])
        padded = self.embedding(pad_sequence(captions, batch_first=True))
        states, _ = pad_packed_sequence(self.gru(pack_padded_sequence(padded, lengths, batch_first=True))[0], True)
        means = torch.stack([states[row, :length].mean(dim=0) for row, length in enumerate(lengths.tolist())])
        loss = means.new_zeros(())
        own = torch.eye(len(captions), dtype=torch.bool)
        for videos, texts in zip(self.video(video), self.text({"gru": means, **text}), strict=True):
            cosines = texts @ videos.T
            cost = (MARGIN + cosines - cosines.diag()[:, None]).clamp(min=0).masked_fill(own, 0)
            loss = loss + cost.max(dim=1).values.sum()  # of each caption its hardest video
        return loss

    @torch.no_grad()
    def take(self, laff: Paired) -> None:
        """Start from the weights of ours."""
        encoder = laff.encoders["gru"]
        self.embedding.load_state_dict(encoder.embedding.state_dict())
        self.gru.load_state_dict(encoder.gru.state_dict())
        for mine, other in ((self.video, laff.video), (self.text, laff.text)):
            for name, layer in mine.maps.items():
                theirs = other.enter[name]
                layer.weight.copy_(theirs.weight.flatten() if name == RAW else theirs.weight.T)
                layer.bias.copy_(theirs.bias.flatten())
            for score, weight in zip(mine.scores, other.score, strict=True):
                score.weight.copy_(weight[None])


def given(train: Split, rows: Tensor) -> tuple[list[Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The captions with these numbers as the plain model takes them, the longest first."""
    tokens, bags = train.text["gru"], train.text["bow"]
    rows = rows[(tokens.starts[rows + 1] - tokens.starts[rows]).argsort(descending=True, stable=True)]
    captions = [tokens.ids[tokens.starts[row] : tokens.starts[row + 1]] for row in rows.tolist()]
    bag = torch.zeros(len(rows), bags.dim)
    for place, row in enumerate(rows.tolist()):
        span = slice(int(bags.indptr[row]), int(bags.indptr[row + 1]))
        bag[place].index_add_(0, bags.indices[span], bags.values[span])
    text = {"bow": bag, **{name: train.text[name][rows] for name in ("w2v", RAW)}}
    return captions, text, {name: values[train.video_of[rows]] for name, values in train.video.items()}


def plain_step(plain: Plain, optimizer: torch.optim.Optimizer, train: Split, rows: Tensor, clip: float) -> None:
    """A step of the plain model."""
    optimizer.zero_grad()
    plain.loss(*given(train, rows)).backward()
    torch.nn.utils.clip_grad_norm_(plain.parameters(), clip)
    optimizer.step()


@torch.no_grad()
def losses_of(task: Retrieval, plain: Plain, rows: Tensor) -> tuple[float, float]:
    """The loss of both on a batch, as in learning but for dropout; running statistics are kept."""
    models = (task.model, plain)
    for one in models:
        one.train()
        for layer in one.modules():
            if isinstance(layer, nn.Dropout):
                layer.eval()
    state = {name: value.clone() for name, value in task.model.state_dict().items()}
    both = float(task.loss(rows)), float(plain.loss(*given(task.train, rows)))
    task.model.load_state_dict(state)
    for one in models:
        one.train()
    return both


def main() -> None:
    """Both models by turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=TOLERANCE, default="float32")
    options = parser.parse_args()
    if not 2 <= options.batch <= CAPTIONS:
        parser.error(f"--batch is {options.batch}; it should be 2 to {CAPTIONS}")
    if options.steps < 1 or options.threads < 1:
        parser.error("--steps and --threads should be at least 1")
    malloc.keep()
    torch.set_num_threads(options.threads)
    train, recipe = split(CAPTIONS, 1024, joint=True), Recipe(batch=options.batch)
    task = Retrieval(model(joint=True), train, train, losses.make("triplet"), precision=options.precision)
    plain = Plain(train.text["gru"].size)
    plain.take(task.model)
    batches = torch.randperm(len(train)).split(options.batch)[: len(train) // options.batch]
    ours, theirs = losses_of(task, plain, batches[0])
    print(f"loss of one batch, without dropout: {ours:.4f}, plain {theirs:.4f}")
    if abs(ours - theirs) > TOLERANCE[options.precision] * theirs:
        sys.exit("the two are not the same model")
    optimizer = make_optimizer(task.model, recipe)
    plain_optimizer = torch.optim.RMSprop(plain.parameters(), lr=recipe.lr, alpha=0.99, eps=1e-8)
    clock = Clock("cpu", options.threads)
    times: dict[str, list[float]] = {"ours": [], "plain": []}
    for number in range(WARM // 2 + options.steps):
        rows = batches[number % len(batches)]
        mine = sum(one_step(task, optimizer, rows, recipe.clip, clock))
        clock.now()
        plain_step(plain, plain_optimizer, train, rows, recipe.clip)
        if number >= WARM // 2:
            times["plain"].append(clock.now())
            times["ours"].append(mine)
    best, median = ({name: pick(sorted(values)) for name, values in times.items()} for pick in (min, middle))
    kind = "CPU time" if options.threads == 1 else "time on the clock"
    print(
        f"batch {options.batch}, {options.precision}, {kind} of a step with {options.threads} thread(s): "
        f"ours {best['ours']:.0f} ms (median {median['ours']:.0f}), plain {best['plain']:.0f} ({median['plain']:.0f}); "
        f"plain / ours {best['plain'] / best['ours']:.2f} (by medians {median['plain'] / median['ours']:.2f})"
    )


def middle(rising: list[float]) -> float:
    """The median of rising numbers."""
    return rising[len(rising) // 2]


if __name__ == "__main__":
    main()
