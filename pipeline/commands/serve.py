"""`laff serve`: search in the browser."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.commands.options import TRUST

if TYPE_CHECKING:
    from pipeline.serve.served import Served


@click.command(name="serve")
@click.option(
    "-w",
    "--work",
    "works",
    type=click.Path(path_type=Path, file_okay=False),
    multiple=True,
    metavar="WORK",
    help="A workspace, or a folder that was indexed; may be given several times. Without, the .laff that `laff index` "
    "made in this folder or one above.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Another model than the main one to begin with, as of `laff search`; the page can choose others.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, metavar="N", help="0 takes a free one."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Another address, for other machines to reach it: 0.0.0.0 is all of this machine's. Who asks needs the token "
    "that is printed.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@TRUST
def serve_command(
    works: tuple[Path, ...], models: tuple[str, ...], port: int, host: str, opens: bool, trust: tuple[str, ...]
) -> None:
    """Search in the browser: type a sentence, see ranked videos, play them where they match.

    Only this machine can reach the page, unless --host says otherwise, and only files of the collection are shown.
    Nothing is changed. Ctrl-C ends it.

    \b
    laff serve                                 in a folder that was indexed
    laff serve -w WORK -w Videos --port 9000   several workspaces, to choose from
    """
    from pipeline.serve import server
    from pipeline.serve.access import Access
    from pipeline.serve.served import served

    listening = server.listen(host, port)  # first, for it fails at once
    access = Access.to(host, listening.getsockname()[1])

    def ready(workspaces: dict[str, Served]) -> None:
        if access.token:
            click.echo(
                "other machines can reach this, over a connection that is not encrypted; who has the token can",
                err=True,
            )
            click.echo("search, and see all videos of the collection", err=True)
        names = ", ".join(f"{one.name} ({len(one.now.catalog.videos):,} videos)" for one in workspaces.values())
        click.echo(f"{names}: {access.address}")
        click.echo("Ctrl-C ends it")
        sys.stdout.flush()
        if opens:
            _open(access.address)

    try:
        workspaces = served(_named(works), models, trust)
        server.serve(workspaces, listening, access, partial(ready, workspaces))
    except KeyboardInterrupt:
        click.echo("ended", err=True)


def _named(works: tuple[Path, ...]) -> list[Path]:
    """The workspaces that -w means, or the nearest; UsageError where there is none."""
    from pipeline.store import home

    if works:
        return [home.meant(work) for work in works]
    nearest = home.nearest(Path())
    if nearest is None:
        raise click.UsageError(
            "give -w, a workspace or a folder that was indexed; `laff index FOLDER` makes a folder of videos "
            "searchable, and in that folder no -w is needed"
        )
    return [nearest]


def _open(address: str) -> None:
    """Open the address in a browser with windows; one for the terminal would take it over."""
    import webbrowser

    windows = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not windows or not webbrowser.open(address):
        click.echo("no browser can be opened from here: open the address above in yours", err=True)
