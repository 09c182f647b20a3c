"""Credentials from an exec plugin, such as ``aws eks get-token`` (``client.authentication.k8s.io``, ExecCredential)."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import msgspec

from monitor.model.errors import Unauthorised
from monitor.observe.kubernetes.redact import clean
from monitor.observe.kubernetes.rfc3339 import epoch

_QUOTED = 160
_EXTENSION = "client.authentication.k8s.io/exec"


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: str | None = None


class _Credential(msgspec.Struct):
    status: _Status | None = None


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """What a plugin gave: a token, or a client certificate with its key (PEM), or both.

    Attributes:
        expires_at: seconds since the epoch; None when the plugin did not say.
    """

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires_at: float | None = None


async def run(plugin: Mapping[str, Any], cluster: Mapping[str, Any], where: str, within: float) -> ExecCredential:
    """Run the plugin of a kubeconfig's user, away from the terminal, and read what it prints.

    Args:
        plugin: the user's ``exec`` entry.
        cluster: the ``cluster`` entry, told to plugins that ask for it.
        where: file and context, for messages.
        within: seconds after which the plugin and what it has started are killed.

    Raises:
        Unauthorised: it can't be run, fails, is too slow, needs a person, or prints no credential.
    """
    command = str(plugin.get("command", ""))
    told = f"{where}: exec plugin {PurePath(command).name!r}"
    if not command:
        raise Unauthorised(f"{where}: the exec plugin has no command")
    if plugin.get("interactiveMode") == "Always":
        raise Unauthorised(f"{told} wants to talk to a person (interactiveMode: Always)")
    arguments = [str(each) for each in plugin.get("args") or ()]
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            env=_environment(plugin, cluster),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,
        )
    except OSError as error:
        hint = clean(str(plugin.get("installHint") or ""), _QUOTED)
        raise Unauthorised(f"{told} can't be run: {error.strerror}{f' ({hint})' if hint else ''}") from None
    try:
        async with asyncio.timeout(within):
            printed, complaint = await process.communicate()
    except TimeoutError:
        raise Unauthorised(f"{told} did not end within {within:g} s") from None
    finally:
        await _end(process)
    if process.returncode:
        said = clean(complaint.decode(errors="replace").strip().rpartition("\n")[2], _QUOTED)
        raise Unauthorised(f"{told} failed with exit code {process.returncode}{f': {said}' if said else ''}")
    return _credential(printed, told)


def _credential(printed: bytes, told: str) -> ExecCredential:
    try:
        status = msgspec.json.decode(printed, type=_Credential).status or _Status()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unauthorised(f"{told} printed no ExecCredential") from None
    certificate, key = status.client_certificate_data or "", status.client_key_data or ""
    token = (status.token or "").strip()
    if not token and not (certificate and key):
        raise Unauthorised(f"{told} printed neither a token nor a certificate with its key")
    return ExecCredential(
        token, certificate if key else "", key if certificate else "", epoch(status.expiration_timestamp)
    )


def _environment(plugin: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _cluster_info(cluster)
    info = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    extra = {str(each["name"]): str(each.get("value", "")) for each in plugin.get("env") or () if each.get("name")}
    return {**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _cluster_info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    info = {key: cluster[key] for key in kept if cluster.get(key)}
    for each in cluster.get("extensions") or ():
        if each.get("name") == _EXTENSION:
            info["config"] = each.get("extension")
    return info


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    # The plugin leads a session of its own: what it has started goes with it.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
