"""Commands that act: each writes a request to the store; the leading daemon carries it out and answers there."""

import asyncio
import getpass
import secrets
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.exits import BY_CODE, Exit
from monitor.cli.options import (
    ConfigOption,
    DryRunOption,
    Output,
    OutputOption,
    ReasonOption,
    UsageError,
    WaitOption,
    YesOption,
    load_settings,
)
from monitor.cli.output import print_data
from monitor.cli.source import open_store
from monitor.model.errors import Refused
from monitor.model.ports import Store
from monitor.model.settings import Settings
from monitor.model.switch import Request, RequestState, Verb

_ASK_EVERY = 0.2

PoolArgument = Annotated[str, typer.Argument(help="pool; leave it out for every pool")]


def register(app: typer.Typer) -> None:
    """Add the commands to the root."""
    for command in (pause, unpause, approve, deny, switchover):
        app.command()(command)


def pause(
    pool: PoolArgument = "",
    duration: Annotated[str, typer.Option("--for", help="how long, such as 30m or 2h; a pause always ends")] = "1h",
    reason: ReasonOption = "",
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
    timeout: WaitOption = 60.0,
) -> None:
    """Freeze automation of a pool, or of all; watching goes on."""
    if not reason.strip():
        raise UsageError("pause needs --reason: whoever is on call will want to know")
    until = time.time() + _duration(duration)
    _ask(config, Verb.PAUSE, pool, {"until": str(until), "reason": reason}, output=output, timeout=timeout)


def unpause(
    pool: PoolArgument = "",
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
    timeout: WaitOption = 60.0,
) -> None:
    """Lift a pause."""
    _ask(config, Verb.UNPAUSE, pool, {}, output=output, timeout=timeout)


def approve(
    proposal: Annotated[str, typer.Argument(help="id of the proposal, as status shows it")],
    config: ConfigOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
    timeout: WaitOption = 1800.0,
) -> None:
    """Let a proposed switch begin."""
    _act(config, Verb.APPROVE, proposal, {}, yes=yes, dry_run=dry_run, output=output, timeout=timeout)


def deny(
    proposal: Annotated[str, typer.Argument(help="id of the proposal, as status shows it")],
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
    timeout: WaitOption = 60.0,
) -> None:
    """Refuse a proposed switch; it is not proposed again until the proposal would have expired."""
    _ask(config, Verb.DENY, proposal, {}, output=output, timeout=timeout)


def switchover(
    target: Annotated[str, typer.Argument(help="pool, cluster or region that is to be moved")] = "",
    to: Annotated[str, typer.Option("--to", help="cluster that is to serve")] = "",
    source: Annotated[str, typer.Option("--from", help="cluster to be left, where several are open")] = "",
    back: Annotated[str, typer.Option("--back", help="id of the switch to come back from (failback)")] = "",
    reason: ReasonOption = "",
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="do without the proof that the target is ready")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: OutputOption = Output.TABLE,
    timeout: WaitOption = 1800.0,
) -> None:
    """Move a pool, a cluster or a region as planned: open the target, shut the source, verify; --back ID fails back."""
    arguments = {"reason": reason, "force": str(force).lower()}
    if back:
        if target or to or source:
            raise UsageError("--back names the switch to come back from; it takes no target, no --to and no --from")
        verb, target = Verb.FAILBACK, back
    elif not target or not to:
        raise UsageError("say what is to move and where: arc-monitor switchover POOL --to CLUSTER, or --back ID")
    else:
        verb = Verb.SWITCHOVER
        arguments |= {"to": to, "from": source}
    _act(config, verb, target, arguments, yes=yes, dry_run=dry_run, output=output, timeout=timeout)


def _duration(text: str) -> float:
    from monitor.config import parse_duration  # noqa: PLC0415 - `--help` need not load pydantic

    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--for: {error}") from error
    if seconds <= 0:
        raise UsageError(f"--for: {text} is no time at all; expected a duration such as 30m or 2h")
    return seconds


