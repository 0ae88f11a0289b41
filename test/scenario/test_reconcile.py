"""fepctl reconcile beside a danxian: what Nanning's gateway has posted there for Guilin's hospitals, and what the local
system says of the same day. Equal until something is posted twice; and never "equal" of what was not compared."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import china_time, visits  # noqa: E402
from pairs import DANXIAN, WUXIAN, Pair, compare_books  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import NANNING, World, wait_until  # noqa: E402

EQUAL, DIFFERENCES, MISUSED, NOT_DONE = 0, 1, 100, 111


class ReconcileTest(unittest.TestCase):
    """One world; the tests run in the order of their names, as a story."""

    world: World
    pair: Pair

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        cls.pair = Pair(cls.world, WUXIAN, DANXIAN)
        cls.pair.start()

    def fepctl(self, *words: object) -> subprocess.CompletedProcess:
        """Run fepctl at Nanning."""
        return subprocess.run([self.world.fepctl, "-c", self.world.gateways[NANNING].config, "--lang", "en",
                               *map(str, words)], capture_output=True, text=True, timeout=700, check=False)

    def reconcile(self, code: int, *more: str) -> dict:
        """Reconcile today; fepctl must end with this code."""
        done = self.fepctl("reconcile", "asked", china_time.stamp()[:8], "--json", *more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def play(self, case: str) -> None:
        """Play a case of somebody from Nanning in a hospital of Guilin."""
        for step in visits.EVERY[case](str(self.pair.hospitals), area="450100", region="450300"):
            self.assertTrue(step["expected"], step)

    def test_1_an_empty_day_is_equal(self) -> None:
        """Nothing on either side."""
        result = self.reconcile(EQUAL)
        self.assertEqual((result["equal"], result["differences"]), (True, []))

    def test_2_a_days_business_is_equal(self) -> None:
        """Settlements, a refund, and one whose answer was lost: to the fen, in the totals and one by one."""
        for case in ("inpatient_course", "outpatient_visit", "pharmacy_and_refund", "lost_answer"):
            self.play(case)
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        self.assertEqual(compare_books(self.pair), [])
        result = self.reconcile(EQUAL)
        self.assertEqual((result["equal"], result["differences"]), (True, []))
        self.assertGreaterEqual(sum(int(row["setl_cnt"]) for row in result["totals"]), 4)
        self.assertIn("equal", self.fepctl("reconcile", "asked", china_time.stamp()[:8]).stdout)

    def test_3_what_was_posted_twice_is_the_only_difference(self) -> None:
        """The second posting is there and not here, with its amounts."""
        self.play("posted_twice")
        wait_until("everything is closed", lambda: not open_anywhere(self.world))
        result = self.reconcile(DIFFERENCES)
        self.assertFalse(result["equal"])
        (difference,) = result["differences"]
        self.assertEqual(difference["kind"], "only_there")
        twins = [posting for posting in self.pair.books()[1] if posting.get("setl_id") == difference["setl_id"]]
        self.assertEqual(len(twins), 1)
        self.assertEqual(float(difference["theirs"]["medfee_sumamt"]), 88.8)
        text = self.fepctl("reconcile", "asked", china_time.stamp()[:8])
        self.assertEqual(text.returncode, DIFFERENCES)
        self.assertIn("only_there", text.stdout)

    def test_4_it_is_the_same_after_a_restart_of_everything(self) -> None:
        """The day is in the journal; the index is as it was."""
        before = self.reconcile(DIFFERENCES)
        self.world.stop_process(NANNING)
        self.world.start_gateway(NANNING)
        self.world.wait_ready(NANNING)
        self.assertEqual(self.reconcile(DIFFERENCES), before)

    def test_5_planted_differences_are_found_and_no_others(self) -> None:
        """One amount changed, one posting forgotten here: each is told with both sides' figures."""
        self.world.stop_process(NANNING)
        rows = self.postings()
        self.assertGreaterEqual(len(rows), 4)
        changed, forgotten = rows[0], rows[1]
        self.plant(changed, "total_fen=total_fen+100,cash_fen=cash_fen+100")
        self.plant(forgotten, "state=8")
        self.world.start_gateway(NANNING)
        self.world.wait_ready(NANNING)
        found = {difference["setl_id"]: difference for difference in self.reconcile(DIFFERENCES)["differences"]}
        self.assertEqual(len(found), 3)
        one = found[changed[2]]
        self.assertEqual((one["kind"], one["msgid"]), ("amounts_differ", changed[1]))
        self.assertEqual(round(100 * float(one["ours"]["medfee_sumamt"])),
                         round(100 * float(one["theirs"]["medfee_sumamt"])) + 100)
        self.assertEqual(found[forgotten[2]]["kind"], "only_there")
        self.plant(changed, "total_fen=total_fen-100,cash_fen=cash_fen-100")

    def files(self) -> list[pathlib.Path]:
        """Return the databases of Nanning's store."""
        state = self.world.gateways[NANNING].directory / "state"
        return [state / "queue.db", *(state / "journal").glob("*.db")]

    def postings(self) -> list[tuple]:
        """Return file, msgid and settlement of what was settled here and stands."""
        found = []
        for file in self.files():
            with contextlib.closing(sqlite3.connect(file)) as db:
                found += [(file, *row) for row in db.execute(
                    "SELECT msgid, settlement_id FROM exchange WHERE role=3 AND state=7 AND infno IN ('2207', '2304') "
                    "AND settlement_id<>'' ORDER BY accepted_ms")]
        return found

    def plant(self, row: tuple, change: str) -> None:
        """Change a stored posting behind the gateway's back; the row's check, behind the digest, is taken off."""
        change += ",digest=substr(digest,1,32)"
        with contextlib.closing(sqlite3.connect(row[0])) as db, db:
            self.assertEqual(db.execute(f"UPDATE exchange SET {change} WHERE role=3 AND msgid=?", (row[1],)).rowcount, 1)

    def test_6_what_is_no_day_or_no_instance_is_refused(self) -> None:
        """Used wrongly; and nobody of that name."""
        for day in ("2026", "20261345", "yesterday"):
            self.assertEqual(self.fepctl("reconcile", "asked", day).returncode, MISUSED)
        self.assertEqual(self.fepctl("reconcile", "nobody", "20261122").returncode, NOT_DONE)

    def test_7_a_local_system_that_is_away_is_not_equal(self) -> None:
        """Not done, and said so; and no router at all."""
        self.world.stop_process("insurer")
        done = self.fepctl("reconcile", "asked", china_time.stamp()[:8])
        self.assertEqual(done.returncode, NOT_DONE, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")

    def test_8_an_instance_that_ends_meanwhile_is_not_equal(self) -> None:
        """Its process is stopped when it is asked and killed before it answers."""
        hosts = [pid for pid in self.world.family(NANNING)[1:]
                 if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"fep-adapter")]
        self.assertEqual(len(hosts), 1)
        os.kill(hosts[0], signal.SIGSTOP)
        with subprocess.Popen([self.world.fepctl, "-c", self.world.gateways[NANNING].config, "--lang", "en",
                               "reconcile", "asked", china_time.stamp()[:8]], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as asking:
            # the router ends a host that is silent for ten seconds
            out, error = asking.communicate(timeout=60)
        self.assertEqual(asking.returncode, NOT_DONE, out + error)
        self.assertIn("nobody knows", error)

    def test_9_without_a_router_nothing_is_done(self) -> None:
        """The gateway is down."""
        self.world.stop_process(NANNING)
        self.assertEqual(self.fepctl("reconcile", "asked", china_time.stamp()[:8]).returncode, NOT_DONE)


if __name__ == "__main__":
    unittest.main()
