"""Sign-in of an operator and the business cycle that every request carries.

A cycle belongs to (institution, operator), not to a connection, and outlives
this process: signing in again returns the open one. It ends with the day, and
a new one is given only after the old is reconciled and signed out.
"""

import threading

from . import china_time
from .asking import CannotAsk, Told
from .caret_day import own_totals, reconcile
from .caret_desk import Desk

NOT_SIGNED_IN, EXPIRED, RECONCILE_FIRST = -9101, -9102, -2601
SECONDS_FOR_UNKNOWN = 60
"""How long a day change waits for the reversals of its unknown outcomes: once
the cycle is signed out, nothing posted under it can be reversed any more."""


class SignInFailed(CannotAsk):
    """No cycle, so the request in hand cannot be sent."""


class _Window:
    """The cycle of one institution; whoever changes it holds the lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.cycle = ""


class Session:
    """Adds the right cycle to requests and renews it when the server says so."""

    def __init__(self, desk: Desk, region: str, password: str, terminal: str):
        self.desk = desk
        self.region = region
        self._password = password
        self._terminal = terminal
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def ask(self, code: str, institution: str, centre: str, params: list,
            rows: list = (), **facts) -> Told:
        """Send a request within a cycle.

        -9101 and -9102 do not consume the serial, so the request goes out once
        more under the same number when there is a cycle again.
        """
        try:
            cycle = self.cycle(institution)
        except SignInFailed as failed:
            return Told("not_sent", failed.told.code, f"sign-in: {failed.told.text}")
        told = self.desk.send(code, institution, cycle, centre, params, rows, **facts)
        for _ in range(2):
            if told.code not in (NOT_SIGNED_IN, EXPIRED):
                break
            try:
                cycle = self.renew(institution, cycle, told.code)
            except SignInFailed:
                break
            told = self.desk.send(code, institution, cycle, centre, params, rows,
                                  serial=told.serial, **facts)
        return told

    def cycle(self, institution: str) -> str:
        """Return the cycle in use, signing in if there is none."""
        window = self._window(institution)
        if not window.cycle:
            with window.lock:
                if not window.cycle:
                    self._sign_in(institution, window)
        return window.cycle

    def renew(self, institution: str, old: str, code: int) -> str:
        """Replace a cycle the server refused, unless someone else just did."""
        window = self._window(institution)
        with window.lock:
            if window.cycle == old:
                if code == EXPIRED:
                    self._close_day(institution, old)
                self._sign_in(institution, window)
            return window.cycle

    def sign_in(self, institution: str) -> Told:
        """Sign in now, whatever is thought to be open."""
        window = self._window(institution)
        with window.lock:
            return self._sign_in(institution, window)

    def sign_out(self, institution: str, forced: bool) -> Told:
        """Sign out, forgetting the cycle if the server did."""
        window = self._window(institution)
        with window.lock:
            told = self._sign_out(institution, window.cycle, forced)
            if told.told == "good":
                window.cycle = ""
            return told

    def _window(self, institution: str) -> _Window:
        with self._lock:
            return self._windows.setdefault(institution, _Window())

    def _sign_in(self, institution: str, window: _Window) -> Told:
        told = self._ask_for_cycle(institution)
        if told.out["resumed"] == "1" and _day_of(told.cycle) < told.out["server_time"][:8]:
            self._close_day(institution, told.cycle)
            told = self._ask_for_cycle(institution)
        window.cycle = told.cycle
        return told

    def _ask_for_cycle(self, institution: str) -> Told:
        params = [self._password, self._terminal, china_time.stamp()]
        told = self.desk.send("9100", institution, "", self.region, params)
        if told.told == "good" and not told.cycle:
            told.told, told.text = "unknown", "signed in without a cycle"
        if told.told != "good":
            raise SignInFailed(told)
        return told

    def _close_day(self, institution: str, cycle: str) -> None:
        """Reconcile and sign out an expired cycle.

        It is closed in any case: a difference stays for the reconciliation of
        the details, and must not keep the hospital from working.
        """
        books, desk = self.desk.books, self.desk
        books.wait_no_unknown(cycle, SECONDS_FOR_UNKNOWN * desk.scale)
        day = _day_of(cycle)
        compared = reconcile(desk, institution, cycle, self.region, day,
                             own_totals(books, day))
        equal = compared.told == "good" and compared.out["differs"] == "0"
        told = self._sign_out(institution, cycle, forced=not equal)
        if told.code == RECONCILE_FIRST:
            self._sign_out(institution, cycle, forced=True)

    def _sign_out(self, institution: str, cycle: str, forced: bool) -> Told:
        return self.desk.send("9110", institution, cycle, self.region,
                              ["1" if forced else "0"])


def _day_of(cycle: str) -> str:
    """Return the accounting day, the date in the last part of a cycle number."""
    return cycle.rsplit("-", 1)[-1][:8]
