"""The root command: finds a verb's module when it is asked for, and not before."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mooring.cli import root_help
from mooring.cli.verbs import BY_NAME, VERBS
from providers.errors import did_you_mean


class LazyGroup(TyperGroup):
    """A group whose commands are rows of the verbs table until one of them is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All verbs, in the order of the help page."""
        return [verb.name for verb in VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the verb's module and return its command."""
        if cmd_name not in BY_NAME:
            return None
        if cmd_name not in self.commands:
            verb = BY_NAME[cmd_name]
            module = importlib.import_module(f"mooring.cli.commands.{verb.module}")
            command = typer.main.get_command(module.app)
            command.name = cmd_name
            self.commands[cmd_name] = command
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command of the first word, or the error that names the nearest one."""
        word = args[0]
        if word not in BY_NAME and not word.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"there is no command '{word}'{did_you_mean(word, list(BY_NAME))}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The page of `root_help`."""
        formatter.write(root_help.text())

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Verbs by the table, options as ever."""
        from typer._click.shell_completion import CompletionItem

        verbs = [CompletionItem(v.name, help=v.summary) for v in VERBS if v.name.startswith(incomplete)]
        return verbs + super(TyperGroup, self).shell_complete(ctx, incomplete)


app = typer.Typer(
    name="mooring",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mooring {version('mooring')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Moor a machine-learning model on this machine or on a cloud."""
