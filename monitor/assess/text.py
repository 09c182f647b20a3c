"""How durations and counts read in sentences."""


def span(seconds: float) -> str:
    """A duration in the two largest units that matter: ``45 s``, ``6 min``, ``2 h 5 min``, ``3 d``."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 job``, ``3 jobs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: tuple[str, ...] | list[str]) -> str:
    """Names as a person writes them: ``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
