"""The scripted hospital, against a server that keeps visits and does the sums.

The server computes with the stand-ins' own money rules, the expectation comes
from `reference`, which was written apart from them.
"""

import unittest

from caret_server import CaretCase, ScriptedServer, text_of
from fepsim import data, money, reference, visits
from fepsim.caret_record import encode_answer


class CountingServer(ScriptedServer):
    """Answers from the persons and the lines it was sent."""

    def __init__(self):
        super().__init__()
        self.persons = data.persons("450900")
        self.registered = {}
        self.sums = {}

    def good(self, request):
        fields = [text_of(f) for f in request.params.fields]
        if request.code == "2210" and self.persons[fields[0]].suspended:
            return encode_answer(-2002, "", request.cycle, text="暂停")
        return super().good(request)

    def _good_2210(self, fields, rows):
        self.registered[fields[1]] = (self.persons[fields[0]], fields[2])
        return super()._good_2210(fields, rows)

    def _good_2310(self, fields, rows):
        self.sums.setdefault(fields[0], []).extend(
            [money.parse_yuan(value) for value in (row[11], *row[19:23])] for row in rows)
        return super()._good_2310(fields, rows)

    def _shares(self, visit_no, use_account):
        person, med_type = self.registered[visit_no]
        insurance = next(iter(person.insurances.values()))
        inpatient = med_type in ("21", "22", "23")
        sums = money.LineSums(*(sum(column) for column in zip(*self.sums[visit_no])))
        who = money.Entitlement(
            insurance.insutype, insurance.category, inpatient, insurance.civil,
            insurance.poor, insurance.balance_fen, insurance.pool_cum_fen,
            money.standard_deductible(insurance.insutype, inpatient, insurance.stays))
        return insurance, money.person_part(sums, who, use_account)

    def _settlement(self, shares):
        return [money.format_yuan(value) for value in shares.as_dict().values()]

    def _good_2420(self, fields, rows):
        _, shares = self._shares(fields[0], fields[9] == "1")
        return ["", fields[2], *self._settlement(shares)], []

    def _good_2410(self, fields, rows):
        _, shares = self._shares(fields[0], fields[9] == "1")
        return ["S" + fields[2], fields[2], *self._settlement(shares)], []

    def _good_2430(self, fields, rows):
        insurance, shares = self._shares(fields[0], False)
        back = shares.negated(insurance.balance_fen)
        return ["C" + fields[3], fields[3], *self._settlement(back), fields[2]], []


class Cases(CaretCase):
    def setUp(self):
        super().setUp()
        self.server = CountingServer()
        self.addCleanup(self.server.stop)
        self.start()

    def test_every_case_comes_to_the_figures_of_the_reference(self):
        compared = set()
        for name in visits.CASES:
            steps = visits.CASES[name](self.control)
            self.assertTrue(steps and all(s["expected"] for s in steps), steps)
            for step in steps:
                expected = reference.EXPECTED.get((name, step["name"]))
                if expected:
                    compared.add((name, step["name"]))
                    figures = expected()
                    self.assertEqual(figures, {k: step["figures"][k] for k in figures})
        self.assertEqual(set(reference.EXPECTED), compared)

    def test_the_course_of_14000_yuan(self):
        steps = visits.inpatient_course(self.control)
        self.assertEqual(["person", "register", "details", "details", "trial", "settle"],
                         [s["name"] for s in steps])
        self.assertEqual([1100000, 300000], [s["figures"]["sum"] for s in steps[2:4]])
        self.assertEqual(1400000, steps[-1]["figures"]["total"])
        unmapped = self.server.of("2310")[1].params.records[1]
        self.assertEqual((b"", b"1", b"0.2000", b"1000.00"),
                         (unmapped[5], unmapped[17], unmapped[18], unmapped[11]))

    def test_a_case_ends_at_the_first_surprise(self):
        self.server.on("2310", lambda server, request: encode_answer(
            -2203, "", request.cycle, text="和不符"))
        steps = visits.outpatient_visit(self.control)
        self.assertEqual(("details", "refused", False),
                         (steps[-1]["name"], steps[-1]["told"], steps[-1]["expected"]))

    def test_visit_numbers_fit_and_differ(self):
        numbers = {visits.new_visit_number("ZZ03") for _ in range(20)}
        self.assertTrue(all(len(n) <= 20 and n.startswith("ZZ03") for n in numbers))
        self.assertGreater(len(numbers), 15)


class Reference(unittest.TestCase):
    """Figures worked out by hand from the rule."""

    def test_inpatient_course(self):
        figures = reference.inpatient_course()
        self.assertEqual(
            {"pre": 102031, "over": 59383, "scope": 1238586, "dedc": 40000,
             "pool": 1078727, "civil": 59930, "fund": 1138657, "acct": 123456,
             "cash": 137887},
            {k: figures[k] for k in ("pre", "over", "scope", "dedc", "pool", "civil",
                                     "fund", "acct", "cash")})

    def test_pool_ceiling_and_low_income(self):
        rich = reference.Insured(310, pool_so_far="199000.00", first_stay=False)
        figures = reference.settlement(rich, [("0001", "10000.00", "1")], True, False)
        self.assertEqual((20000, 100000, 586400), tuple(
            figures[n] for n in ("dedc", "pool", "large")))
        poor = reference.Insured(390, poor=True)
        figures = reference.settlement(poor, [("0001", "100.00", "1")], False, True)
        self.assertEqual((5000, 3500, 0, 1500), tuple(
            figures[n] for n in ("pool", "aid", "acct", "cash")))


if __name__ == "__main__":
    unittest.main()
