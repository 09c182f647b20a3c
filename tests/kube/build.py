"""Build the kube-apiserver and etcd that the tests run against into the user's cache.

Run by `make kube`. With KUBEBUILDER_ASSETS set to a folder that holds both, nothing is built. Imported, it says
where the binaries lie: the tests ask `folder()`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARIES = ("kube-apiserver", "etcd")
NEWER_GO = re.compile(r"requires go >= (\S+) \(running go ([^;)]+)")
UNREACHABLE = re.compile(
    r"disabled by GOPROXY|dial tcp|no such host|i/o timeout|connection refused|TLS handshake|: 40[134] |: 50\d "
)
# etcd before 3.5 tells no progress on request: the API server can live with that, but logs errors all the time.
OLDEST_ETCD = (3, 5)


class Missing(Exception):  # noqa: N818 - it names what is missing, not what went wrong
    """Something the build needs is not there; the message says what, and what to install."""


def pinned(module: str, go_mod: Path) -> str:
    """Return the version of a module that a go.mod requires, as in `v1.36.3`."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", go_mod.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise Missing(f"{go_mod} requires no {module}")
    return found[1]


def version() -> str:
    """Return the Kubernetes release that the tests run against, as in `v1.36.3`."""
    return pinned("k8s.io/kubernetes", HERE / "go.mod")


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds, or will hold, the binaries."""
    if assets := environ.get("KUBEBUILDER_ASSETS"):
        return Path(assets)
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "arc-monitor" / "kube" / version()


def absent(where: Path) -> list[str]:
    """Return the names of the binaries that the folder does not hold."""
    return [name for name in BINARIES if not os.access(where / name, os.X_OK)]


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def ldflags(release: str) -> str:
    """Return the linker flags that make the API server tell its release at /version, as Kubernetes' own build does."""
    major, minor, _ = release.removeprefix("v").split(".", 2)
    values = {"gitVersion": release, "gitMajor": major, "gitMinor": minor}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(["-s -w", *(f"-X {p}.{key}={value}" for p in packages for key, value in values.items())])


def explain(output: str) -> str:
    """Turn what go wrote before it gave up into one line that says what is missing."""
    if found := NEWER_GO.search(output):
        return f"missing: Go {found[1]} or later (this is {found[2].strip()}); install it from https://go.dev/dl/"
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "go said nothing")
    if UNREACHABLE.search(output):
        return f"missing: a network, or a Go module proxy (set GOPROXY): {last.strip()}"
    return f"go could not build it: {last.strip()}"


def go(module: Path, *arguments: str, total: int = 0) -> list[str]:
    """Run go in a module's folder, telling about its progress, and return the lines it wrote."""
    # No C compiler is needed, and no go.work above this checkout has a say.
    environ = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    lines: list[str] = []
    fetched = compiled = 0
    with subprocess.Popen(
        ["go", *arguments],
        cwd=module,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or ():
            if line.startswith("go: downloading "):
                fetched += 1
                if fetched % 50 == 0:
                    say(f"  {fetched} modules fetched")
                continue
            lines.append(line)
            compiled += 1
            if total and compiled % 200 == 0:
                say(f"  {compiled} of at most {total} packages compiled")
    if process.returncode:
        raise Missing(explain("".join(lines)))
    return lines


def build(module: Path, package: str, target: Path, flags: str) -> None:
    """Build one program; it appears under its name only once it is whole."""
    started = time.monotonic()
    say(f"{target.name}: fetching modules")
    total = len(go(module, "list", "-deps", package))
    say(f"{target.name}: compiling (from nothing this takes minutes)")
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        options = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", str(half)]
        go(module, "build", *options, package, total=total)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    say(f"{target.name}: {target} ({time.monotonic() - started:.0f} s)")


def installed_etcd() -> Path | None:
    """Return the etcd on PATH, if it is recent enough to serve."""
    path = shutil.which("etcd")
    if path is None:
        return None
    told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"etcd Version: (\d+)\.(\d+)", told)
    return Path(path) if found and (int(found[1]), int(found[2])) >= OLDEST_ETCD else None


def provide(where: Path) -> None:
    """Put into the folder what it lacks."""
    lacking = absent(where)
    if "etcd" in lacking and (etcd := installed_etcd()):
        where.mkdir(parents=True, exist_ok=True)
        (where / "etcd").unlink(missing_ok=True)
        (where / "etcd").symlink_to(etcd)
        say(f"etcd: {etcd} from PATH serves")
        lacking.remove("etcd")
    if lacking and shutil.which("go") is None:
        raise Missing(f"missing: Go, to build {' and '.join(lacking)}; install it from https://go.dev/dl/")
    if "etcd" in lacking:
        build(HERE / "etcd", "go.etcd.io/etcd/server/v3", where / "etcd", "-s -w")
    if "kube-apiserver" in lacking:
        build(HERE, "k8s.io/kubernetes/cmd/kube-apiserver", where / "kube-apiserver", ldflags(version()))


def main() -> int:
    """Build what is missing; return the exit code."""
    where = folder()
    try:
        if not os.environ.get("KUBEBUILDER_ASSETS"):
            provide(where)
    except Missing as missing:
        say(str(missing))
        return 1
    if lacking := absent(where):
        say(f"missing: {' and '.join(lacking)} in KUBEBUILDER_ASSETS={where}; add or unset it")
        return 1
    say(f"kube-apiserver and etcd are in {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