def _act(
    config: Path | None,
    verb: Verb,
    target: str,
    arguments: dict[str, str],
    *,
    yes: bool,
    dry_run: bool,
    output: Output,
    timeout: float,
) -> None:
    """Show the plan, ask, then do it."""
    if not dry_run and not yes:
        plan = _wait_for(config, _request(verb, target, arguments, dry_run=True), timeout)
        if plan.state is not RequestState.DONE:
            _answer(plan, output)
        typer.echo(plan.answer, err=output is not Output.TABLE)
        _confirm()
    _ask(config, verb, target, arguments, dry_run=dry_run, output=output, timeout=timeout)


def _ask(
    config: Path | None,
    verb: Verb,
    target: str,
    arguments: dict[str, str],
    *,
    output: Output,
    timeout: float,
    dry_run: bool = False,
) -> None:
    request = _request(verb, target, arguments, dry_run=dry_run)
    _answer(_wait_for(config, request, timeout), output)


def _confirm() -> None:
    """Ask on standard error, so that standard output holds the answer alone.

    Raises:
        Refused: when the answer is no, or nobody is there to give one.
    """
    typer.echo("Do it? [y/N]: ", nl=False, err=True)
    answer = sys.stdin.readline() if sys.stdin else ""
    if not answer:
        typer.echo(err=True)
        raise Refused("not-confirmed", "nobody answered, so nothing was changed; --yes does it without asking")
    if answer.strip().lower() not in {"y", "yes"}:
        raise Refused("not-confirmed", "nothing was changed")


def _wait_for(config: Path | None, request: Request, patience: float) -> Request:
    """Hand the request in and wait; whoever interrupts is told what becomes of it."""
    settings = load_settings(config)
    try:
        return asyncio.run(_submit(settings, request, patience))
    except KeyboardInterrupt:
        typer.echo(f"\narc-monitor: no longer waiting; {_fate(request)}", err=True)
        raise typer.Exit(Exit.NO_ANSWER) from None


def _fate(request: Request) -> str:
    """What becomes of a request that is in the store and not answered yet."""
    if request.dry_run:
        return f"request {request.id} asks for a plan only, nothing is changed by it"
    return f"request {request.id} stays in the store and the daemon that leads carries it out; see arc-monitor history"


def _request(verb: Verb, target: str, arguments: dict[str, str], *, dry_run: bool) -> Request:
    return Request(
        id=f"r-{secrets.token_hex(4)}",
        verb=verb,
        by=getpass.getuser(),
        at=time.time(),
        target=target,
        arguments=arguments,
        dry_run=dry_run,
    )


async def _submit(settings: Settings, request: Request, patience: float) -> Request:
    """Write the request and wait for its answer; the request as it stands when the time is over."""
    store = open_store(settings)
    try:
        await store.submit(request)
        return await _wait(store, request, time.monotonic() + patience)
    finally:
        await store.close()


async def _wait(store: Store, request: Request, deadline: float) -> Request:
    said = ""
    while True:
        found = await store.request(request.id) or request
        if found.state in {RequestState.DONE, RequestState.REFUSED} or time.monotonic() > deadline:
            return found
        if found.answer and found.answer != said:
            said = found.answer
            typer.echo(said, err=True)
        await asyncio.sleep(_ASK_EVERY)


def _answer(request: Request, output: Output) -> None:
    """Print the answer and leave with its exit status."""
    if request.state in {RequestState.NEW, RequestState.RUNNING}:
        typer.echo(f"arc-monitor: no answer in time; is the daemon running and leading? {_fate(request)}", err=True)
        raise typer.Exit(Exit.NO_ANSWER)
    code = BY_CODE.get(request.code, Exit.REFUSED)
    if output is Output.TABLE:
        lead = f"arc-monitor: refused ({request.code}): " if request.state is RequestState.REFUSED else ""
        typer.echo(f"{lead}{request.answer}", err=request.state is RequestState.REFUSED)
    else:
        print_data(
            {"request": request.id, "state": request.state, "code": request.code, "answer": request.answer,
             "switches": request.intent.split()},
            output,
        )  # fmt: skip
    raise typer.Exit(code)
