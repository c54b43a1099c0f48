"""One command from words to exit status: every error becomes one clear message, never a traceback."""

from __future__ import annotations

import json
import os
import sys

import typer
from typer.exceptions import TyperException

from mooring.cli import exits, streams
from mooring.display.style import style_of
from providers.errors import InvalidInput, JobFailed, MooringError


def run(arguments: list[str]) -> int:
    """Run `mooring` with `arguments`; returns the exit status."""
    from mooring.cli.app import app

    as_json = "--json" in arguments
    streams.prepare()
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
        _print_json("Interrupted", ["interrupted"], as_json)
        return exits.INTERRUPTED
    except OSError as error:
        return _refused(error, as_json)
    except Exception as error:  # noqa: BLE001 - a bug of ours: short message, the traceback on request
        return _bug(error, as_json)


def report(error: MooringError, as_json: bool) -> int:
    """Print an error that was raised on purpose; with --json its machine-readable form too."""
    problems = [str(problem) for problem in error.problems] if isinstance(error, InvalidInput) else [str(error)]
    _print_errors(problems)
    if isinstance(error, JobFailed) and error.log_tail:
        print("\n".join(f"    {line}" for line in error.log_tail.splitlines()), file=sys.stderr)
    _print_json(type(error).__name__, problems, as_json)
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
    _print_json("Usage", [message], as_json)
    return exits.USAGE


def _refused(error: OSError, as_json: bool) -> int:
    """The system refused something: our own output (`mooring history | head`), or a file or folder."""
    if os.environ.get("MOORING_DEBUG"):
        raise error
    if not streams.writable(sys.stdout):
        streams.discard(sys.stdout)
    if isinstance(error, BrokenPipeError):  # the reader of our output has gone, and has seen what it wanted
        return exits.FAILED
    from providers.faults import told

    message = told(error) if streams.here() else "the current folder is not there any more; change to one that is"
    if error.filename is None and error.errno in streams.WRITE_ERRORS:
        message = f"the output, or a file, cannot be written: {message}"
    _print_errors([message])
    _print_json("System", [message], as_json)
    return exits.FAILED


def _bug(error: Exception, as_json: bool) -> int:
    if os.environ.get("MOORING_DEBUG"):
        raise error
    message = f"internal error: {type(error).__name__}: {error}"
    _print_errors([f"{message}  (MOORING_DEBUG=1 shows where; please report it)"])
    _print_json("Internal", [message], as_json)
    return exits.FAILED


def _print_json(kind: str, problems: list[str], as_json: bool) -> None:
    """With --json: the error as the one document on stdout."""
    if as_json:
        print(json.dumps({"error": {"kind": kind, "problems": problems}}))
        if not streams.writable(sys.stdout):
            streams.discard(sys.stdout)


def _print_errors(messages: list[str]) -> None:
    streams.writable(sys.stdout)  # flushed first, so that the two streams keep their order on a terminal
    style = style_of(sys.stderr)
    for message in messages:
        first, *rest = message.splitlines() or [""]
        print(style("error: ", "red", "bold") + first, file=sys.stderr)
        for line in rest:
            print(f"       {line}", file=sys.stderr)
    if not streams.writable(sys.stderr):
        streams.discard(sys.stderr)
