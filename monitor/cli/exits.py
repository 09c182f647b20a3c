"""Exit codes, by name. They are part of the interface and never change."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit status says."""

    OK = 0
    ERROR = 1
    USAGE = 2
    REFUSED = 3
    INCOMPLETE = 4
    NO_ANSWER = 5
    UNHEALTHY = 6


MEANING = {
    Exit.OK: "done, or all is well",
    Exit.ERROR: "it failed; the line on standard error says why",
    Exit.USAGE: "the command line is wrong",
    Exit.REFUSED: "a guard said no; nothing was changed",
    Exit.INCOMPLETE: "the gates are as wanted, but no job was seen to start at the target; or it was rolled back",
    Exit.NO_ANSWER: "no daemon answered in time; the request stays in the store (a switch for 15 minutes)",
    Exit.UNHEALTHY: "explain: the subject is not healthy",
}

BY_CODE = {
    "ok": Exit.OK,
    "incomplete": Exit.INCOMPLETE,
    "rolled-back": Exit.INCOMPLETE,
    "abandoned": Exit.INCOMPLETE,
    "error": Exit.ERROR,
}
"""Exit codes by a request's named result; every other name is a guard's, so REFUSED."""
