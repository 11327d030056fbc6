"""`laff reproduce`: train the rows of a published table and put ours and quoted side by side."""

from __future__ import annotations

import click

from pipeline.commands import complete
from pipeline.commands.compare import SEEDS
from pipeline.commands.options import FORMAT, mapping, optional_run_options
from pipeline.commands.output import json_option, paper, print_json
from pipeline.commands.shared import Shared, confirmed


@click.command(name="reproduce")
@optional_run_options
@SEEDS
@click.option(
    "--as",
    "same",
    multiple=True,
    callback=mapping,
    metavar="FEATURE=STAGE",
    help="The stage is this feature of the paper, under another name.",
)
@click.option(
    "--stand-in",
    "roles",
    multiple=True,
    callback=mapping,
    metavar="FEATURE=STAGE",
    help="The stage plays the part of this feature; - does without.",
)
@click.option("--test-set", default="", metavar="NAME", help="Quote this test set (default: that of the protocol).")
@click.option("--dry-run", is_flag=True, help="List what is needed and what would be trained; makes nothing.")
@FORMAT
@json_option("the figures of the CSV, one object each; without a table the published tables")
@click.argument("table", required=False, default="", shell_complete=complete.TABLES)
def reproduce_command(
    table: str,
    seeds: tuple[int, ...],
    same: dict[str, str],
    roles: dict[str, str],
    test_set: str,
    dry_run: bool,
    form: str,
    as_json: bool,
    shared: Shared,
) -> None:
    """Train the rows of a published TABLE that can be trained here, and put ours and quoted side by side.

    Without a table it lists the published tables and what each needs. Without -w it prints what the table needs, and
    its figures.

    \b
    laff reproduce                                         the published tables
    laff reproduce tab-11                                  what Table 11 of the LAFF paper needs, and its figures
    laff reproduce tab-11 -c c.yaml -w WORK --dry-run      what of it is there, what would be trained, how long it takes
    laff reproduce tab-11 -c c.yaml -w WORK                three seeds of each row; ours, quoted and the difference
    laff reproduce tab-11 -w WORK --as rx101=resnext --stand-in wsl=ircsn --stand-in clip=-

    A difference is printed only where the protocol of the collection (`protocol:` in collection.yaml) and the names of
    all features of a row are those of the paper. --as says that a stage is the paper's feature under another name;
    --stand-in lets another feature play its part, and the figures are then of other features. Rows that cannot be run
    are listed with the reason.
    Rows are trained and cached as by `laff compare`, in WORK/compare/reproduce-TABLE/; the table goes there as
    reproduction.txt, .csv, .md and .tex.
    """
    from pipeline.published import quote, read
    from pipeline.reproduce import needs, run
    from pipeline.reproduce.beside import LINE
    from pipeline.reproduce.stand_ins import StandIns
    from pipeline.views import formats
    from pipeline.wording import number_of

    if not table:
        if as_json:
            print_json([needs.summary(one) for one in read.every()])
        else:
            click.echo(needs.overview())
        return
    aside = form != "text" or as_json
    published, stand_ins = read.load(table), StandIns(same, roles)
    sets = [run.test_set(published, test_set, "")] if test_set else []
    if not published.runs and (same or roles or seeds or dry_run):
        run.check(published, stand_ins)
    if not published.runs or not shared.work:
        if not shared.work and (shared.collection or seeds or dry_run):
            raise click.UsageError("give -w too, the workspace")
        click.echo(f"{needs.entry(published)}\n", err=aside)
        if published.runs:
            stand_ins.check(published)
            click.echo(f"{needs.needed(published, stand_ins, paper=paper())}\n\n{needs.HINT}\n", err=aside)
        if as_json:
            print_json([dict(zip(quote.LINE, line, strict=True)) for line in quote.lines(published, sets)])
        elif form == "csv":
            click.echo(formats.csv_text([quote.LINE, *quote.lines(published, sets)]), nl=False)
        else:
            click.echo(formats.written(quote.quotes(published, sets), form, paper()), nl=False)
        return
    from pipeline.opening import open_context

    run.check(published, stand_ins, test_set)
    request = shared.request()
    click.echo(f"{needs.needed(published, stand_ins, open_context(request), paper())}\n", err=aside)
    if dry_run:
        click.echo(run.dry_run(request, published, stand_ins, seeds, paper()))
        return
    reproduction = confirmed(
        request,
        lambda agreed: run.reproduce(agreed, published, stand_ins, seeds, test_set, shared.retry_failed),
    )
    click.echo(f"{reproduction.outcome.summary(request.work, paper())}\n", err=aside)
    if as_json:
        print_json([dict(zip(LINE, line, strict=True)) for line in reproduction.beside.lines()])
    else:
        click.echo(reproduction.written(form, paper()), nl=False)
    click.echo(f"\nwrote {reproduction.folder}/{run.NAME}.{{{','.join(run.ENDINGS.values())}}}", err=aside)
    if failed := reproduction.failed:
        lines = [f"{number_of(failed, 'rows')} came to nothing", *(f"  - {reason}" for reason in failed.values())]
        raise click.ClickException("\n".join(lines))
    shared.check_failures(reproduction.outcome.lost)
