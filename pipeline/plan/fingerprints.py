"""Recipes: what shapes the results of each stage and model; and their hashes, the fingerprints."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pipeline import files
from pipeline.files import JsonObject
from pipeline.graph import kept, models
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.kept import Kept
from pipeline.graph.models import Model, Row
from pipeline.graph.options import ModelOptions, VectorOptions
from pipeline.graph.step_facts import module_of
from pipeline.parts import code
from pipeline.parts.classes import Part
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup
from pipeline.workers.versions import ABSENT, installed

DECODERS = ("av", "pillow")  # what looks at videos and resizes: their versions are part of a video feature

# Rooms whose code is in no fingerprint. All others count, so a new room does unless it is listed here with its reason.
SHAPE_NOTHING = {
    "pipeline.commands": "above all steps",
    "pipeline.compare": "above all steps",
    "pipeline.packing": "above all steps",
    "pipeline.analyze": "above all steps",
    "pipeline.search": "above all steps",
    "pipeline.indexing": "above all steps",
    "pipeline.devices": "when and where forwards compute; values come back as they are",
    "pipeline.division": "windows count by their bounds",
    "pipeline.demo": "makes a collection, which counts by its content",
    "pipeline.errors": "messages",
    "pipeline.files": "bytes as they are given",
    "pipeline.progress": "messages",
    "pipeline.yamls": "what it reads stands in the recipe",
    "pipeline.package": "what it reads stands in the recipe, and files count by their content",
    "pipeline.graph": "what it decides stands in the recipe: params, features, models",
    "pipeline.items": "items count by their content: ids, texts, digests of files",
    "pipeline.parts": "params and code stand in the recipe",
    "pipeline.plan": "decides what is made, not how",
    "pipeline.steps": "a step's own file counts, those of others do not",
    "pipeline.store": "notes what was made",
    "pipeline.weights": "a file of weights counts by its sha256",
    "pipeline.training.bfloat16": "warns",
    "pipeline.training.reuse": "takes over what has the same fingerprint",
    "pipeline.workers": "hands work on as it is",
}


def fingerprint(recipe: JsonObject) -> str:
    """The hash of a recipe. Of its code the digests count, not the names of modules, so that files may move."""
    return files.digest(recipe | {"code": sorted(set(recipe["code"].values()))})[:32]


def _without_code(recipe: JsonObject) -> JsonObject:
    return {key: value for key, value in recipe.items() if key != "code"}


class Recipes:
    """The recipes of one graph: everything of the configuration that shapes the results of a stage or model.

    In a recipe `code` is {module: digest} and `from` is {what is read: its fingerprint}. `settings` is a hash of all
    but code, its own and that of what it reads: where two recipes differ and their `settings` do not, only code has
    changed.
    """

    def __init__(self, graph: Graph, work: Workspace, source: Path) -> None:
        """source: collection.yaml, beside which files of params may lie."""
        self.graph, self.work, self.source = graph, work, source
        self._of_stages: dict[str, JsonObject] = {}

    def forget(self) -> None:
        """Forget all recipes, because weights that were missing may be here now."""
        self._of_stages.clear()

    @cached_property
    def decoders(self) -> dict[str, str]:
        """Versions of the packages that turn files into frames here, where PyAV reads the files."""
        return {name: installed(name) for name in DECODERS}

    def decoded_by(self, stage: Stage) -> dict[str, str]:
        """Versions of the packages that turn files into frames for a stage.

        Where one is not installed here, the version that the stage's shards were made with: a machine that cannot
        decode can train on them.
        """
        reader = self.graph.decoder(stage.name)
        here = self.decoders | ({} if reader == "pyav" else {reader: installed(reader)})
        if ABSENT not in here.values():
            return here
        index = self.work.index(stage.name)
        recipes = (index.recipes[entry.fingerprint] for entry in index.entries.values())
        noted: dict[str, str] = next((recipe["decoder"] for recipe in recipes if "decoder" in recipe), {})
        return here | {name: version for name, version in noted.items() if here.get(name) == ABSENT}

    def of(self, name: str) -> JsonObject:
        """The recipe of a stage."""
        if name not in self._of_stages:
            stage = self.graph.stages[name]
            reads = {source: self.of(source) for source in self.graph.reads(name)}
            joint = stage.options_as(ModelOptions).joint if stage.about.fuses else ()
            self._of_stages[name] = self._joined(self.part(stage), reads, joint)
        return self._of_stages[name]

    def fingerprint(self, name: str) -> str:
        """Hash of a stage's recipe."""
        return fingerprint(self.of(name))

    def model(self, stage: Stage, model: Model) -> JsonObject:
        """The recipe of one model: block, features, training params; without the stage's other models and the seeds."""
        whole, joint = self.of(stage.name), stage.options_as(ModelOptions).joint
        # How a packed model was trained stands in its file.
        of_training = {
            key: value for key, value in whole["params"].items() if key not in stage.params and not stage.packed
        }
        module = model.uses.rpartition(".")[0]
        plugged = model.params.get("aggregate")  # a class that the model imports by its name
        recipe = {
            "step": stage.step,
            "uses": model.uses,
            "params": of_training | ({} if stage.packed else model.options) | model.params,
            "code": self._code(stage, [module, plugged.rpartition(".")[0]] if isinstance(plugged, str) else [module]),
            "video": list(model.video),
            "text": [name + (" (joint)" if name in joint else "") for name in model.text],
        }
        if stage.packed:
            seeds = {seed: stage.packed.sha256[f"{model.name}/seed{seed}"] for seed in model.seeds}
            recipe["learned"] = {str(seed): sha256 for seed, sha256 in seeds.items()}
        reads = {name: self.of(name) for name in models.reads(self.graph, stage, model)}
        return self._joined(recipe, reads, [name for name in model.text if name in joint])

    def row(self, stage: Stage, row: Row) -> JsonObject:
        """The recipe of one row of results of a rank stage."""
        train = self.graph.stages[stage.sources[0]]
        reads = {model.name: self.model(train, model) for model in row.models}
        reads |= {
            source: self.kept(self.graph.stages[source], vectors)
            for source, vectors in self.read_by(stage, row).items()
        }
        return self._joined(self.part(stage), reads | {name: self.of(name) for name in row.features})

    def read_by(self, stage: Stage, row: Row) -> dict[str, Kept]:
        """{vectors stage: the kept vectors that a rank stage reads for a row}; {} where it computes them itself."""
        if len(stage.sources) < 2:
            return {}
        vectors = self.graph.stages[stage.sources[1]]
        of_row = [vectors_kept for vectors_kept in kept.kept(self.graph, vectors) if vectors_kept.model in row.models]
        return {vectors.name: of_row[0]} if of_row and vectors.options_as(VectorOptions).dtype == "float32" else {}

    def kept(self, stage: Stage, vectors: Kept) -> JsonObject:
        """The recipe of what a vectors stage keeps of one model or feature; its other models change nothing."""
        train = kept.train_of(self.graph, stage)
        if vectors.model is None or train is None:
            return self._joined(self.part(stage), {vectors.name: self.of(vectors.name)})
        return self._joined(self.part(stage), {vectors.name: self.model(train, vectors.model)})

    def _joined(self, recipe: JsonObject, reads: dict[str, JsonObject], encoders: Sequence[str] = ()) -> JsonObject:
        """A recipe completed with those of what it reads, by name, and of the encoders that are trained inside it."""
        inside = {f"joint {name}": self._encoder(name) for name in encoders}
        recipe["code"] = {
            module: digest for other in inside.values() for module, digest in other["code"].items()
        } | recipe["code"]
        settings = [
            _without_code(recipe),
            {name: other["settings"] for name, other in reads.items()},
            {name: _without_code(other) for name, other in inside.items()},
        ]
        recipe |= {name: fingerprint(other) for name, other in inside.items()}
        recipe["from"] = {name: fingerprint(other) for name, other in reads.items()}
        return recipe | {"settings": files.digest(settings)[:32]}

    def _encoder(self, name: str) -> JsonObject:
        """The recipe of a joint encoder: its part, not how its own stage fits it."""
        stage = self.graph.stages[name]
        recipe = self.part(stage)
        return recipe | {"params": {key: value for key, value in recipe["params"].items() if key in stage.params}}

    def part(self, stage: Stage) -> JsonObject:
        """A stage's own share of its recipe, without what it reads."""
        step, part = stage.about, stage.part or Part("")
        params = dict(stage.params) | {key: value for key, value in stage.options.items() if key not in step.how}
        if stage.packed and not stage.about.rows:  # it is not run, so its params and code count for nothing
            return {"step": stage.step, "uses": stage.uses, "params": {}, "code": {}, "learned": stage.packed.sha256}
        if stage.packed:
            params.pop("fit", None)
        if params.get("fit"):
            params["fit"] = {key: value for key, value in params["fit"].items() if key != "checkpoint"}
        recipe: JsonObject = {"step": stage.step, "uses": stage.uses, "params": params}
        for name in (*part.member("FILES"), *step.files):
            if params.get(name):
                value = params.pop(name)
                digests = [self._file_digest(Path(file)) for file in (value if isinstance(value, list) else [value])]
                recipe[f"file of {name}"] = digests if isinstance(value, list) else digests[0]
        for name, folder in part.member("CONFIGS"):
            config = code.ROOT / folder / f"{params.get(name)}.json"  # a configuration of our own that the value names
            if config.is_file():
                recipe[f"file of {name}"] = files.sha256(config)
        plugged = [stage.part.path if stage.part else "", stage.aggregator.uses if stage.aggregator else ""]
        modules = [path.rpartition(".")[0] for path in plugged if path]  # with the class of a borrowed part
        recipe["code"] = self._code(stage, modules)
        if stage.packed:
            recipe["learned"] = stage.packed.sha256
        elif digest := lookup.digest(stage, self.graph, self.work):
            recipe["weights"] = digest
            params.pop("weights", None)  # where a file lies changes nothing
        for name in stage.further:
            recipe[f"weights of {name}"] = lookup.digest(stage, self.graph, self.work, name)
            params.pop(name, None)
        if stage.decodes:
            recipe["decoder"] = self.decoded_by(stage)
        return recipe

    def _code(self, stage: Stage, modules: list[str]) -> dict[str, str]:
        """Digests of all code that shapes a stage: its step's file, what that file imports or names, and `modules`."""
        step, module = stage.about, module_of(stage.step)
        digests = code.digests(modules, self.graph.trusted, SHAPE_NOTHING)
        if not step.counts or (stage.packed and step.fuses):  # of packed models only the code that builds them counts
            return digests
        if step.shaped_by is None:
            return digests | code.digests([module], leave=SHAPE_NOTHING)
        names = [*step.shaped_by, *(step.shaped_by_video if "video" in stage.sides else ())]
        names += step.shaped_by_fit if stage.fitted else ()
        if stage.part and "task" in stage.part.methods and not stage.borrowed and not stage.packed:
            names += step.shaped_by_task
        return digests | code.digests([module], leave=code.ROOMS) | code.digests(names, leave=SHAPE_NOTHING)

    def _file_digest(self, value: Path) -> str:
        """Digest of a file, or of a BigFile folder's files, that a parameter names."""
        path = files.located(value, self.source)
        if path.is_dir():
            return files.digest([[f.name, self.work.sha256(f)] for f in sorted(path.iterdir()) if f.is_file()])
        return self.work.sha256(path) if path.is_file() else f"missing:{value}"
