"""Guilin's wuxian reconciled both ways, over two days: its hospitals hold the gateway's totals, details and catalogue
against their own books, and the gateway holds its centre's against its own: equal on the first day, on the second exactly
the double that the centre posted by itself. The trial's days have passed already, as its clocks are told (libfaketime)."""

import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT / "fepsim")]

from fepsim.data import OPEN_END  # noqa: E402
from fepsim.wuxian_queries import CATALOGUE_VERSION  # noqa: E402
from pairs import DAJIZHONG, DANXIAN, WUXIAN  # noqa: E402
from two_days import AMOUNTS, DIFFERENCES, NO_DIFFERENCE, TwoDays  # noqa: E402


class Reports(TwoDays, unittest.TestCase):
    """Guilin's hospitals ask Yulin, Nanning's ask Guilin."""

    region = WUXIAN
    first_day = ((WUXIAN, DAJIZHONG), (DANXIAN, WUXIAN))
    second_day = ((DANXIAN, WUXIAN, "ZZ13"), (WUXIAN, DAJIZHONG, "MZ"))

    @classmethod
    def play_first_day(cls) -> None:
        """And two settlements with trouble at the centre."""
        super().play_first_day()
        # Of one the gateway knows the settlement by inquiry only; the other it undoes, and never learns its number.
        cls.play_visit(DANXIAN, WUXIAN, "ZZ03", "0001", "韦测", told=("good", "unknown"))
        cls.play_visit(DANXIAN, WUXIAN, "ZZ08", "0007", "罗玘", told=("refused", "unknown"))

    # --- wuxian asks the gateway ---

    def test_details_show_every_posting_with_its_state(self) -> None:
        rows = self.good(WUXIAN, "day", date=self.first)["out"]["rows"]
        entries = {entry["serial"]: entry for entry in self.trial.books(WUXIAN)[0]
                   if entry["code"] in (WUXIAN.settle, WUXIAN.cancel) and entry["serial"][12:20] == self.first
                   and entry["conclusion"]["told"] in ("good", "reversed")}
        self.assertEqual({row["serial"] for row in rows}, entries.keys())
        states = sorted((row["code"], row["state"]) for row in rows)
        self.assertEqual(states, [("1402", "1"), ("1402", "1"), ("1402", "4"), ("1402", "5"), ("1403", "1")])
        cancelled = next(row for row in rows if row["state"] == "5")
        self.assertEqual([row["cancelled_id"] for row in rows if row["code"] == "1403"], [cancelled["setl_id"]])
        for row in rows:
            if row["state"] != "4":
                out = entries[row["serial"]]["conclusion"]["out"]
                self.assertEqual([row[name] for name in AMOUNTS], [out[name] for name in AMOUNTS], row)
                self.assertEqual(row["setl_id"], out["setl_id"])

    def test_catalogue_is_the_crosswalk_in_force(self) -> None:
        told = self.good(WUXIAN, "catalogue", kind="1")["out"]
        self.assertTrue(told["version"])
        rows = {row["code"]: row for row in told["rows"]}
        self.assertEqual((rows["4503-0002"]["name"], rows["4503-0002"]["level"]), ("测试片乙", "2"))
        self.assertEqual(rows["4503-0007"]["valid"], "0")

    def test_filings_are_asked_of_the_insured_place(self) -> None:
        for asking, asked in ((WUXIAN, DAJIZHONG), (DANXIAN, WUXIAN)):
            filed = self.good(asking, "filing", area=asked.region, psn_no=asked.region + "0" * 10 + "0001")["out"]
            self.assertEqual([(row["type"], row["end"]) for row in filed["rows"]], [("1", OPEN_END)], filed)

    # --- the gateway asks wuxian ---

    def test_undone_and_cancelled_settlements_stand_in_the_centres_books(self) -> None:
        kinds = [(posting["kind"], posting["state"]) for posting in self.trial.books(WUXIAN)[1]
                 if posting["kind"] in ("settle", "cancel") and posting.get("at", "")[:8] == self.first]
        self.assertEqual(kinds.count(("settle", "reversed")), 2, kinds)
        self.assertEqual(kinds.count(("settle", "cancelled")), 1, kinds)

    def test_catalogue_of_the_centre_shows_the_item_without_a_row(self) -> None:
        for kinds, items in (((), 8), (("1",), 6)):
            result = self.catalogue(DIFFERENCES, *kinds)
            self.assertEqual((result["version"], result["items"]), (CATALOGUE_VERSION, items), result)
            self.assertEqual([(each["kind"], each["local"], each["theirs"]) for each in result["differences"]],
                             [("no_row", "4503-0004", "01")])

    def test_open_day_has_details_but_no_totals_yet(self) -> None:
        result = self.reconcile(self.third, NO_DIFFERENCE)
        self.assertEqual((result["totals_compared"], result["details_compared"], result["totals"]), (False, True, []))


if __name__ == "__main__":
    unittest.main()
