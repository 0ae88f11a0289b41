"""Prompts: a patient from Yulin is treated in Nanning with items that Yulin has no code for. The notices are kept by
Yulin's gateway over a kill, name the settlement, are exported and closed; a closed one helps the next patient."""

import csv
import dataclasses
import io
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim import visits  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, Pair, System, whole_id  # noqa: E402
from verdict import open_anywhere  # noqa: E402
from world import SOURCE, YULIN, World, wait_until  # noqa: E402

BAD, MISUSED, SURROUNDINGS = 1, 100, 111
NEW_ITEM, NEW_NATIONAL, NEW_LOCAL = "0005", "T000005", "4509-0005"


@dataclasses.dataclass(frozen=True)
class PrivateSystem(System):
    """A local system whose mapping and crosswalk are a copy, because a closed prompt is written into it."""

    etc: str = ""

    @property
    def mapping(self) -> str:
        """Return the copy's mapping file."""
        return f"{self.etc}/mapping/{self.name}-{self.region}.cfg"


class PromptsTest(unittest.TestCase):
    """One world; the tests run in the order of their names, as a story."""

    world: World
    pair: Pair

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = World(syslog=False)
        cls.addClassCleanup(cls.world.stop)
        etc = cls.world.directory / "etc"
        shutil.copytree(SOURCE / "etc", etc)
        yulin = PrivateSystem(**{field.name: getattr(DAJIZHONG, field.name) for field in dataclasses.fields(DAJIZHONG)},
                              etc=str(etc))
        cls.pair = Pair(cls.world, DANXIAN, yulin)
        cls.pair.start()

    # --- what the operator does -------------------------------------------------------------------------------

    def fepctl(self, *words: object) -> subprocess.CompletedProcess:
        """Run fepctl at Yulin."""
        return subprocess.run([self.world.fepctl, "-c", self.world.gateways[YULIN].config, "--lang", "en",
                               *map(str, words)], capture_output=True, text=True, timeout=120, check=False)

    def prompts(self, *words: str) -> list[dict]:
        """Return Yulin's prompts."""
        done = self.fepctl("prompts", "list", "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def wait_prompts(self, count: int) -> list[dict]:
        """Wait until so many prompts are open; more are a failure."""
        wait_until(f"{count} prompts", lambda: len(self.prompts()) >= count)
        found = self.prompts()
        self.assertEqual(len(found), count, found)
        return found

    def clerk(self) -> visits.Clerk:
        """Return a clerk of a hospital in Nanning who looks after somebody from Yulin."""
        return visits.Clerk(str(self.pair.hospitals), area="450900", region="450100")

    def settle(self, clerk: visits.Clerk, visit_no: str) -> str:
        """Settle a visit; return the settlement's id as Yulin has it."""
        figures = clerk.step("settle", "settle", visit_no=visit_no)["figures"]
        return whole_id(figures["setl_id"])

    # --- the story --------------------------------------------------------------------------------------------

    def test_1_a_course_leaves_exactly_its_prompt(self) -> None:
        """Of four lines one has no code: the others raise nothing, and the settlement is named."""
        steps = visits.inpatient_course(str(self.pair.hospitals), area="450900", region="450100")
        self.assertTrue(all(step["expected"] for step in steps), steps[-1])
        (prompt,) = self.wait_prompts(1)
        self.assertEqual(prompt["medins_list_name"], visits.UNMAPPED["name"])
        self.assertEqual((prompt["treat_area"], prompt["instance"], prompt["state"]), ("450100", "asked", "open"))
        self.assertEqual(prompt["fee_fen"], 100000)
        self.assertEqual(prompt["settlement_id"], whole_id(steps[-1]["figures"]["setl_id"]))
        self.assertEqual(self.prompts("--all"), [prompt])

    def test_2_a_prompt_survives_the_routers_death(self) -> None:
        """Killed between the upload and the settlement; the prompt is there before and after, once."""
        clerk = self.clerk()
        visit_no = clerk.open_visit("0001", "韦测", "MZ", "11", visits.COLD)
        clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(((NEW_ITEM, "50.00", "2"),), 1))
        before = self.wait_prompts(2)[-1]
        self.assertEqual((before["med_list_codg"], before["settlement_id"]), (NEW_NATIONAL, ""))
        self.kill_router()
        self.assertEqual(self.prompts()[-1], before)
        self.world.wait_ready(YULIN)
        settlement = self.settle(clerk, visit_no)
        after = wait_until("the settlement is named", lambda: self.prompts()[-1] if self.prompts()[-1]["settlement_id"]
                           else None)
        self.assertEqual(after, {**before, "settlement_id": settlement})
        self.assertEqual(len(self.prompts()), 2)

    def router(self) -> int | None:
        """Return the pid of Yulin's router."""
        found = [pid for pid in self.world.family(YULIN)[1:]
                 if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"fepd")]
        return found[0] if len(found) == 1 else None

    def kill_router(self) -> None:
        """Kill Yulin's router at once; the keeper starts another."""
        old = self.router()
        self.assertIsNotNone(old)
        os.kill(old, signal.SIGKILL)
        wait_until("another router serves",
                   lambda: self.router() not in (None, old) and self.world.status(YULIN) is not None)

    def test_3_they_are_exported_for_their_owner_only(self) -> None:
        """A CSV of mode 0600, and never over another file."""
        path = self.world.directory / "prompts.csv"
        done = self.fepctl("prompts", "export", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        self.assertEqual([row["med_list_codg"] for row in rows], ["", NEW_NATIONAL])
        self.assertEqual(rows[0]["fee"], "1000.00")
        self.assertEqual(rows[0]["medins_list_name"], visits.UNMAPPED["name"])
        content = path.read_bytes()
        self.assertEqual(self.fepctl("prompts", "export", path).returncode, SURROUNDINGS)
        self.assertEqual(path.read_bytes(), content)

    def test_4_closing_needs_a_reason_and_something_to_close(self) -> None:
        """What is used wrongly changes nothing."""
        before = self.prompts("--all")
        with_code, without = before[1]["id"], before[0]["id"]
        self.assertEqual(self.fepctl("prompts", "close", with_code).returncode, MISUSED)
        self.assertEqual(self.fepctl("prompts", "close", with_code, "--why", "").returncode, MISUSED)
        self.assertEqual(self.fepctl("prompts", "close", "x", "--why", "y").returncode, MISUSED)
        self.assertEqual(self.fepctl("prompts", "close", 999, "--why", "y").returncode, BAD)
        refused = self.fepctl("prompts", "close", without, "--why", "y", "--local", NEW_LOCAL)
        self.assertEqual(refused.returncode, BAD)
        self.assertIn("no national code", refused.stderr)
        self.assertEqual(self.prompts("--all"), before)

    def test_5_a_closed_one_helps_the_next_patient(self) -> None:
        """Closed with a local code: the next line of that item finds it, and raises nothing."""
        prompt = self.prompts()[-1]
        done = self.fepctl("prompts", "close", prompt["id"], "--why", "added by hand", "--local", NEW_LOCAL)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("event=audit", done.stderr)
        closed = next(each for each in self.prompts("--all") if each["id"] == prompt["id"])
        self.assertEqual((closed["state"], closed["why"], closed["local"], closed["closed_by"]),
                         ("closed", "added by hand", NEW_LOCAL, os.getuid()))
        self.assertEqual(self.fepctl("prompts", "close", prompt["id"], "--why", "again").returncode, BAD)
        clerk = self.clerk()
        visit_no = clerk.open_visit("0001", "韦测", "MZ", "11", visits.COLD)
        clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(((NEW_ITEM, "50.00", "2"),), 1))
        self.settle(clerk, visit_no)
        self.assertEqual(len(self.prompts()), 1)
        self.assertEqual(len(self.prompts("--all")), 2)

    def test_6_one_without_a_code_is_closed_with_a_reason_alone(self) -> None:
        """And then nothing is left open."""
        (prompt,) = self.prompts()
        self.assertEqual(self.fepctl("prompts", "close", prompt["id"], "--why", "a single case").returncode, 0)
        self.assertEqual(self.prompts(), [])
        self.assertIn("no open prompts", self.fepctl("prompts").stdout)
        wait_until("everything is closed", lambda: not open_anywhere(self.world))

    def test_7_a_crosswalk_is_loaded_again_and_a_bad_one_is_not(self) -> None:
        """The old one stays in force when the new one has problems."""
        good = self.fepctl("reload", "asked", "--why", "yearly list")
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertIn("event=audit", good.stderr)
        folder = self.world.directory / "etc" / "crosswalk" / "450900"
        newest = sorted(folder.iterdir())[-1]
        text = newest.read_text(encoding="utf-8")
        newest.write_text(text + "4509-0009\n", encoding="utf-8")
        self.addCleanup(newest.write_text, text, encoding="utf-8")
        bad = self.fepctl("reload", "asked")
        self.assertEqual(bad.returncode, BAD, bad.stdout)
        self.assertNotIn("event=audit", bad.stderr)
        clerk = self.clerk()
        visit_no = clerk.open_visit("0001", "韦测", "MZ", "11", visits.COLD)
        clerk.step("details", "details", visit_no=visit_no, lines=clerk.lines(((NEW_ITEM, "50.00", "2"),), 1))
        self.settle(clerk, visit_no)
        self.assertEqual(self.prompts(), [])

    def test_8_a_task_for_nobody_is_said_to_be_so(self) -> None:
        """An instance that is not there, and one that is down."""
        self.assertEqual(self.fepctl("reload", "nobody").returncode, SURROUNDINGS)


if __name__ == "__main__":
    unittest.main()
