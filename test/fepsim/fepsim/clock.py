"""A clock that a test can set; its date is the accounting day."""

from datetime import datetime, timedelta

from . import china_time


class Clock:
    """China Standard Time, shifted so that it runs on from whatever it was set to."""

    def __init__(self, start: str = ""):
        self._shift = timedelta(0)
        if start:
            self.set(start[:8], start[8:])

    def now(self) -> datetime:
        """Return this moment."""
        return china_time.now() + self._shift

    def stamp(self) -> str:
        """Return this moment as YYYYMMDDHHMMSS."""
        return china_time.stamp(self.now())

    def set(self, date: str = "", time: str = "") -> str:
        """Set the date, the time of day or both; return the new stamp."""
        present = self.stamp()
        wanted = moment_of((date or present[:8]) + (time or present[8:]))
        self._shift += wanted - self.now()
        return self.stamp()


def moment_of(stamp: str) -> datetime:
    """Read YYYYMMDDHHMMSS; a ValueError says that there is no such moment."""
    if not (len(stamp) == 14 and stamp.isascii() and stamp.isdigit()):
        raise ValueError(f"not a time: {stamp!r}")
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=china_time.CHINA)


def is_time(stamp: str) -> bool:
    """Tell whether this is a real moment, YYYYMMDDHHMMSS."""
    try:
        moment_of(stamp)
    except ValueError:
        return False
    return True


def is_date(date: str) -> bool:
    """Tell whether this is a real day, YYYYMMDD."""
    return is_time(date + "000000")


def day_closes(date: str) -> datetime:
    """Return when an accounting day stops being open: 02:00 of the next day."""
    return moment_of(date + "020000") + timedelta(days=1)
