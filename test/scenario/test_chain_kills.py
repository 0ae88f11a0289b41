"""A chain of three gateways with loopback modules under a stream of updates while processes are killed at random: every
update ends, and what its caller was told in the end is what the far side's book says. Callers behave as local systems do:
a connection that breaks or an outcome that is not known yet makes them ask again under the same msgid."""

import collections
import os
import pathlib
import random
import signal
import sys
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib")]

from callers import LoopbackCaller  # noqa: E402
from regions import Regions  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import NANNING, PLATFORM, YULIN, NotReached, World, wait_until  # noqa: E402

CALLERS = 6
KILLS = int(os.environ.get("FEP_CHAIN_KILLS", "10"))
PATIENCE_S = 240.0


class Stream(threading.Thread):
    """One caller: update after update of a person of its own, each until its ending is told."""

    def __init__(self, regions: Regions, number: int):
        super().__init__()
        self.regions, self.number = regions, number
        self.stop = threading.Event()
        self.endings: dict[str, str] = {}
        self.caller: LoopbackCaller | None = None

    def run(self) -> None:
        """Go on until asked to stop; the last update is still brought to its end."""
        serial = 0
        while not self.stop.is_set():
            serial += 1
            msgid = f"H4501000000320261122101502{self.number:02d}{serial:04d}"[:30]
            self.endings[msgid] = self.bring_to_end(msgid)

    def bring_to_end(self, msgid: str) -> str:
        """Ask until told an ending: told "open", or told nothing, it asks again, as the text of "open" says."""
        try:
            return str(wait_until(f"an ending of {msgid}", lambda: self.ask(msgid), PATIENCE_S, pause=0.1))
        except NotReached:
            return "no ending"

    def ask(self, msgid: str) -> str | None:
        """Ask once; None unless told an ending."""
        body = b'{"input":{"data":{"psn_no":"P' + str(self.number).encode() + b'"}}}'
        try:
            if self.caller is None:
                self.caller = LoopbackCaller(self.regions.asking_socket, 130)
            head, _ = self.caller.ask(msgid, body, person=f"P{self.number}")
        except (OSError, ConnectionError):
            if self.caller is not None:
                self.caller.close()
            self.caller = None
            return None
        return head["kind"] if head["kind"] in ("answered", "refused") else None


def answered(streams: list[Stream]) -> int:
    """How many updates were answered so far."""
    return sum(ending == "answered" for stream in streams for ending in list(stream.endings.values()))


class ChainKills(unittest.TestCase):
    """Ten kills, six streams."""

    def test_every_update_ends_as_the_far_book_says(self) -> None:
        seed = int(os.environ.get("FEP_SEED", time.time_ns() % 1_000_000))
        print(f"# FEP_SEED={seed}", flush=True)
        dice = random.Random(seed)
        with World(syslog=False) as world:
            regions = Regions(world, loopback=True)
            regions.start()
            streams = [Stream(regions, number) for number in range(CALLERS)]
            for stream in streams:
                stream.start()
            for _ in range(KILLS):
                threading.Event().wait(dice.uniform(0.05, 1.0))  # the moment is what is random here
                self.kill_one(world, dice)
            # Refusals come fast while an earlier update is being clarified: only answers say that business flows again.
            before = answered(streams)
            wait_until("the streams flow again", lambda: answered(streams) > before + 30, PATIENCE_S)
            for stream in streams:
                stream.stop.set()
            for stream in streams:
                stream.join()
            logs = "\n".join(f"--- {node}\n{world.output(node)[-5000:]}" for node in world.gateways)
            wait_until("every update has its ending everywhere", lambda: not open_anywhere(world), PATIENCE_S)
            endings = {msgid: ending for stream in streams for msgid, ending in stream.endings.items()}
            self.assertGreater(sum(ending == "answered" for ending in endings.values()), 20, logs)
            self.assertEqual(self.differences(regions, endings), [], logs)

    def test_orderly_stops_leave_nothing_unknown(self) -> None:
        """Each gateway is stopped in order under load and started again: what it was doing is finished or stored."""
        with World(syslog=False) as world:
            regions = Regions(world, loopback=True)
            regions.start()
            streams = [Stream(regions, number) for number in range(CALLERS)]
            for stream in streams:
                stream.start()
            for node in (YULIN, PLATFORM, YULIN, NANNING):
                before = sum(len(stream.endings) for stream in streams)
                wait_until("the streams flow", lambda: sum(len(stream.endings) for stream in streams) > before + 20)
                self.assertEqual(world.stop_process(node), 0)
                world.start_gateway(node)
                world.wait_ready(node)
            for stream in streams:
                stream.stop.set()
            for stream in streams:
                stream.join()
            wait_until("every update has its ending everywhere", lambda: not open_anywhere(world), PATIENCE_S)
            endings = {msgid: ending for stream in streams for msgid, ending in stream.endings.items()}
            logs = "\n".join(f"--- {node}\n{world.output(node)[-5000:]}" for node in world.gateways)
            self.assertEqual(self.differences(regions, endings), [], logs)
            recovered = [line for line in world.output(YULIN).splitlines() if "event=recovered" in line]
            self.assertEqual([line for line in recovered if "unknown=0" not in line], [], logs)

    def kill_one(self, world: World, dice: random.Random) -> None:
        """Kill any process of any gateway; the keeper restarts it, the test restarts a keeper."""
        node = dice.choice([NANNING, PLATFORM, YULIN])
        victim = dice.choice(world.family(node))
        keeper = victim == world.processes[node].pid
        os.kill(victim, signal.SIGKILL)
        if keeper:
            world.processes.pop(node).wait()
            world.start_gateway(node)
        world.wait_ready(node, peers=False, seconds=60)

    @staticmethod
    def differences(regions: Regions, endings: dict[str, str]) -> list[str]:
        """Compare what was told with the far side's book."""
        posted: collections.Counter[str] = collections.Counter()
        for entry in regions.posted.read_text(encoding="utf-8").splitlines():
            word, *_, msgid = entry.split()
            posted[msgid] += {"post": 1, "reverse": -1}.get(word, 0)
        found = [f"{msgid}: told {ending}, posted {posted[msgid]} times" for msgid, ending in endings.items()
                 if posted[msgid] != (1 if ending == "answered" else 0) or ending == "no ending"]
        return found + [f"{msgid}: posted, but nobody asked" for msgid in posted.keys() - endings.keys()]


if __name__ == "__main__":
    unittest.main()
