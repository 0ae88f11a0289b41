"""One product in regions that put a settlement's figures elsewhere."""

import unittest

from fepsim.caret_positions import NAMES, SERIAL_FORMS, Positions

SETTLED = list(NAMES[:19])


class Places(unittest.TestCase):
    """Where figures stand."""

    def test_without_places_nothing_moves(self) -> None:
        self.assertEqual(Positions().arrange(SETTLED), SETTLED)
        self.assertEqual(Positions().place_of("cash"), 5)

    def test_three_real_regions(self) -> None:
        for text in ("total=1,acct=3,pool=4,cash=7", "total=11,acct=14,pool=12,cash=15",
                     "total=48,acct=50,pool=52,cash=51"):
            positions = Positions.read(text)
            placed = positions.arrange(SETTLED)
            for part in text.split(","):
                name, _, place = part.partition("=")
                self.assertEqual(placed[int(place) - 1], name, text)
                self.assertEqual(positions.place_of(name), int(place) - 1)
            self.assertEqual(sorted(name for name in placed if name), sorted(SETTLED))

    def test_what_is_not_placed_keeps_its_order(self) -> None:
        placed = Positions.read("total=11,acct=14,pool=12,cash=15").arrange(SETTLED)
        left = [name for name in placed if name not in ("total", "acct", "pool", "cash", "")]
        self.assertEqual(left, [name for name in SETTLED if name in left])

    def test_nonsense_is_refused(self) -> None:
        for text in ("sum=3", "total=3,cash=3", "total"):
            with self.assertRaises(ValueError):
                Positions.read(text)


class Serials(unittest.TestCase):
    """Two forms of the same three parts."""

    def test_each_form_takes_its_own(self) -> None:
        time_first, institution_first = "20261122101502-H45010000003-0007", "H45010000003-20261122101502-000000000007"
        self.assertTrue(SERIAL_FORMS["time-first"].fullmatch(time_first))
        self.assertIsNone(SERIAL_FORMS["time-first"].fullmatch(institution_first))
        self.assertTrue(SERIAL_FORMS["institution-first"].fullmatch(institution_first))
        self.assertIsNone(SERIAL_FORMS["institution-first"].fullmatch(time_first))


if __name__ == "__main__":
    unittest.main()
