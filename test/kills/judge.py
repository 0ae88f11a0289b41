"""The verdict, from the books of the local systems: everything told to a caller is true, nothing took effect twice, every
reversal is accounted for; and no gateway has anything left that it does not know."""

import collections
import re
import time
from collections.abc import Callable

from load import Load
from system import System
from trial import SYSTEMS, compare_all_books
from verdict import open_anywhere
from world import NotReached, wait_until

TOLD_POSTED = ("good", "stands", "cancelled")
TOLD_NOT_POSTED = ("refused", "not_sent", "reversed")
POSTING_OF = {"register": "register", "details": "details", "settle": "settle", "cancel_settlement": "cancel"}
SOON_S = 15.0  # who has done nothing new by then is named in the timeline
CRASH = re.compile(r"event=child_exit .*signal=(6|7|8|11)\b")


class Verdict:
    """What was found wrong, in words."""

    def __init__(self, system: System, load: Load, note: Callable[[str], None]):
        self.system, self.load, self.note = system, load, note
        self.wrong: list[str] = []
        self.updates = self.reversals = 0
        self.load_seconds = 1.0

    def flows_again(self, seconds: float) -> None:
        """Every stream brings something new to a good end."""
        before = {stream: stream.done for stream in self.load.streams}
        def late() -> list[str]:
            return [self._name(stream) for stream, done in before.items() if stream.done <= done]
        for patience in (SOON_S, seconds):
            try:
                wait_until("business flows again", lambda: not late(), patience, pause=0.1)
                return
            except NotReached:
                self.note(f"nothing new yet: {'; '.join(late())}")
        self.wrong += [f"{stream}: nothing new came to a good end in {seconds:.0f} s" for stream in late()]

    @staticmethod
    def _name(stream: object) -> str:
        parts = [getattr(getattr(stream, name, None), "name", "") for name in ("asking", "asked")]
        return f"{type(stream).__name__} {' to '.join(part for part in parts if part)} {getattr(stream, 'number', '')}"

    def ends_everywhere(self, seconds: float) -> None:
        """Nothing is open at a gateway, nothing undecided at a hospital."""
        try:
            wait_until("every update has its ending", lambda: not open_anywhere(self.system.world), seconds)
        except NotReached:
            self.wrong += [f"{node}: {unknown} unknown and {total} open after {seconds:.0f} s"
                           for node, (unknown, total) in open_anywhere(self.system.world).items()]
        try:
            wait_until("every hospital knows its ends", lambda: not self._undecided(), seconds)
        except NotReached:
            pass  # told entry by entry below

    def _undecided(self) -> list[str]:
        found = []
        for system in SYSTEMS:
            found += [entry["msgid"] for entry in self.system.books(system)[0] if entry["operation"] in POSTING_OF and (
                entry["conclusion"] is None or entry["conclusion"]["told"] == "unknown")]
        return found

    def judge(self) -> None:
        """Compare the books."""
        differences, _ = compare_all_books(self.system)
        self.wrong += differences
        self._judge_steps()
        self._judge_loop()
        self._judge_outputs()

    def stops_in_order(self) -> None:
        """Every gateway ends when asked to, all by itself."""
        world = self.system.world
        for node in list(world.gateways):
            begin = time.monotonic()
            code = world.stop_process(node)
            self.note(f"{node} stopped in {time.monotonic() - begin:.1f} s")
            if code != 0:
                self.wrong.append(f"{node}: exit code {code} when asked to stop")
            forced = [line for line in world.log_lines() if f" {node} " in line and "child_exit" in line and
                      "signal=9 ms=-1" in line]
            self.wrong += [f"{node}: a process had to be killed: {line.strip()}" for line in forced[-3:]]

    def _judge_steps(self) -> None:
        """Hold each kind of posting of each visit against what its hospital was told, by number."""
        told: collections.Counter[tuple[str, str, str]] = collections.Counter()
        posted: collections.Counter[tuple[str, str, str]] = collections.Counter()
        msgids: dict[tuple[str, str, str], list[str]] = collections.defaultdict(list)
        for system in SYSTEMS:
            entries, postings = self.system.books(system)
            for entry in entries:
                if entry["operation"] not in POSTING_OF:
                    continue
                self.updates += 1
                key = (entry["centre"], entry["visit_no"], POSTING_OF[entry["operation"]])
                ended = (entry["conclusion"] or {}).get("told", "nothing")
                told[key] += ended in TOLD_POSTED
                self.reversals += ended == "reversed"
                msgids[key].append(f"{entry['msgid']} {ended}")
                if ended not in (*TOLD_POSTED, *TOLD_NOT_POSTED):
                    self.wrong.append(f"{entry['msgid']}: {entry['operation']} ended as {ended}")
            for posting in postings:
                if posting["kind"] in POSTING_OF.values() and posting["state"] != "refused":
                    posted[system.region, posting["visit"], posting["kind"]] += posting["state"] in ("posted", "cancelled")
        self.wrong += [f"{region} {visit} {kind}: told {told[region, visit, kind]}, posted {posted[region, visit, kind]} times: "
                       f"{', '.join(msgids[region, visit, kind])}"
                       for region, visit, kind in told.keys() | posted.keys()
                       if told[region, visit, kind] != posted[region, visit, kind]]

    def _judge_loop(self) -> None:
        """The loopback book holds each msgid as often as its caller was told."""
        posted: collections.Counter[str] = collections.Counter()
        for line in self.system.loop_book.read_text(encoding="utf-8").splitlines():
            word, *_, msgid = line.split()
            posted[msgid] += {"post": 1, "reverse": -1}.get(word, 0)
        asked = {}
        for loop in self.load.loops:
            asked |= loop.updates
            self.reversals += loop.reversals
        self.updates += len(asked)
        for msgid, update in asked.items():
            if update.ending == "no ending" or posted[msgid] != (update.ending in ("answered", "stands")):
                self.wrong.append(f"{msgid}: told {update.ending}{' after giving up' if update.given_up else ''}, "
                                  f"posted {posted[msgid]} times")
        self.wrong += [f"{msgid}: posted, but nobody asked" for msgid in posted.keys() - asked.keys()]

    def _judge_outputs(self) -> None:
        """No process of ours ended by its own fault, and none that must not end did."""
        self.wrong += [line.strip() for line in self.system.world.log_lines() if CRASH.search(line)]
        for node in self.system.world.gateways:
            self.wrong += [f"{node}: {line.strip()}" for line in self.system.world.output(node).splitlines()
                           if "Assertion" in line or "runtime error" in line]
        self.wrong += [f"{name} ended and is not to be started again" for name in self.system.broken]
