"""`laff analyze`: feature weights, spaces and cost of trained models, and results query by query."""

from __future__ import annotations

import click

from pipeline.commands.analyze_models import cost_command, spaces_command, weights_command
from pipeline.commands.analyze_queries import queries_command
from pipeline.commands.sections import Sectioned


@click.group(name="analyze", cls=Sectioned)
def analyze_group() -> None:
    """Look into trained models: feature weights, spaces, cost, single queries.

    \b
    laff analyze weights -c collection.yaml -w WORK          which features a model relies on
    laff analyze spaces  -c collection.yaml -w WORK          how much its spaces agree
    laff analyze cost    -c collection.yaml -w WORK          parameters and FLOPs of every model
    laff analyze queries laff concat -c collection.yaml -w WORK      which captions one finds and the other does not
    laff analyze cost    -c collection.yaml -w WORK --grid systems   the same of what `laff compare systems` made

    Each prints a table and writes CSV, PNG and SVG under WORK/analyze/VERB/. Nothing is trained and nothing else in
    the workspace changes. Give the --stages, --profile and --set of the run: they say which models there are. For a
    comparison, also give --grid and its --role.
    """


for command in (weights_command, spaces_command, cost_command, queries_command):
    analyze_group.add_command(command)
