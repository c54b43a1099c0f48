"""Makes a stack in its backend, and takes it out again: what an engine's verbs take for granted."""

from __future__ import annotations

from mooring.session import Session


def create_stack(session: Session) -> None:
    """Give the stack an empty state unless it has one, so that `pulumi` needs neither login nor question."""
    ref = session.ref
    if ref.cloud == "local" or ref.emulate:
        from infra.engine.state.store import StateStore

        store = StateStore(ref.backend, ref.project, ref.stack)
        if not store.exists():
            store.initialise()
        return
    from mooring.pulumi_cli import PulumiCli

    PulumiCli().create(ref)


def remove_stack(session: Session, *, force: bool) -> None:
    """Remove state and history from the backend, and the stack's file with what emulating it left.

    Emulated: only what belongs to the emulation. The caller has made sure that nothing is deployed, or that
    the user wants it forgotten (`force`).
    """
    import shutil

    ref = session.ref
    if ref.emulate:
        shutil.rmtree(ref.config_file.parent, ignore_errors=True)
        return
    if session.engine_name == "embedded":
        from infra.engine.state.store import StateStore

        store = StateStore(ref.backend, ref.project, ref.stack)
        if store.exists():
            store.remove()
    else:
        from mooring.pulumi_cli import PulumiCli

        PulumiCli().remove(ref, force=force)
    if session.project.stack_file(ref.stack).is_file():
        session.project.remove(ref.stack)
