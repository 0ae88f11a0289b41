"""The one clock of the protocols: China Standard Time, written without a zone."""

from datetime import datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def now():
    """This moment in China, whatever zone the machine is set to."""
    return datetime.now(CHINA)


def stamp(moment=None):
    """YYYYMMDDHHMMSS, the T of the protocols."""
    return (moment or now()).strftime("%Y%m%d%H%M%S")


def today():
    """YYYYMMDD, the Y of the protocols and the accounting day."""
    return stamp()[:8]
