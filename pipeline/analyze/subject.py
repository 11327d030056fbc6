"""The model that an analysis looks into, and the test split as the model sees it; nothing is trained."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.analyze.place import maker
from pipeline.assembly import assemble
from pipeline.assembly.features import Rows
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.graph.models import Model
from pipeline.inspection.subject import Subject
from pipeline.opening import open_context
from pipeline.plan import lacks
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.up_to_date import check_up_to_date
from pipeline.request import Request

if TYPE_CHECKING:
    from fusion.features import Split
    from fusion.spaces import Spaces


TEXTS = "texts of test"  # a key of lacks.HOW


class NoTexts(LaffError):
    """A collection whose test has neither captions nor queries."""


@dataclass(frozen=True)
class Features:
    """The cached features of the test split that a train stage fuses, and its models."""

    context: Context
    models: dict[str, Model]
    rows: Rows
    whole: "Split"
    encoders: list[assemble.Joint]

    def untrained(self, model: Model) -> "Spaces":
        """The model with the weights that training starts from."""
        stage = self.context.graph.of_step("train")
        try:
            return assemble.make(self.context, stage, model, self.of(model), self.encoders, model.seeds[0])
        except ValueError as error:
            raise LaffError(f"{stage.name}: {model.name}: {error}") from None

    def of(self, model: Model) -> "Split":
        """The features that one model fuses."""
        return assemble.part_of(self.whole, model)


def features(request: Request) -> Features:
    """Read the test split's features. LaffError where they are not up to date; NoTexts where test has no texts."""
    import torch

    context = open_context(request)
    if not lacks.has(context.catalog, TEXTS):
        raise NoTexts(f"{context.source}: no {TEXTS} ({lacks.HOW[TEXTS]}), on which models are looked at")
    stage = context.graph.of_step("train")
    trained = {model.name: model for model in models.of(context.graph, stage)}
    read = [name for name in context.graph.needed([stage.name]) if name != stage.name]
    check_up_to_date(context, read, f"run `{maker(stage.name)}` with these first")
    torch.set_num_threads(context.graph.threads)
    encoders = assemble.joints(context, stage)
    rows = assemble.rows(context, stage, "test", lost=True)
    return Features(context, trained, rows, assemble.split(context, rows, encoders), encoders)


def named(known: dict[str, Any], name: str, what: str) -> Any:
    """The entry of a name; LaffError lists the names there are."""
    if name not in known:
        raise LaffError(f"no {what} '{name}'{did_you_mean(name, list(known))} (here: {', '.join(known)})")
    return known[name]


def subject(request: Request, name: str = "", seed: int | None = None) -> Subject:
    """A trained model with all of its seeds or one; without a name, the stage's own model.

    LaffError where no such model is configured, or it is not trained with this configuration.
    """
    of_test = features(request)
    context = of_test.context
    stage = context.graph.of_step("train")
    main = models.main(stage)
    model = named(of_test.models, name or (main if main in of_test.models else next(iter(of_test.models))), "model")
    if seed is not None and seed not in model.seeds:
        raise LaffError(f"{model.name} has no seed {seed}; its seeds are {', '.join(map(str, model.seeds))}")
    wanted = model.seeds if seed is None else (seed,)
    done = {unit.key for unit in stage_plan(context, stage.name).cached}
    done |= {*stage.packed.files} if stage.packed else set()
    seeds = tuple(one for one in wanted if f"{model.name}/seed{one}" in done)
    if not seeds:
        raise LaffError(
            f"{model.name}{'' if seed is None else f' with seed {seed}'} is not trained in {request.work} as this "
            f"configuration says; run `{maker(stage.name)}` with the same -c, -w, --profile and --set first"
        )
    return Subject(context, model, seeds, of_test.of(model), of_test.encoders)
