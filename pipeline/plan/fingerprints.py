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
from pipeline.rows.companions import companions
from pipeline.store.workspace import Workspace
from pipeline.weights import lookup
from pipeline.workers.versions import ABSENT, installed

DECODERS = ("av", "pillow")  # packages that read and resize frames: their versions count for video features

UNUSED_BY_STEPS = (  # packages of pipeline that no step imports
    *("commands", "compare", "packing", "analyze", "search", "serve", "score", "estimation", "exchange"),
    *("exporting", "difference", "protocols", "indexing", "published", "reproduce"),
)

# Packages of pipeline whose code does not count in fingerprints: another version of it makes nothing stale. A new
# package counts too, unless you list it here with a reason.
SHAPE_NOTHING = {
    **dict.fromkeys((f"pipeline.{room}" for room in UNUSED_BY_STEPS), "because no step imports it"),
    "pipeline.devices": "because it decides when and where models compute, and does not change the values",
    "pipeline.division": "because the bounds of the windows count instead",
    "pipeline.demo": "because the content of the collection that it makes counts instead",
    "pipeline.errors": "because it only makes messages",
    "pipeline.files": "because it writes bytes as they are given",
    "pipeline.progress": "because it only prints messages",
    "pipeline.wording": "because it only makes messages",
    "pipeline.yamls": "because the values that it reads are in the recipe",
    "pipeline.package": "because the values that it reads are in the recipe, and files count by their content",
    "pipeline.graph": "because its decisions are in the recipe: params, features, models",
    "pipeline.items": "because the content of items counts instead: ids, texts, digests of files",
    "pipeline.parts": "because params and the code of classes are in the recipe",
    "pipeline.plan": "because it decides what is made, not how",
    "pipeline.steps": "because only the file of a stage's own step counts, not the files of other steps",
    "pipeline.store": "because it only notes which results there are",
    "pipeline.weights": "because the sha256 of a weights file counts instead",
    "pipeline.rows.large": "because it writes bytes as they are given",
    "pipeline.rows.whole": "because it only remembers which files are whole",
    "pipeline.training.bfloat16": "because it only warns",
    "pipeline.training.reuse": "because it only copies models with the same fingerprint",
    "pipeline.workers": "because it passes work on without changing it",
}


def fingerprint(recipe: JsonObject) -> str:
    """The hash of a recipe. The digests of its code count but not the names of modules, so that files may move."""
    return files.digest(recipe | {"code": sorted(set(recipe["code"].values()))})[:32]


def _without_code(recipe: JsonObject) -> JsonObject:
    return {key: value for key, value in recipe.items() if key != "code"}


