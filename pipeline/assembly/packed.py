"""Whether the files of a package fit its stages: looked at before hours of decoding, not after."""

from collections.abc import Sequence

from pipeline.assembly import assemble
from pipeline.build import learned
from pipeline.build.construct import construct
from pipeline.build.loaded import read_state
from pipeline.graph import models
from pipeline.package.intact import intact
from pipeline.plan.context import Context


def check(context: Context, names: Sequence[str]) -> None:
    """Load what these stages, and the models that they read, have from a package. LaffError where it does not fit."""
    package = context.graph.package
    if package is None or not names:
        return
    for name in names:
        stage = context.stage(name)
        path = learned.file(context, stage)
        if path and stage.part and path.is_relative_to(package.root):
            part = construct(stage, context)
            with intact(package, path):
                part.load_state(read_state(path), "cpu")
    for name in context.graph.needed(names):
        stage = context.stage(name)
        if not (stage.packed and stage.about.fuses):
            continue
        encoders = assemble.joints(context, stage)
        for model in models.of(context.graph, stage):
            for seed in model.seeds:
                assemble.trained_alone(context, stage, model, encoders, seed)
