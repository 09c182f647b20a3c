"""What a client accepts, as its headers say."""


def accepts(header: str, value: str) -> bool:
    """Whether ``value`` is named in an ``Accept`` or ``Accept-Encoding`` header and not ruled out by ``q=0``."""
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name == value:
            return not any(_is_zero(parameter) for parameter in parameters)
    return False


def _is_zero(parameter: str) -> bool:
    key, _, number = parameter.partition("=")
    if key.strip() != "q":
        return False
    try:
        return float(number) == 0.0
    except ValueError:
        return False
