"""Fine-tuning with aggregators: what is refused before it runs, killed trainings, extraction, pairs that are ranked."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extractors.base import Pairs
from extractors.clip_ft import ClipFt
from fusion.losses import make
from pipeline.build.construct import aggregator, construct
from pipeline.build.loaded import read_state
from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.graph.recipe import Recipe
from pipeline.items.catalog import Catalog
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.rows import shards
from pipeline.run_plan import plan
from pipeline.runfiles.trec import read_run
from pipeline.search.answer import search
from pipeline.store.workspace import Workspace
from pipeline.training.trainer import Trainer

FRAMES = "params: {level: frame, frames: 50, stride: 1, fps: 2, rule: first}"  # of the shipped clip-ft-frames
AGGREGATORS = {
    "mean": ("mean.Mean", {}),
    "meanP": ("mean.Mean", {"pre_norm": True}),
    "excitation": ("excitation.Excitation", {"ratio": 4}),
    "aggregation": ("aggregation.Aggregation", {"ratio": 0.25}),
    "ea": ("ea.EA", {}),
    "lstm": ("lstm.SeqLSTM", {"aggregate": 0.25}),
    "transformer": ("transformer.SeqTransf", {"layers": 2, "excite": 4, "aggregate": 4}),
    "content": ("content.Content", {}),
    "tight": ("tight.TightTransf", {"layers": 1, "excite": 4}),
}


def problems(graph: Graph, names: list[str]) -> list[str]:
    """What stands in the way of stages, told from the graph alone."""
    return steps.problems(Context(graph, Catalog(), Workspace(Path("nowhere"))), names)


def sets(name: str, **more: Any) -> tuple[str, str]:
    """`--set` of an aggregator; `more` are further params of it."""
    path, params = AGGREGATORS[name]
    return f"finetune.aggregate=fusion.frames.{path}", f"finetune.aggregate_params={params | more}".replace(
        "nan", ".nan"
    )


def with_frames(tiny: Any, folder: Path) -> Any:
    """A copy of the tiny collection whose clip-ft-frames looks at the very frames of clip-ft."""
    copy = tiny.copy(folder / "tiny", work=False)
    text = copy.stages.read_text(encoding="utf-8")
    assert FRAMES in text
    copy.stages.write_text(text.replace(FRAMES, "params: {level: frame}"), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["finetune.aggregate=fusion.frames.meen.Mean"], "no module 'fusion.frames.meen'"),
        (["finetune.aggregate=fusion.frames.ea.EAA"], "no class 'EAA' in fusion.frames.ea; did you mean 'EA'?"),
        (["finetune.aggregate=fusion.laff.LAFF"], "fusion.laff.LAFF is no aggregator of frames; see fusion/frames/"),
        (["finetune.aggregate=os.path"], "'os' is not trusted"),
        (["finetune.aggregate=ea.EA"], "did you mean fusion.frames.ea.EA?"),
        (["finetune.aggregate=fusion.frames.sequential.Sequential"], "Sequential is no aggregator of frames"),
        (["finetune.aggregate=null"], "'finetune': aggregate: None should be text"),
        (["finetune.aggregate=5"], "'finetune': aggregate: 5 should be text"),
        (["finetune.aggregate_params=3"], "'finetune': aggregate_params: 3 should be a mapping: params of that class"),
        (
            ["finetune.aggregate_params=null"],
            "'finetune': aggregate_params: None should be a mapping: params of that class",
        ),
        (["finetune.head_rate=fast", *sets("ea")], "'finetune': head_rate: 'fast' should be a number"),
        ([*sets("ea", exite=4)], "aggregate_params: unknown parameter 'exite'; did you mean 'excite'?"),
        ([*sets("ea", excite="four")], "aggregate_params: excite: 'four' should be a number"),
        ([*sets("ea", frames=3)], "aggregate_params: unknown parameter 'frames'"),
        (["finetune.aggregat=x"], "unknown parameter 'aggregat'; did you mean 'aggregate'?"),
        (
            [*sets("tight")],
            "'finetune' scores pairs (fusion.frames.tight.TightTransf), so no video has a vector; give 'clip-ft' "
            "level: frame, and let rank score the pairs: pairs: {tight: [clip-ft, clip-ft]}",
        ),
    ],
)
def test_mistakes_in_the_file(tiny: Any, given: list[str], message: str) -> None:
    with pytest.raises(LaffError, match=re.escape(message)):
        stages.load(tiny.stages, "small", given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([*sets("ea", excite=-4)], "ratio -4"),
        ([*sets("ea", excite=float("nan"))], "ratio nan"),
        ([*sets("ea", excite=9)], "ratio 9 of 8 frames leaves no hidden unit"),
        ([*sets("transformer", layers=4)], "it has 2 layers of the 4; set start: random"),
        ([*sets("tight", layers=4), "clip-ft.level=frame"], "it has 2 layers of the 4; set start: random"),
        (
            [*sets("ea"), "clip-ft.frames=5"],
            "'clip-ft' has frames: 5, but the weights of fusion.frames.ea.EA belong to the positions of frames with "
            "frames: 8; --set clip-ft.frames=8, or level: frame",
        ),
        (
            [*sets("ea"), "clip-ft.stride=2", "clip-ft.rule=first"],
            "frames with stride: 0, rule: even; --set clip-ft.stride=0 --set clip-ft.rule=even, or level: frame",
        ),
        ([*sets("content"), "clip-ft.stride=2"], ""),
        ([*sets("ea"), "clip-ft.frames=5", "clip-ft.level=frame"], ""),
        ([*sets("content"), "clip-ft.frames=5"], ""),
        ([*sets("transformer", layers=4, start="random")], ""),
    ],
)
def test_what_constructors_refuse_is_told_before_anything_runs(tiny: Any, given: list[str], message: str) -> None:
    mistakes = problems(stages.load(tiny.stages, "small", given), ["finetune", "clip-ft"])
    assert len(mistakes) == bool(message)
    assert message in "".join(mistakes)


@pytest.fixture(scope="module", autouse=True)
def one_tokenizer() -> Iterator[None]:
    """CLIP's vocabulary is read once: each of the many models here would read it for itself."""
    import open_clip

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_clip, "SimpleTokenizer", cache(open_clip.SimpleTokenizer))
        yield


