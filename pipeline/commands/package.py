"""`laff package`: write a trained model to a folder, to apply it to any collection on any machine."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import PATH, workspace_options
from pipeline.commands.output import json_option, print_json
from pipeline.commands.shared import Shared


@click.command(name="package")
@workspace_options
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.MODELS,
    help="Another model than the main one with its first seed: MODEL, MODEL/seedN, or a pair of features, such as "
    "clip-ft; given several times, all of these.",
)
@click.option("--with-weights", is_flag=True, help="Copy published weights and other files that features need, too.")
@click.option("--yes", is_flag=True, help="Replace OUT where it is a package.")
@click.argument("out", type=PATH)
@json_option("out, models, random (stages with random weights), away (what it does not hold), size")
def package_command(out: Path, models: tuple[str, ...], with_weights: bool, as_json: bool, shared: Shared) -> None:
    """Write a trained model to the folder OUT, with all that applying it to other collections takes.

    OUT holds what was learned, the recipe of its features, its weights by name and sha256, and a card (README.md, and
    package.yaml for programs). `--package OUT` applies it: no captions are needed, nothing is trained, and a video gets
    the same vector as at home. Nothing in it runs code.

    \b
    laff package -w WORK OUT
    laff package -w WORK OUT --model laff --model concat/seed2 --with-weights
    laff run -c elsewhere.yaml -w AWAY --package OUT
    laff search "a red circle moves up" -w AWAY
    """
    from dataclasses import asdict

    from pipeline.packing.pack import pack

    package = pack(shared.request(known=True), out, models, with_weights, shared.yes)
    if as_json:
        print_json(asdict(package) | {"out": str(package.out)})
        return
    click.echo(f"{package.out}: {', '.join(package.models)} ({package.size})")
    if package.random:
        click.echo(f"RANDOM WEIGHTS in {', '.join(package.random)}: the card says so")
    if package.away:
        click.echo(
            f"it does not hold {', '.join(package.away)}: its README.md says where to get them, or --with-weights"
        )
    click.echo(f"next: laff index FOLDER --package {package.out}")
    click.echo(f"or: laff run -c collection.yaml -w AWAY --package {package.out}")
