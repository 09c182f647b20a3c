"""From a cluster's entry in the configuration to what a connection needs: address, TLS context, token, proxy.

Kubeconfig and service account are understood by ``kubernetes.aio``. It never renews what an exec plugin gave, nor
does it read a changed file again, so that this is done here: whoever holds an ``Endpoint`` asks it whether it is
still ``current`` and else loads a new one.
"""

import asyncio
import ipaddress
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import InClusterConfigLoader
from kubernetes.aio.config.kube_config import KubeConfigLoader

from monitor.model.errors import Unauthorised
from monitor.model.settings import ClusterAccess
from monitor.observe.kubernetes import exec_plugin, kubeconfig
from monitor.observe.kubernetes.kubeconfig import Chosen, Stamp, stamp
from monitor.observe.kubernetes.redact import clean

P = ParamSpec("P")
T = TypeVar("T")

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"

PLUGIN_TIMEOUT: Final = 30.0
"""Seconds that an exec plugin, or a token endpoint, may take."""

_SKEW: Final = 30.0
"""Seconds before its expiry at which a credential is renewed, and at least this long after it was had."""

# Its own threads: a kubeconfig on a dead network drive must not stop name resolution, which has the default ones.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="kubeconfig")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An API server and how to speak to it.

    Attributes:
        url: base URL, without a trailing slash.
        tls: None for plain http.
        authorization: value of the header; empty for none.
        proxy: URL of the proxy; empty for none.
        server_name: name to expect in the server's certificate, where it is not the URL's.
        renew_at: instant, by ``time.monotonic``, from which a new credential should be had; None if it has no end.
        files: what it was made of, with the versions that were read.
    """

    url: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    authorization: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    server_name: str = ""
    renew_at: float | None = None
    files: Mapping[str, Stamp] = field(default_factory=dict)

    @property
    def expired(self) -> bool:
        """Whether its credential is at its end."""
        return self.renew_at is not None and time.monotonic() >= self.renew_at

    async def unchanged(self) -> bool:
        """Whether every file that it was made of is still the same."""
        return await _in_thread(_stamps, tuple(self.files)) == self.files


async def load(access: ClusterAccess) -> Endpoint:
    """Read kubeconfig or service account and make an endpoint of it; may run an exec plugin.

    Raises:
        Unauthorised: that can't be done; one line that names file and context, without secrets.
    """
    if access.in_cluster:
        return await _in_thread(_in_cluster, SERVICE_ACCOUNT, os.environ)
    chosen = await _in_thread(kubeconfig.choose, access.kubeconfig, access.context)
    plugin = chosen.user.get("exec")
    if not isinstance(plugin, Mapping):
        return await _in_thread(_from_kubeconfig, chosen, None)
    credential = await exec_plugin.run(plugin, chosen.cluster, chosen.where, PLUGIN_TIMEOUT)
    return await _in_thread(_from_kubeconfig, chosen, credential)


async def _in_thread(function: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)


def _stamps(files: Iterable[str]) -> dict[str, Stamp]:
    return {each: stamp(each) for each in files}


def _in_cluster(folder: str, environ: Mapping[str, str]) -> Endpoint:
    token, authority = f"{folder}/token", f"{folder}/ca.crt"
    stamps = _stamps((token, authority))
    configuration = Configuration()
    try:
        InClusterConfigLoader(token, authority, try_refresh_token=False, environ=environ).load_and_set(configuration)
        return _endpoint(configuration, stamps, None)
    except (ConfigException, OSError, ValueError) as error:
        raise Unauthorised(f"in-cluster service account at {folder}: {clean(str(error), 160)}") from None


def _from_kubeconfig(chosen: Chosen, credential: exec_plugin.ExecCredential | None) -> Endpoint:
    stamps = _stamps(chosen.files)
    try:
        with tempfile.TemporaryDirectory(prefix="arc-monitor-") as folder:
            user = _user(chosen.user, credential, Path(folder))
            configuration = Configuration()
            loader = KubeConfigLoader(chosen.document(user), config_base_path="")
            asyncio.run(asyncio.wait_for(loader.load_and_set(configuration), PLUGIN_TIMEOUT))
            return _endpoint(configuration, stamps, credential.expires_at if credential else None)
    except TimeoutError:
        raise Unauthorised(f"{chosen.where}: no token within {PLUGIN_TIMEOUT:g} s") from None
    except ConfigException as error:
        raise Unauthorised(f"{chosen.where}: {clean(str(error), 160)}") from None
    except ssl.SSLError as error:
        raise Unauthorised(f"{chosen.where}: a certificate or key can't be used ({error.reason})") from None
    except OSError as error:
        raise Unauthorised(f"{chosen.where}: {error.filename or 'a file'}: {error.strerror}") from None
    # What these would say may quote the file.
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unauthorised(f"{chosen.where}: user or cluster is malformed ({type(error).__name__})") from None


def _user(user: Mapping[str, Any], credential: exec_plugin.ExecCredential | None, folder: Path) -> dict[str, Any]:
    """The user entry with the plugin's credential in the plugin's place, and the token file's content as the token."""
    plain = {key: value for key, value in user.items() if key not in {"exec", "tokenFile"}}
    if user.get("tokenFile"):
        plain["token"] = Path(str(user["tokenFile"])).read_text("utf-8").strip()
    if credential is None:
        return plain
    if credential.token:
        plain["token"] = credential.token
    if credential.certificate:
        # Not as *-data: the library would keep each one in a file of its own until the process ends.
        for key, content in (("client-certificate", credential.certificate), ("client-key", credential.key)):
            path = folder / key
            path.touch(mode=0o600)
            path.write_text(content, "utf-8")
            plain[key] = str(path)
            plain.pop(f"{key}-data", None)
    return plain


def _endpoint(configuration: Any, stamps: Mapping[str, Stamp], expires_at: float | None) -> Endpoint:
    # Python 3.13 asks more of an authority's certificate than Kubernetes' own tools and many clusters' authorities do.
    configuration.disable_strict_ssl_verification = True
    url = str(configuration.host).rstrip("/")
    settings = asyncio.run(configuration.auth_settings())
    authorization = str(settings.get("BearerToken", {}).get("value") or "")
    return Endpoint(
        url=url,
        tls=RESTClientObject(configuration).ssl_context if url.startswith("https:") else None,
        authorization=authorization.strip(),
        proxy=configuration.proxy or _environment_proxy(url),
        server_name=configuration.tls_server_name or "",
        renew_at=None if expires_at is None else time.monotonic() + max(expires_at - time.time() - _SKEW, _SKEW),
        files=stamps,
    )


def _environment_proxy(url: str) -> str:
    parts = urlsplit(url)
    proxies = getproxies_environment()
    host = parts.hostname or ""
    if proxy_bypass(host) or _in_excepted_network(host, proxies.get("no", "")):
        return ""
    return proxies.get(parts.scheme, "")


def _in_excepted_network(host: str, excepted: str) -> bool:
    """Whether ``NO_PROXY`` names a network that ``host`` is in; Python's own rules know names only."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for each in excepted.split(","):
        try:
            if "/" in each and address in ipaddress.ip_network(each.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
