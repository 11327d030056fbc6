"""`laff completion`: what a shell needs to complete the names of verbs, stages, options and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pipeline.commands.options import OneOf

PLACES = {  # where each shell looks by itself
    "bash": "~/.local/share/bash-completion/completions/laff",
    "zsh": "~/.zfunc/_laff",
    "fish": "~/.config/fish/completions/laff.fish",
}
MORE = {"zsh": "; ~/.zshrc needs the lines: fpath+=~/.zfunc; autoload -Uz compinit; compinit"}


@click.command(name="completion")
@click.argument("shell", type=OneOf(list(PLACES)))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print what completes `laff` in your shell: verbs, stages, options, and names that your workspace knows.

    Write it once to where the shell looks, and open a new shell.

    \b
    laff completion bash > ~/.local/share/bash-completion/completions/laff
    laff completion zsh  > ~/.zfunc/_laff              (~/.zshrc: fpath+=~/.zfunc; autoload -Uz compinit; compinit)
    laff completion fish > ~/.config/fish/completions/laff.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(context.find_root().command, {}, "laff", "_LAFF_COMPLETE").source()
    how = f"# To install: laff completion {shell} > {PLACES[shell]}{MORE.get(shell, '')}\n"
    mark = "#compdef laff\n"  # zsh looks for it in the first line
    click.echo(mark + how + source.removeprefix(mark) if source.startswith(mark) else how + source)
