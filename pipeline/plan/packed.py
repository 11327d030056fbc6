"""Compares a package with what is here: its files, the weights that it needs, laff's own code."""

from pipeline import progress
from pipeline.errors import LaffError, problems
from pipeline.graph import kept, models
from pipeline.parts.code import source_name
from pipeline.plan.context import Context
from pipeline.plan.differences import changed_code
from pipeline.plan.run_settings import members
from pipeline.store import memory
from pipeline.store.workspace import MAIN
from pipeline.weights import lookup


def admit(context: Context) -> None:
    """Check the package of a graph, if it has one. Warn where it is another than before, or of other code.

    Raises LaffError where it is incomplete, or the workspace holds trained models of its own.
    """
    package = context.graph.package
    if package is None:
        return
    _check(context)
    root, last = context.work.root, memory.known(context.work.root)
    trained = [name for name in members(context.graph) if context.work.index_at(name).entries]
    if trained and not any(settings and settings.package for settings in (last, memory.known(root, MAIN))):
        raise LaffError(
            f"-w {root}: holds what a run made here ({', '.join(trained)}); give the package a workspace of its own, "
            "so that nothing is replaced"
        )
    if last and last.package_sha256 and last.package_sha256 != package.sha256:
        progress.say(
            f"{package.root} is not the package that the last run here had ({last.package}): another, or newer"
        )
    if other := other_code(context):
        progress.say(_code_note(package.name, other))


def _check(context: Context) -> None:
    """Raise LaffError where files of the package are missing or changed, or weights and inputs differ from its own.

    Where the workspace is locked, the digest of a file is noted, and the file is read again only when its date changes.
    """
    package = context.graph.package
    assert package is not None
    mistakes = []
    for name, sha256 in package.files.items():
        path = package.root / name
        if path.is_symlink() or not path.is_file():
            mistakes.append(f"{name} is missing")
        elif context.work.sha256(path) != sha256:
            mistakes.append(f"{name} has changed since the package was made")
    if mistakes:
        raise problems(f"{package.root} (copy the package anew from where it was made)", mistakes)
    mistakes = [*_other_weights(context), *_other_inputs(context)]
    if mistakes:
        raise problems(f"--package {package.root}", mistakes)


def _other_weights(context: Context) -> list[str]:
    package = context.graph.package
    assert package is not None
    mistakes = []
    for (name, param), (title, digest) in package.weights.items():
        stage = context.graph.stages.get(name)
        digest_here = lookup.digest(stage, context.graph, context.work, param) if stage else ""
        if digest_here.startswith("missing:"):  # the stage that needs it reports it
            continue
        if stage and digest_here != digest:
            mistakes.append(
                f"'{name}': {param} is {stage.params.get(param)}, not the {title} that the package was made with"
            )
    return mistakes


def _other_inputs(context: Context) -> list[str]:
    package = context.graph.package
    assert package is not None
    mistakes = []
    for (name, param), digests in package.inputs.items():
        if name in context.graph.stages and context.recipe(name).get(f"file of {param}") != digests:
            value = context.stage(name).values.get(param)
            mistakes.append(f"'{name}': {param} is {value}, which is another file than the package was made with")
    return mistakes


def code(context: Context) -> dict[str, dict[str, str]]:
    """{stage, or MODEL of its train stage: {module: digest}} of all code that shapes what a graph makes of videos."""
    modules: dict[str, dict[str, str]] = {}
    for stage in context.graph.stages.values():
        if stage.sides and not (stage.packed and not stage.about.rows):
            modules[stage.name] = dict(context.recipe(stage.name)["code"])
        if stage.about.fuses:
            for model in models.of(context.graph, stage):
                modules[f"{stage.name}/{model.name}"] = dict(context.recipes.model(stage, model)["code"])
    for stage in context.graph.stages_of(kept.VECTORS):
        modules[stage.name] = dict(context.recipe(stage.name)["code"])
    return modules


def other_code(context: Context) -> dict[str, list[str]]:
    """{stage or model: source files} whose code here differs from that where the package was made."""
    package = context.graph.package
    if package is None:
        return {}
    here = code(context)
    changed = {
        name: changed_code({"code": digests}, {"code": here[name]})
        for name, digests in package.code.items()
        if name in here
    }
    return {name: [source_name(module) for module in modules] for name, modules in changed.items() if modules}


def _code_note(name: str, other: dict[str, list[str]]) -> str:
    """The warning about a package that was made by other code."""
    files = list(dict.fromkeys(file for of_name in other.values() for file in of_name))
    shown = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
    return (
        f"package {name} was made by other code than this ({shown}): {', '.join(other)} may differ from those at home "
        "in some digits; metrics say so"
    )
