"""Yulin's dajizhong reconciled both ways, over two days and by files: its hospitals hold the gateway's totals and its file
of details against their own books, and the gateway holds its centre's against its own: equal on the first day, on the
second exactly the double that the centre posted by itself. Days have passed as clocks are told (libfaketime)."""

import pathlib
import sys
import unittest
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim.djz_queries import CATALOGUE_VERSION  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN  # noqa: E402
from two_days import AMOUNTS, DIFFERENCES, NO_DIFFERENCE, NOT_DONE, TwoDays  # noqa: E402
from world import wait_until  # noqa: E402

READY = "1"


class Reports(TwoDays, unittest.TestCase):
    """Yulin's hospitals ask Nanning, Guilin's ask Yulin."""

    region = DAJIZHONG
    first_day = ((DAJIZHONG, DANXIAN), (WUXIAN, DAJIZHONG))
    second_day = ((DANXIAN, DAJIZHONG, "ZZ13"), (DAJIZHONG, DANXIAN, "MZ"))

    @classmethod
    def prepare(cls) -> None:
        """Look for files every second."""
        for instance in cls.world.gateways[DAJIZHONG.node].instances:
            instance.options["file_poll_time"] = 1000
        cls.files = cls.world.directory / DAJIZHONG.name / "files"

    def file_of(self, day: str) -> dict:
        """Return what the gateway tells of its file of details, and its records."""
        def look() -> dict | None:
            out = self.good(DAJIZHONG, "day", date=day)["out"]
            return out if out["status"] == READY else None
        return wait_until(f"the file of {day} is ready", look, 30)

    # --- dajizhong asks the gateway ---

    def test_file_shows_every_posting_with_its_state(self) -> None:
        rows = self.file_of(self.first)["rows"]
        entries = {entry["serial"]: entry for entry in self.trial.books(DAJIZHONG)[0]
                   if entry["code"] in (DAJIZHONG.settle, DAJIZHONG.cancel) and entry["serial"][:8] == self.first
                   and entry["conclusion"]["told"] in ("good", "reversed")}
        self.assertEqual({row["serial"] for row in rows}, entries.keys())
        states = sorted((row["code"], row["state"]) for row in rows)
        self.assertEqual(states, [("400002", "1"), ("400002", "1"), ("400002", "4"), ("400002", "5"), ("400003", "1")])
        cancelled = next(row for row in rows if row["state"] == "5")
        self.assertEqual([row["cancelled_id"] for row in rows if row["code"] == "400003"], [cancelled["setl_id"]])
        for row in rows:
            if row["state"] != "4":
                out = entries[row["serial"]]["conclusion"]["out"]
                self.assertEqual([row[name] for name in AMOUNTS], [out[name] for name in AMOUNTS], row)
                self.assertEqual(row["setl_id"], out["setl_id"])
                self.assertEqual(row["centre_serial"], entries[row["serial"]]["conclusion"]["centre_serial"])

    def test_file_of_a_day_stays_the_same_file(self) -> None:
        first, again = self.file_of(self.first), self.file_of(self.first)
        self.assertEqual((first["file"], first["crc"]), (again["file"], again["crc"]))
        self.assertTrue(first["file"].endswith("_001.txt"), first["file"])

    def test_file_of_an_open_day_is_not_ready(self) -> None:
        told = self.good(DAJIZHONG, "day", date=self.third)["out"]
        self.assertEqual((told["status"], told["rows"]), ("0", []))

    def test_file_is_made_unasked_and_told_to_the_centre(self) -> None:
        name = f"DZMX_{DAJIZHONG.node}_DJ4509000001_{self.second}_001.txt"
        wait_until("the file is there", (self.files / f"{name}.ok").exists, 30)
        wait_until("the centre has taken it", (self.files / f"{name}.told").exists, 30)

    def test_catalogue_is_the_crosswalk_in_force(self) -> None:
        told = self.good(DAJIZHONG, "catalogue", kind="1")["out"]
        self.assertEqual(told["status"], READY, told)
        rows = {row["code"]: row for row in told["rows"]}
        self.assertEqual((rows["4509-0002"]["name"], rows["4509-0002"]["level"]), ("测试片乙", "B"))
        self.assertEqual(rows["4509-0007"]["valid"], "N")

    def test_filings_are_asked_of_the_insured_place(self) -> None:
        for asking, asked in ((DAJIZHONG, WUXIAN), (DAJIZHONG, DANXIAN), (DANXIAN, DAJIZHONG), (WUXIAN, DAJIZHONG)):
            filed = self.good(asking, "filing", area=asked.region, psn_no=asked.region + "0" * 10 + "0001")["out"]
            self.assertEqual(len(filed["rows"]), 1, filed)

    # --- the gateway asks dajizhong ---

    def test_catalogue_of_the_centre_is_compared_whole_or_one_kind_of_it(self) -> None:
        """It comes as a file for each kind; one service has no row in the crosswalk."""
        missing = [("no_row", "4509-0005", "02")]
        for kinds, items, found in (((), 8, missing), (("1",), 6, []), (("2",), 1, missing), (("3",), 1, [])):
            result = self.catalogue(DIFFERENCES if found else NO_DIFFERENCE, *kinds)
            self.assertEqual((result["version"], result["items"]), (CATALOGUE_VERSION, items), result)
            self.assertEqual([(each["kind"], each["local"], each["theirs"]) for each in result["differences"]], found)
            for kind in kinds:
                self.assertTrue(list(self.files.glob(f"MLXZ_{kind}_*.txt")))

    def test_file_that_does_not_add_up_is_not_reconciled_with(self) -> None:
        """A higher batch replaces the lower ones; this one is complete, and its trailer is not that of its details."""
        self.reconcile(self.first, NO_DIFFERENCE)
        name = f"DZMX_DJ4509000001_{DAJIZHONG.node}_{self.first}_00%d.txt"
        data = (self.files / (name % 1)).read_bytes()
        data = data[:35] + b"009" + data[38:]
        at = data.rindex(b"\nT") + 26
        spoiled = data[:at + 12] + (b"1" if data[at + 12:at + 13] != b"1" else b"2") + data[at + 13:]
        for content, code in ((spoiled, NOT_DONE), (data, NO_DIFFERENCE)):
            (self.files / (name % 9)).write_bytes(content)
            (self.files / f"{name % 9}.ok").write_text(
                f"{len(content):012d} {zlib.crc32(content):08X} {len(content) // 241 - 2:08d}\n")
            try:
                self.reconcile(self.first, code)
            finally:
                (self.files / f"{name % 9}.ok").unlink()
        self.assertTrue((self.files / (name % 9)).exists())


if __name__ == "__main__":
    unittest.main()
