"""`laff score`: runs of anyone against judgements, and runs brought from one form to another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from pipeline.commands import complete
from pipeline.commands.options import ATTRIBUTE, PATH, OneOf
from pipeline.commands.output import json_option, paper, print_json


@click.command(name="score")
@click.argument("runs", nargs=-1, required=True, type=PATH, metavar="RUN...")
@click.option("--qrels", type=PATH, metavar="FILE", help="Judgements: lines `topic 0 item judgement`, or with strata.")
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME",
    help="R@k, MedR, MRR, mAP; infAP, infNDCG, iP10; of trec_eval map, ndcg_cut_10 and others; 'trec_eval infAP'.",
)
@click.option("--topics", type=PATH, metavar="FILE", help="The topics, for their texts and for complete AVS runs.")
@click.option(
    "--facets",
    default="",
    metavar="FILE|tv20",
    help="Means over the topics of a facet: CSV lines `topic,facet`.",
    shell_complete=complete.FACETS,
)
@click.option("--against", default="", metavar="NAME", help="The run that others are tested against; else the first.")
@click.option(
    "--fuse",
    "methods",
    multiple=True,
    type=OneOf(["rrf", "combsum"]),
    help="All runs as one more: reciprocal ranks, or sums of scores. Given twice, one row for each.",
)
@click.option("-k", type=click.IntRange(1), metavar="N", help="Only the best N items of each topic count.")
@click.option("--per-topic", is_flag=True, help="Show each topic too.")
@json_option("topics, rules, runs (means of each), notes, against, facets, by topic")
@click.option("--csv", "csv_file", type=PATH, metavar="FILE", help="Write a line for each run and topic.")
@click.option("--out", type=PATH, metavar="FILE", help="Write the run, or the fused one: .xml, .csv, else TREC (.gz).")
@ATTRIBUTE
def score_command(
    runs: tuple[Path, ...],
    qrels: Path | None,
    measures: tuple[str, ...],
    topics: Path | None,
    facets: str,
    against: str,
    methods: tuple[str, ...],
    k: int | None,
    per_topic: bool,
    as_json: bool,
    csv_file: Path | None,
    out: Path | None,
    attributes: tuple[str, ...],
) -> None:
    """Score run files of anyone, with no workspace: TREC (.gz or not), TRECVID's AVS XML, or CSV.

    A topic that a run lacks counts as 0; what is left out, missing or not judged is said below the table, and so is the
    rule by which each measure ranks equal scores. With several runs, others are tested against the first.

    \b
    laff score mine.trec.gz theirs.xml --qrels avs.qrels.tv20 --facets tv20 --per-topic
    laff score a.trec b.trec --qrels qrels.txt --measure mAP --measure map --fuse rrf --fuse combsum
    laff score mine.trec.gz --out mine.xml --attribute pid=TEAM --topics tv20.avs.txt
    """
    from pipeline.items import queries
    from pipeline.runfiles import avs_rules, forms
    from pipeline.runfiles.numbered import Numbered
    from pipeline.runfiles.opened import check_not_read
    from pipeline.runfiles.topics import matched
    from pipeline.score import fusing, inputs, quoted, report, scoring
    from pipeline.score.measures import named

    methods = tuple(dict.fromkeys(methods))
    if methods and len(runs) < 2:
        raise click.UsageError("--fuse needs several runs")
    if out and len(runs) > 1 and len(methods) != 1:
        how = f"choose one --fuse, not {' and '.join(methods)}" if methods else "--fuse makes one of several"
        raise click.UsageError(f"--out writes one run; {how}")
    if not qrels and not out:
        raise click.UsageError("Missing option '--qrels' (or --out, to bring a run to another form)")
    if not qrels and (measures or facets or against or per_topic or as_json or csv_file):
        raise click.UsageError("only --qrels FILE gives figures; give that too")
    if attributes and not (out and forms.is_avs(out)):
        raise click.UsageError("--attribute is of an AVS run: --out FILE.xml")
    check_not_read([csv_file, out], [*runs, qrels, topics, Path(facets) if facets else None])
    values = avs_rules.attributes(attributes)
    named(measures)  # before long files are read
    _check_there({**dict.fromkeys(runs, "run file"), **({qrels: "file of judgements"} if qrels else {})})
    items = Numbered()
    notes: list[str] = []
    read = inputs.read_runs(runs, items, notes, k or 0)
    single = dict(read)
    for method in methods:
        name = f"{method}({', '.join(single)})"
        read[name] = fusing.fused(list(single.values()), method, _tag([method, *single]))
        notes.append(f"{name}: {fusing.HOW[method]}")
    if qrels:
        given = inputs.read(read, items, qrels, topics, facets)
        given.notes[:0] = notes
        scores = scoring.score(given, measures, against)
        if as_json:
            print_json(report.as_json(scores, given, per_topic))
        else:
            click.echo(report.text(scores, given, per_topic, paper()))
        if per_topic and not as_json and (published := quoted.text(scores.topics, paper())):
            click.echo(f"\n{published}")
        if csv_file:
            report.write_topics(csv_file, scores, given)
            click.echo(f"wrote {csv_file}", err=True)
    if out:
        name, run = list(read.items())[-1]
        wanted = [id_ for id_, _ in queries.load(topics)] if topics else []
        run = run.renamed(matched(run.topics, wanted))
        forms.write(out, run.ordered().answers(), _tag([run.tag or name]), values, wanted)
        click.echo(f"wrote {out}", err=True)


def _check_there(files: Mapping[Path, str]) -> None:
    """Raise LaffError where files are missing, with what is near their names; files: of each what it is."""
    from pipeline.errors import LaffError, near_path

    lost = [f"{file}: no such {what}{near_path(file)}" for file, what in files.items() if not file.exists()]
    if lost:
        raise LaffError("\n".join(lost), lost)


def _tag(names: list[str]) -> str:
    """The name of the system in a TREC file, which holds no white space."""
    from pipeline import ids

    return ids.encoded("-".join(names))
