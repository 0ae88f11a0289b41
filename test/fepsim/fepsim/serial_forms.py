"""How each asking system numbers its requests, and the message id of each number.

A number is made of who numbers, the second, and a count within the second; the
canonical message id belongs to it one to one.
"""

from typing import Protocol


class SerialForm(Protocol):
    """One system's way of writing serial numbers."""

    last: int

    def make(self, institution: str, stamp: str, number: int) -> str:
        """Write a serial."""

    def parts(self, serial: str) -> tuple[str, str, int]:
        """Return who counts, the second, and the count."""

    def msgid(self, serial: str) -> str:
        """Return the canonical message id."""


class CaretSerials:
    """danxian: `YYYYMMDDHHMMSS-institution-NNNN`."""

    last = 9999

    def make(self, institution: str, stamp: str, number: int) -> str:
        return f"{stamp}-{institution}-{number:04d}"

    def parts(self, serial: str) -> tuple[str, str, int]:
        stamp, institution, number = serial.split("-")
        return institution, stamp, int(number)

    def msgid(self, serial: str) -> str:
        stamp, institution, number = serial.split("-")
        return institution + stamp + number


class WuxianSerials:
    """wuxian: the hospital's 12 characters, the time, four digits; it is the message id."""

    last = 9999

    def make(self, institution: str, stamp: str, number: int) -> str:
        return f"{institution}{stamp}{number:04d}"

    def parts(self, serial: str) -> tuple[str, str, int]:
        return serial[:12], serial[12:26], int(serial[26:])

    def msgid(self, serial: str) -> str:
        return serial


class DjzSerials:
    """dajizhong: the day and 12 digits, here the time and a count; the node numbers."""

    last = 999_999

    def __init__(self, node: str):
        self._node = node

    def make(self, institution: str, stamp: str, number: int) -> str:
        return f"{stamp}{number:06d}"

    def parts(self, serial: str) -> tuple[str, str, int]:
        return self._node, serial[:14], int(serial[14:])

    def msgid(self, serial: str) -> str:
        return f"{self._node}{serial[2:]}"
