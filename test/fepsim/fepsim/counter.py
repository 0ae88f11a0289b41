"""The way of a posting through an asked system, the same in every protocol.

A repeat hears what is stored; anything else is prepared by its protocol, held
against the fault its visit number asks for, posted, and told in the manner the
fault wants. Only what a request looks like is left to the front.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from .books import Key
from .faults import BEFORE_POSTING, FAULTY_OPERATIONS
from .insurer import Insurer
from .manners import OF_FAULT, Manner
from .refusals import Refusal
from .requests import Origin

Prepared = tuple[Origin, str, object]


class Talk(Protocol):
    """One request whose answer is still to leave."""

    def render(self, line: dict) -> str:
        """Write the good answer to a posting, as it is stored."""

    def render_refusal(self, refusal: Refusal, line: dict) -> str:
        """Write the answer to a refused posting, as it is stored."""

    def original(self) -> Key | None:
        """Return the posting that a reversal speaks of; None for anything else."""

    def send(self, stored: str, manner: Manner, fault: str | None = None) -> None:
        """Let a stored answer leave, with the damage of a fault."""

    def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal that is not stored."""

    def guard(self, work: Callable[[], None]) -> None:
        """Do work; whatever it raises becomes an answer."""


class Counter:
    """Takes postings of one insurer from arrival to answer."""

    def __init__(self, insurer: Insurer, slow_seconds: float,
                 put_off: Callable[[float, Callable[[], None]], None]):
        self._insurer = insurer
        self._slow_seconds = slow_seconds
        self._put_off = put_off

    def take(self, key: Key, digest: str, talk: Talk,
             prepare: Callable[[], Prepared]) -> None:
        """Replay a repeat, or carry a posting as far as its faults let it go."""
        serials = self._insurer.serials
        stored = serials.arrive(key, digest)
        if stored is not None:
            talk.send(stored, self.manner_about(talk.original()))
            return
        try:
            origin, kind, request = prepare()
            fault = self._due(kind, origin.hospital, request)
            origin = replace(origin, fault=fault)
            if fault in BEFORE_POSTING:
                self._keep_back(origin, kind, request, talk)
                return
        except BaseException:
            serials.release(key)
            raise
        self._post(origin, kind, request, talk)

    def manner_about(self, original: Key | None) -> Manner:
        """Say how to answer a reversal or inquiry, given the fault of its original."""
        posting = self._insurer.postings.by_key.get(original) if original else None
        unanswered = self._insurer.faults.leaves_unanswered(posting)
        return Manner.DROP if unanswered else Manner.PLAIN

    def _due(self, kind: str, hospital: str, request) -> str | None:
        if kind not in FAULTY_OPERATIONS:
            return None
        return self._insurer.faults.due(hospital, request.visit_no, kind)

    def _keep_back(self, origin: Origin, kind: str, request, talk: Talk) -> None:
        """Act out a fault that keeps the posting back, for good or for a while."""
        self._insurer.faults.show(origin.hospital, request.visit_no, kind)
        if origin.fault == "ZZ05":
            raise Refusal("9001")
        if origin.fault == "ZZ07":
            raise Refusal("9002")
        if origin.fault == "ZZ02":
            self._insurer.serials.release(origin.key)
            talk.send("", Manner.DROP)
            return
        self._put_off(self._slow_seconds, lambda: talk.guard(
            lambda: self._post(origin, kind, request, talk)))

    def _post(self, origin: Origin, kind: str, request, talk: Talk) -> None:
        """Post, and send the answer the way the fault wants it."""
        line = self._insurer.post(origin, kind, request, talk.render, talk.render_refusal)
        if kind == "reverse":
            talk.send(line["answer"], self.manner_about(talk.original()))
        elif line["state"] == "refused":
            talk.send(line["answer"], Manner.PLAIN)
        elif origin.fault == "ZZ06":
            talk.refuse(Refusal("9002"))
        else:
            talk.send(line["answer"], OF_FAULT.get(origin.fault, Manner.PLAIN), origin.fault)
