"""Names that ARC computes, so that an orphan can be told from the listener that ARC looks for."""

_OFFSET_BASIS = 0x811C9DC5
_PRIME = 0x01000193
_SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def fnv_hash_string(text: str) -> str:
    """FNV-1a 32 bit, printed in decimal and mapped to Kubernetes' safe alphabet (ARC ``hash/fnv.go``)."""
    value = _OFFSET_BASIS
    for byte in text.encode():
        value = ((value ^ byte) * _PRIME) & 0xFFFFFFFF
    return "".join(_SAFE_ALPHABET[byte % len(_SAFE_ALPHABET)] for byte in str(value).encode())


def listener_names(name: str, namespace: str, group: str, url: str) -> tuple[str, str]:
    """Both names that ARC may give the listener of an AutoscalingRunnerSet, the present form first.

    Since 0.13.1 the hash covers namespace, group and URL (ARC #4299); before that the namespace alone.
    ``group`` is ``spec.runnerGroup`` as written (empty when unset), ``url`` is ``spec.githubConfigUrl`` to the letter.
    """
    present = fnv_hash_string(f"{namespace}@{group}@{url}")[:8]
    former = fnv_hash_string(namespace)[:8]
    return f"{name}-{present}-listener", f"{name}-{former}-listener"
