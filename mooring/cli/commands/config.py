"""`mooring config get|set|rm`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.session import Session, open_session
from mooring.stack_file import StackFile, parse_value
from providers.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Read and write a stack's settings (get, set, rm).")
Path = Annotated[str, typer.Argument(help="Such as models.iris.training.seed, or aws:profile.")]


@app.command("get")
def get(
    path: Annotated[str | None, typer.Argument(help="Such as models.iris.training.seed; all by default.")] = None,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
) -> int:
    """Print a setting; secrets are masked."""
    session = open_session(stack, emulate=emulate, create=True)
    file = stack_file(session)
    if path is None:
        print_json(all_settings(session.ref.config_file)) if as_json else print(file.text.rstrip())
        return exits.OK
    value = file.get(path)
    if isinstance(value, str) and not as_json:
        print(value)
    else:
        print_json(value)
    return exits.OK


@app.command("set")
def set_(
    path: Path,
    value: Annotated[str | None, typer.Argument(help="The value, as YAML; from stdin when left out.")] = None,
    secret: Annotated[bool, typer.Option("--secret", help="Encrypt it in the file.")] = False,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
) -> int:
    """Write a setting. Comments and order of the file stay. With --emulate it is the emulated stack's alone."""
    session = open_session(stack, emulate=emulate, create=True)
    text = value if value is not None else from_stdin(path, secret)
    encrypt = None
    if secret:
        from mooring.encryption import encryptor

        encrypt = encryptor(session.ref)
    file = stack_file(session)
    if encrypt:
        file.set(path, text, encrypt=encrypt)
    else:
        file.set(path, parse_value(path, text))
    file.save()
    done(session.ref.stack, path, file, as_json)
    return exits.OK


@app.command("rm")
def rm(path: Path, stack: options.Stack = None, emulate: options.Emulate = False, as_json: options.Json = False) -> int:
    """Remove a setting. With --emulate from the emulated stack alone."""
    session = open_session(stack, emulate=emulate, create=True)
    file = stack_file(session)
    file.remove(path)
    file.save()
    done(session.ref.stack, path, file, as_json)
    return exits.OK


def stack_file(session: Session) -> StackFile:
    """The stack's file, called as the user sees it."""
    path = session.ref.config_file
    return StackFile(path, str(path.relative_to(session.ref.root)))


def from_stdin(path: str, secret: bool) -> str:
    """The value from a pipe, or asked for at the terminal (hidden when it is a secret)."""
    if sys.stdin.isatty():
        return str(typer.prompt(path, hide_input=secret, err=True))
    text = sys.stdin.read().rstrip("\n")
    if not text:
        raise InvalidInput(f"config set {path}: give a value, or pipe one to stdin")
    return text


def all_settings(config_file: Any) -> Any:
    """The file's `config`, secrets masked."""
    import yaml

    from mooring.stack_file import masked

    content = yaml.safe_load(config_file.read_bytes()) or {}
    return masked(content.get("config") or {})


def done(stack: str, path: str, file: StackFile, as_json: bool) -> None:
    """What was written; with --json the value as `get` shows it."""
    if as_json:
        print_json({"stack": stack, "path": path, "value": file.get(path) if file.has(path) else None})
    else:
        print(f"{file.label}: {path} {'set' if file.has(path) else 'removed'}", file=sys.stderr)