class Stop(Exception):
    """What stands for an interruption."""


def task(name: str, stop: int = -1) -> Any:
    """A fine-tuning on noise, the same each time, which stops before this step."""
    path, params = AGGREGATORS[name]
    module, _, kind = path.partition(".")
    clip = ClipFt(model="tiny-64", frames=4, weights="random")
    imported = __import__(f"fusion.frames.{module}", fromlist=[kind])
    clip.plug(lambda: getattr(imported, kind)(frames=4, dim=64, **params))
    clip.load("cpu", None)
    frames = np.random.default_rng(1).integers(0, 256, (5, 4, 64, 64, 3), dtype=np.uint8)
    captions = ["a red square", "a blue circle", "two things", "nothing", "a line", "a red circle"]
    pairs = Pairs(captions, np.array([0, 1, 2, 3, 4, 0]), frames)
    tuning = clip.task(pairs, pairs, make("infonce"))
    tuning.factors = dict.fromkeys(tuning.heads, 10.0)
    step, inner = 0, tuning.loss

    def loss(samples: torch.Tensor) -> torch.Tensor:
        nonlocal step
        if step == stop:
            raise Stop
        step += 1
        return inner(samples)

    tuning.loss = loss
    return tuning


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else bool(one == other)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_killed_fine_tuning_goes_on_and_its_state_is_what_extracts(tmp_path: Path, name: str) -> None:
    recipe = Recipe(epochs=2, batch=2, lr=1e-3, optimizer="adamw")
    torch.set_num_threads(1)
    for folder, stops, seconds in (("whole", [-1], 1e9), ("parts", [4, 1, -1], 0.0)):  # 3 steps an epoch
        for stop in stops:
            trained = task(name, stop)
            try:
                Trainer(trained, recipe, 2, tmp_path / folder, "f", seconds).run()
            except Stop:
                assert stop >= 0
    whole, parts = (torch.load(tmp_path / folder / "best.pt", weights_only=True) for folder in ("whole", "parts"))
    assert same(whole, parts)
    if name == "tight":  # which gives no vectors
        return
    start = ClipFt(model="tiny-64", frames=4, weights="random")
    start.load("cpu", None)
    assert not same(start.net.state_dict(), whole["state"]["model"])
    fresh, videos = task(name), torch.from_numpy(trained.train.videos)
    if whole["state"]["aggregator"]:
        assert not same(fresh.clip.aggregator.state_dict(), whole["state"]["aggregator"])
    fresh.clip.load_state(whole["state"], "cpu")
    with torch.no_grad():
        wanted = fresh.clip.aggregator(fresh.clip.encode_frames(videos), torch.full((5,), 4))
    assert torch.equal(fresh.clip.extract(videos[:, None]), wanted)
    assert same(fresh.clip.aggregator.state_dict(), whole["state"]["aggregator"])


