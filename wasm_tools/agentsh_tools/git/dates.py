"""Dates as git reads and prints them. The sandbox's own zone is UTC."""

from __future__ import annotations

import re
import time

from .failure import GitError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400, "fortnight": 14 * 86400}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ISO = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
)
_AGO = re.compile(r"(\d+|[a-z]+)[ .](second|minute|hour|day|week|fortnight|month|year)s?(?:[ .]ago)?")
FORMATS = frozenset("default iso iso8601 iso-strict iso8601-strict short relative rfc rfc2822 unix raw".split())  # noqa: SIM905


def show(seconds: int, zone: int, how: str) -> str:
    """A moment, in the zone in which it was recorded.

    Args:
        seconds: of the epoch.
        zone: as a number that reads hhmm.
        how: one of :data:`FORMATS`, with ``-local`` for this machine's zone, or ``format:`` and a pattern.

    Raises:
        GitError: there is no such format.
    """
    if how.endswith("-local") or how == "local":
        zone, how = 0, how.removesuffix("local").removesuffix("-") or "default"
        if how == "default":
            return _plain(seconds, 0)
    if how.startswith("format:"):
        at = _parts(seconds, zone)
        pattern = how[7:].replace("%z", f"{zone:+05d}").replace("%s", str(seconds))
        return time.strftime(pattern, at)
    if how not in FORMATS:
        raise GitError(f"unknown date format {how}")
    if how == "unix":
        return str(seconds)
    if how == "raw":
        return f"{seconds} {zone:+05d}"
    if how == "relative":
        return relative(seconds)
    at = _parts(seconds, zone)
    day, clock = (
        f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}",
        f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}",
    )
    if how == "short":
        return day
    if how in ("iso", "iso8601"):
        return f"{day} {clock} {zone:+05d}"
    if how.endswith("strict"):
        return f"{day}T{clock}" + ("Z" if not zone else f"{zone:+05d}"[:3] + f":{abs(zone) % 100:02d}")
    if how in ("rfc", "rfc2822"):
        return f"{_DAYS[at.tm_wday]}, {at.tm_mday} {_MONTHS[at.tm_mon - 1]} {at.tm_year} {clock} {zone:+05d}"
    return f"{_plain(seconds, zone)} {zone:+05d}"


def _plain(seconds: int, zone: int) -> str:
    at = _parts(seconds, zone)
    clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    return f"{_DAYS[at.tm_wday]} {_MONTHS[at.tm_mon - 1]} {at.tm_mday} {clock} {at.tm_year}"


def _parts(seconds: int, zone: int) -> time.struct_time:
    minutes = abs(zone) // 100 * 60 + abs(zone) % 100
    try:
        return time.gmtime(seconds + (60 * minutes if zone >= 0 else -60 * minutes))
    except (OverflowError, ValueError, OSError):
        return time.gmtime(0)


def relative(seconds: int) -> str:
    """How long ago, in words."""
    diff = int(time.time()) - seconds
    if diff < 0:
        return "in the future"
    if diff < 90:
        return _count(diff, "second") + " ago"
    for unit, size, limit in (("minute", 60, 90), ("hour", 60, 36), ("day", 24, 14)):
        diff = (diff + size // 2) // size
        if diff < limit:
            return _count(diff, unit) + " ago"
    if diff < 70:
        return _count((diff + 3) // 7, "week") + " ago"
    if diff < 365:
        return _count((diff + 15) // 30, "month") + " ago"
    if diff < 1825:
        months = (diff * 12 * 2 + 365) // (365 * 2)
        years, months = divmod(months, 12)
        return _count(years, "year") + (f", {_count(months, 'month')}" if months else "") + " ago"
    return _count((diff + 183) // 365, "year") + " ago"


def _count(n: int, unit: str) -> str:
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


def parse(text: str) -> int:
    """The moment that ``--since`` and its kin name.

    A day without a time means that day at the present time of day, as in git.

    Raises:
        GitError: it is in a form that is not supported here.
    """
    now = int(time.time())
    word = text.strip().lower()
    if re.fullmatch(r"@?\d{9,}", word):
        return int(word.lstrip("@"))
    if word in ("now", "today"):
        return now
    if word == "yesterday":
        return now - 86400
    word = re.sub(r"^(last|a|an)[ .]", "1 ", word)
    ago = _AGO.fullmatch(word)
    if ago:
        number = int(ago[1]) if ago[1].isdigit() else _NUMBERS.index(ago[1]) if ago[1] in _NUMBERS else None
        if number is not None:
            return now - _span(number, ago[2], now)
    iso = _ISO.fullmatch(text.strip())
    if iso:
        present = time.gmtime(now)
        year, month, day = int(iso[1]), int(iso[2]), int(iso[3])
        if iso[4] is None:
            hour, minute, second = present.tm_hour, present.tm_min, present.tm_sec
        else:
            hour, minute, second = int(iso[4]), int(iso[5]), int(iso[6] or 0)
        import calendar

        moment = calendar.timegm((year, month, day, hour, minute, second))
        zone = (iso[7] or "Z").replace(":", "")
        if zone != "Z":
            offset = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
            moment -= offset if zone[0] == "+" else -offset
        return moment
    raise GitError(
        f"the date '{text}' is in a form that is not supported here; write YYYY-MM-DD [HH:MM[:SS]] or 'N days ago'"
    )


def _span(number: int, unit: str, now: int) -> int:
    if unit in _UNITS:
        return number * _UNITS[unit]
    import calendar

    at = time.gmtime(now)
    months = at.tm_year * 12 + at.tm_mon - 1 - number * (12 if unit == "year" else 1)
    then = calendar.timegm((months // 12, months % 12 + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec))
    return now - then
