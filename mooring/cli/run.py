"""One command from words to exit status: every error becomes one clear message, never a traceback."""

from __future__ import annotations

import json
import os
import sys

import typer
from typer.exceptions import TyperException

from mooring.cli import exits
from mooring.display.style import style_of
from providers.errors import InvalidInput, JobFailed, MooringError


def run(arguments: list[str]) -> int:
    """Run `mooring` with `arguments`; returns the exit status."""
    from mooring.cli.app import app

    as_json = "--json" in arguments
    try:
        command = typer.main.get_command(app)
        code = command.main(arguments, prog_name="mooring", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else exits.OK
    except TyperException as error:
        return _usage(error, as_json)
    except MooringError as error:
        return report(error, as_json)
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted", file=sys.stderr)
        return exits.INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone (`mooring history | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILED
    except Exception as error:  # noqa: BLE001 - a bug of ours: short message, the traceback on request
        return _bug(error, as_json)


def report(error: MooringError, as_json: bool) -> int:
    """Print an error that was raised on purpose; with --json its machine-readable form too."""
    problems = [str(problem) for problem in error.problems] if isinstance(error, InvalidInput) else [str(error)]
    _print_errors(problems)
    if isinstance(error, JobFailed) and error.log_tail:
        print("\n".join(f"    {line}" for line in error.log_tail.splitlines()), file=sys.stderr)
    if as_json:
        print(json.dumps({"error": {"kind": type(error).__name__, "problems": problems}}))
    return exits.USAGE if isinstance(error, UsageProblem) else exits.FAILED


class UsageProblem(MooringError):
    """The command line cannot be obeyed as it stands; exit status 2."""


def _usage(error: TyperException, as_json: bool) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return exits.USAGE
    message = error.format_message().strip().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mooring"
    _print_errors([f"{message}  (see `{path} --help`)"])
    if as_json:
        print(json.dumps({"error": {"kind": "Usage", "problems": [message]}}))
    return exits.USAGE


def _bug(error: Exception, as_json: bool) -> int:
    if os.environ.get("MOORING_DEBUG"):
        raise error
    message = f"internal error: {type(error).__name__}: {error}"
    _print_errors([f"{message}  (MOORING_DEBUG=1 shows where; please report it)"])
    if as_json:
        print(json.dumps({"error": {"kind": "Internal", "problems": [message]}}))
    return exits.FAILED


def _print_errors(messages: list[str]) -> None:
    sys.stdout.flush()
    style = style_of(sys.stderr)
    for message in messages:
        first, *rest = message.splitlines() or [""]
        print(style("error: ", "red", "bold") + first, file=sys.stderr)
        for line in rest:
            print(f"       {line}", file=sys.stderr)