def test_the_rate_of_what_starts_untrained(tmp_path: Path) -> None:
    trained = task("ea")
    trainer = Trainer(trained, Recipe(epochs=1, batch=6, lr=1e-3, optimizer="adamw", decay=1.0), 2, tmp_path, "f")
    trainer.run()
    inside = {id(p) for p in trained.clip.aggregator.parameters()}
    for group in trainer.optimizer.param_groups:
        mine = [id(p) in inside for p in group["params"]]
        assert all(mine) or not any(mine)
        assert group["lr"] == pytest.approx(1e-2 if any(mine) else 1e-3)
    assert task("mean").heads == ()


def test_scores_of_pairs_by_a_loop() -> None:
    """The validation score of the tight type, and what the loss sees, from each pair alone."""
    trained = task("tight")
    clip, pairs = trained.clip, trained.train
    with torch.no_grad():
        for parameter in clip.aggregator.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)) * 0.1)
        text = clip.encode_texts(clip.tokens(pairs.captions))
        frames = clip.encode_frames(torch.from_numpy(pairs.videos))
        four = torch.tensor([4])
        clip.aggregator.eval()  # without dropout
        scores = np.array([[float(clip.aggregator(t[None], f[None], four)) for f in frames] for t in text])
    matching = scores[np.arange(6), pairs.video_of][:, None]
    ranks = 1 + (scores > matching).sum(axis=1) + ((scores == matching).sum(axis=1) - 1) / 2
    assert trained.score() == pytest.approx(float((1 / ranks).mean()))
    seen: list[Any] = []
    trained.objective = lambda *given: seen.extend(given) or given[0].sum()
    clip.aggregator.transformer.dropout.p = 0.0
    trained.loss(torch.tensor([5, 1, 0]))
    np.testing.assert_allclose(seen[0].detach().numpy(), scores[[5, 1, 0]][:, [0, 1, 0]], rtol=1e-3, atol=1e-4)
    assert float(seen[1]) == 1.0
    assert seen[2].tolist() == [0, 1, 0]


PAIRED = (
    "{uses: fusion.clip4clip.Clip4Clip, video: [clip-ft-frames], text: [clip-ft-frames], "
    "params: {frames: [clip-ft-frames], aggregate: fusion.frames.tight.TightTransf, aggregate_params: {layers: 1}}}"
)
FEW = ("finetune.epochs=1", "finetune.head_rate=1", "train.from=[clip-ft, clip-ft-frames, bow]", "train.epochs=1")
SHORT = ("finetune.stride=3", "finetune.fps=8")  # clips of 2.6 seconds, longer than some videos


