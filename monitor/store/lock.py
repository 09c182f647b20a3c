"""Who may act: a lock on a file beside the store. The kernel drops it when its holder ends, however it ends."""

import fcntl
import math
import os
from pathlib import Path

from monitor.model.errors import Transient
from monitor.model.signal import UnknownCause


class FileLease:
    """Leadership by ``flock`` on ``<store>.lock``; a ``Lease`` for processes on one machine.

    Unlike a lease that runs out, a lock is held until it is let go, so ``remaining`` is infinite while it is held. It
    stops being held when the lock file is removed or replaced: another process could then lock the new one.

    Args:
        path: the store's file; the lock file lies beside it.
    """

    def __init__(self, path: str) -> None:
        self.path = f"{path}.lock"
        self._file: int | None = None

    async def acquire(self) -> bool:
        """Take it, or see that we still hold it; False when another process has it.

        Raises:
            Transient: when the lock file can't be opened or locked at all.
        """
        if self._holds():
            return True
        self._drop()
        try:
            return self._lock()
        except OSError as error:
            raise Transient(f"lock {self.path}: {error.strerror or error}", cause=UnknownCause.LOCAL) from error

    def remaining(self) -> float:
        """Infinite while it is held, -1.0 otherwise."""
        return math.inf if self._holds() else -1.0

    def holder(self) -> int | None:
        """Process id that the present or last holder wrote down; None when nobody has."""
        try:
            written = Path(self.path).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return int(written) if written.isdigit() else None

    async def release(self) -> None:
        """Let it go; letting go what is not held is no error."""
        if self._holds() and self._file is not None:
            os.ftruncate(self._file, 0)
        self._drop()

    def _lock(self) -> bool:
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        self._file = file
        if not self._holds():
            self._drop()
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        return True

    def _holds(self) -> bool:
        """Whether the file we locked is still the one that others would lock."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file), Path(self.path).stat())
        except OSError:
            return False

    def _drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