class Recipes:
    """The recipes of one graph: everything of the configuration that shapes the results of a stage or model.

    In a recipe `code` is {module: digest} and `from` is {stage or model that is read: its fingerprint}. `settings` is a
    hash of everything except code, of the recipe and of the recipes of its sources. If two recipes differ but their
    `settings` are equal, only code has changed.
    """

    def __init__(self, graph: Graph, work: Workspace, source: Path) -> None:
        """source: collection.yaml; paths in params are relative to its folder."""
        self.graph, self.work, self.source = graph, work, source
        self._of_stages: dict[str, JsonObject] = {}

    def forget(self) -> None:
        """Forget all recipes, because weights that were missing may be here now."""
        self._of_stages.clear()

    @cached_property
    def decoders(self) -> dict[str, str]:
        """Versions of the packages that turn files into frames on this machine, if PyAV reads the files."""
        return {name: installed(name) for name in DECODERS}

    def decoded_by(self, stage: Stage) -> dict[str, str]:
        """Versions of the packages that turn files into frames for a stage.

        If a package is not installed here, the version is the one that the stage's shards were made with. So a machine
        that cannot decode can train on these shards.
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
        # The params of training do not count for a packed model: they are in its file.
        of_training = {
            key: value for key, value in whole["params"].items() if key not in stage.params and not stage.packed
        }
        module = model.uses.rpartition(".")[0]
        plugged = model.params.get("aggregate")  # the name of a class that the model imports
        recipe = {
            "step": stage.step,
            "uses": model.uses,
            "params": stage.about.in_recipe(of_training | ({} if stage.packed else model.options)) | model.params,
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
        recipe, features = self.part(stage), list(row.features)
        if row.second:  # rows without it do not depend on it; it makes no other run, since nothing learns from it
            recipe["second"] = {f"{row.second.method}.{key}": value for key, value in row.second.params.items()}
            features += row.second.features
        return self._joined(recipe, reads | {name: self.of(name) for name in features})

    def read_by(self, stage: Stage, row: Row) -> dict[str, Kept]:
        """{vectors stage: the kept vectors that a rank stage reads for a row}; {} if it computes the vectors itself."""
        if len(stage.sources) < 2:
            return {}
        vectors = self.graph.stages[stage.sources[1]]
        of_row = [vectors_kept for vectors_kept in kept.kept(self.graph, vectors) if vectors_kept.model in row.models]
        return {vectors.name: of_row[0]} if of_row and vectors.options_as(VectorOptions).dtype == "float32" else {}

    def kept(self, stage: Stage, vectors: Kept) -> JsonObject:
        """The recipe of the vectors that a vectors stage keeps of one model or feature, without its other models."""
        train = kept.train_of(self.graph, stage)
        if vectors.model is None or train is None:
            return self._joined(self.part(stage), {vectors.name: self.of(vectors.name)})
        return self._joined(self.part(stage), {vectors.name: self.model(train, vectors.model)})

    def _joined(self, recipe: JsonObject, reads: dict[str, JsonObject], encoders: Sequence[str] = ()) -> JsonObject:
        """A recipe completed with the recipes of its sources, by name, and of the encoders trained inside the model."""
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
        """The recipe of a joint encoder: its part, without the params by which its own stage trains it."""
        stage = self.graph.stages[name]
        recipe = self.part(stage)
        return recipe | {"params": {key: value for key, value in recipe["params"].items() if key in stage.params}}

    def part(self, stage: Stage) -> JsonObject:
        """A stage's own part of its recipe, without the recipes of its sources."""
        step, part = stage.about, stage.part or Part("")
        params = dict(stage.params) | step.in_recipe(
            {key: v for key, v in stage.options.items() if key not in step.how}
        )
        if stage.packed and not stage.about.rows:  # it is not run, so its params and code do not count
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
            config = (
                code.ROOT / folder / f"{params.get(name)}.json"
            )  # a configuration shipped with laff, by the name that the param gives
            if config.is_file():
                recipe[f"file of {name}"] = files.sha256(config)
        plugged = [stage.part.path if stage.part else "", stage.aggregator.uses if stage.aggregator else ""]
        modules = [path.rpartition(".")[0] for path in plugged if path]  # also the class of a borrowed part
        recipe["code"] = self._code(stage, modules)
        if stage.packed:
            recipe["learned"] = stage.packed.sha256
        elif digest := lookup.digest(stage, self.graph, self.work):
            recipe["weights"] = digest
            params.pop("weights", None)  # the path of a file does not count
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
        if not step.counts or (stage.packed and step.fuses):  # for packed models only the code that builds them counts
            return digests
        if step.shaped_by is None:
            return digests | code.digests([module], leave=SHAPE_NOTHING)
        names = [*step.shaped_by, *(step.shaped_by_video if "video" in stage.sides else ())]
        names += step.shaped_by_fit if stage.fitted else ()
        if stage.part and "task" in stage.part.methods and not stage.borrowed and not stage.packed:
            names += step.shaped_by_task
        return digests | code.digests([module], leave=code.ROOMS) | code.digests(names, leave=SHAPE_NOTHING)

    def _file_digest(self, value: Path) -> str:
        """Digest of a file with those that belong to it, or of a BigFile folder's files, that a parameter names."""
        path = files.located(value, self.source)
        if path.is_dir():
            return files.digest([[f.name, self.work.sha256(f)] for f in sorted(path.iterdir()) if f.is_file()])
        if not path.is_file():
            return f"missing:{value}"
        return self.work.sha256_together([path, *more]) if (more := companions(path)) else self.work.sha256(path)