@pytest.fixture(scope="module")
def excited(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny collection, its clip-ft fine-tuned with excitation and aggregation that let padding count."""
    copy = with_frames(tiny, tmp_path_factory.mktemp("excited"))
    copy.run(*FEW, *SHORT, *sets("ea", masked=False), targets=("clip-ft", "clip-ft-frames"))
    return copy


def test_extraction_aggregates_as_the_fine_tuning_did(excited: Any) -> None:
    """clip-ft is what the saved gates and weights make of clip-ft-frames and its padding, in NumPy.

    Padding is one and the same row everywhere, an image of zeros, and with it the training scored its videos.
    """
    state = {
        key: value.double().numpy()
        for key, value in read_state(excited.work / "finetune/best.pt")["aggregator"].items()
    }
    checked, padding, videos = 0, [], {}
    for path in sorted((excited.work / "clip-ft-frames" / "video").glob("*.h5")):
        shard = shards.read(path)
        padding += [row for values, count in zip(shard.values, shard.frames, strict=True) for row in values[count:]]
        x = shard.values.astype(np.float64)
        x = x / np.linalg.norm(x, axis=2, keepdims=True)
        for block in ("excitation", "aggregation"):
            w = {key.removeprefix(f"{block}.positions."): v for key, v in state.items() if key.startswith(block)}
            hidden = np.maximum(x.mean(axis=2) @ w["inner.weight"].T + w["inner.bias"], 0)
            u = hidden @ w["outer.weight"].T + w["outer.bias"]
            if block == "excitation":
                x = x / (1 + np.exp(-u))[:, :, None]
            else:
                powers = np.exp(u)
                x = (x * (powers / powers.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)
        vectors = shards.read(excited.work / "clip-ft" / "video" / path.name).values
        np.testing.assert_allclose(vectors, x, rtol=1e-3, atol=1e-5)
        videos |= dict(zip(shard.ids, x, strict=True))
        checked += len(vectors)
    assert checked == 22
    assert 8 < len(padding) < 22 * 7
    assert np.abs(padding[0]).max() > 0.1
    np.testing.assert_allclose(padding, padding[:1] * len(padding), rtol=1e-3, atol=1e-4)
    texts = captions_of(excited, "clip-ft-frames")
    ids = (excited.folder / "collection" / "val.txt").read_text().split()
    x = np.array([videos[id_] / np.linalg.norm(videos[id_]) for id_ in ids])
    asked = [(row, id_.partition("#")[0]) for id_, row in texts.items() if id_.partition("#")[0] in ids]
    cosines = np.array([x @ row / np.linalg.norm(row) for row, _ in asked])
    count = cosines[np.arange(len(asked)), [ids.index(video) for _, video in asked]]
    score = float((1 / (cosines >= count[:, None] - 1e-9).sum(axis=1)).mean())
    assert torch.load(excited.work / "finetune/best.pt", weights_only=True)["score"] == pytest.approx(score, abs=1e-4)


def captions_of(workspace: Any, stage: str) -> dict[str, np.ndarray]:
    """The rows of all captions by their ids."""
    read = [shards.read(path) for path in sorted((workspace.work / stage / "text").glob("*.h5"))]
    return {id_: row for shard in read for id_, row in zip(shard.ids, shard.values, strict=True)}


def test_what_a_change_of_the_aggregator_makes_anew(excited: Any) -> None:
    """Another parameter of it makes another fine-tuning; naming a default does not."""
    assert not excited.run(*FEW, *SHORT, *sets("ea", masked=False, relu6=True), targets=("clip-ft",)).made
    for changed in (sets("ea", masked=False, excite=2), sets("ea", masked=True), sets("mean")):
        planned = {one.stage: one for one in plan(excited.request(*FEW, *SHORT, *changed), ["clip-ft"]).stages}
        assert planned["finetune"].todo
        assert planned["clip-ft"].todo


def test_a_rate_without_effect_makes_nothing_anew(tiny: Any) -> None:
    """The mean has no weights: head_rate is no part of its fine-tuning. The seed is part of what starts untrained."""
    plain, other = (stages.load(tiny.stages, "small", [f"finetune.head_rate={rate}"]) for rate in (3, 7))
    assert plain.stages["finetune"] == other.stages["finetune"]
    plain, other = (stages.load(tiny.stages, "small", [*sets("ea"), f"finetune.head_rate={rate}"]) for rate in (3, 7))
    assert plain.stages["finetune"] != other.stages["finetune"]
    networks = [
        aggregator(stages.load(tiny.stages, "small", [*sets("ea"), f"finetune.seed={seed}"]).stages["finetune"], 64)
        for seed in (1, 1, 2)
    ]
    assert same(networks[0].state_dict(), networks[1].state_dict())
    assert not same(networks[0].state_dict(), networks[2].state_dict())


TIGHT = ("clip-ft.level=frame", *sets("tight"))
ALONE = ("train.own=false", "train.singles=false")
BY_FRAME = (*ALONE, f"train.baselines={{paired: {PAIRED}}}")
ROW = ("train.from=[clip-ft-frames, bow]", "rank.pairs={tight: [clip-ft-frames, clip-ft-frames]}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([*TIGHT], "laff takes 'clip-ft' as one vector a video, but 'clip-ft' comes from a CLIP that learned to score"),
        (
            [*TIGHT, "train.from=[x3d, gru]", "gru.from=[ingest, clip-ft]"],
            "'gru' learns from one vector a video, but 'clip-ft' comes from a CLIP",
        ),
        (
            [*TIGHT, *ALONE, "train.baselines={b: {uses: fusion.mean.Mean, video: [clip-ft]}}"],
            "b takes 'clip-ft' as one vector a video",
        ),
        (
            ["train.from=[clip-ft-frames, clip, bow]", *TIGHT, *BY_FRAME, "rank.pairs={odd: [clip-ft-frames, clip]}"],
            "pairs.odd: 'clip-ft-frames' comes from a CLIP that learned to score pairs "
            "(fusion.frames.tight.TightTransf) and has no cosine with 'clip'; take [clip-ft-frames, clip-ft-frames]",
        ),
        (
            [*ROW, *TIGHT, *BY_FRAME, "clip-ft-frames.stride=2", "clip-ft-frames.fps=2"],
            "pairs.tight: 'clip-ft-frames' has stride: 2, fps: 2.0, but the weights of fusion.frames.tight.TightTransf "
            "belong to the positions of frames with stride: 0, fps: 0.0; "
            "--set clip-ft-frames.stride=0 --set clip-ft-frames.fps=0.0",
        ),
        (["rank.pairs={odd: [clip-fit, clip-ft]}"], "pairs.odd: there is no video feature 'clip-fit'; did you mean"),
        (["rank.pairs={odd: [bow, bow]}"], "pairs.odd: there is no video feature 'bow'"),
        (["rank.pairs={odd: [timm, clip-ft]}"], "pairs.odd: 'timm' is 1280 wide and 'clip-ft' 64; a cosine takes"),
        (["rank.pairs={odd: [clip-ft, bow]}"], "pairs.odd: 'bow' counts words and has no cosine with a video"),
        (["rank.pairs={odd: [x3d, clip-ft]}"], "pairs.odd: 'x3d' is 2048 wide and 'clip-ft' 64; a cosine takes two"),
        (["train.from=[x3d, bow]"], ""),
    ],
)
def test_rows_without_vectors_are_told_before_anything_runs(
    tiny: Any, tmp_path: Path, given: list[str], message: str
) -> None:
    copy = with_frames(tiny, tmp_path)
    try:
        plan(copy.request(*given), ["report"])
        graph = stages.load(copy.stages, "small", [*copy.sets, *given])
        reported = "".join(problems(graph, graph.needed(["report"])))
    except LaffError as error:
        reported = str(error)
    assert bool(reported) == bool(message), reported
    assert message in reported


def test_pairs_are_ranked_and_searched_by_what_the_fine_tuning_learned(tiny: Any, tmp_path: Path) -> None:
    """A run of the tight type holds every video with the score of the saved aggregator."""
    copy = with_frames(tiny, tmp_path)
    given = (*FEW, *TIGHT, *SHORT, *BY_FRAME, *ROW)
    copy.run(*given)
    assert not copy.run(*given).made
    graph = stages.load(copy.stages, "small", [*copy.sets, *given])
    part = construct(graph.stages["clip-ft-frames"])
    from fusion.frames.tight import TightTransf

    net = TightTransf(frames=8, dim=part.dim, heads=4, **AGGREGATORS["tight"][1])  # as many as tiny-64's text side has
    net.load_state_dict(read_state(copy.work / "finetune/best.pt")["aggregator"])
    ranking = [shards.read(path) for path in sorted((copy.work / "clip-ft-frames" / "video").glob("*.h5"))]
    captions = captions_of(copy, "clip-ft-frames")
    frames = {id_: row for shard in ranking for id_, row in zip(shard.ids, shard.values, strict=True)}
    counts = {id_: int(count) for shard in ranking for id_, count in zip(shard.ids, shard.frames, strict=True)}
    assert min(counts.values()) < 8
    ids = (copy.folder / "collection" / "val.txt").read_text().split()
    seen = 0
    with torch.no_grad():
        asked = [id_ for id_ in captions if id_.partition("#")[0] in ids]
        vectors = [torch.from_numpy(np.stack(one)) for one in ([captions[i] for i in asked], [frames[i] for i in ids])]
        scores = net.eval().scores(*vectors, torch.tensor([counts[id_] for id_ in ids]))
        right = scores[torch.arange(len(asked)), [ids.index(id_.partition("#")[0]) for id_ in asked]]
        score = float((1 / (scores >= right[:, None]).sum(dim=1)).mean())
        saved = torch.load(copy.work / "finetune/best.pt", weights_only=True)["score"]
        assert saved == pytest.approx(score, abs=1e-4)  # the training saw the same frames
        for way in ("t2v", "v2t"):
            for query, ranking in read_run(copy.work / "rank/tight/seed0" / f"{way}.trec.gz"):
                scores = [score for _, score in ranking]
                assert scores == sorted(scores, reverse=True)
                for item, value in ranking[:3]:
                    one, other = (query, item) if way == "t2v" else (item, query)
                    pair = torch.from_numpy(captions[one])[None], torch.from_numpy(frames[other])[None]
                    assert value == pytest.approx(float(net(*pair, torch.tensor([counts[other]]))), abs=1e-4)
                    seen += 1
    assert seen > 30
    query, ranking = next(iter(read_run(copy.work / "rank/paired/seed1/t2v.trec.gz")))
    texts = (copy.folder / "collection" / "test.caption.txt").read_text(encoding="utf-8").splitlines()
    sentence = next(line.removeprefix(f"{query} ") for line in texts if line.startswith(f"{query} "))
    hits = search(copy.request(*given), sentence, 6, "test", "paired")
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in ranking], abs=1e-4)
