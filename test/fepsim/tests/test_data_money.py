"""The common data and the reference rule, with the figures reckoned by hand."""

import unittest

from fepsim import data
from fepsim.money import (Entitlement, LineSums, Shares, amount_fits, broken_equations,
                          format_e4, format_yuan, line_part, parse_e4, parse_yuan,
                          person_part, round_half_up, standard_deductible)
from fepsim.text import same_name


def who(insutype="310", category="11", inpatient=True, civil=False, poor=False, balance=0,
        pool_cum=0, dedc_left=400_00) -> Entitlement:
    return Entitlement(insutype, category, inpatient, civil, poor, balance, pool_cum, dedc_left)


def in_scope(fen: int) -> LineSums:
    return LineSums(total=fen, scope=fen)


class Rounding(unittest.TestCase):
    def test_halves_go_away_from_zero(self):
        cases = {(5, 10): 1, (-5, 10): -1, (4, 10): 0, (-4, 10): 0, (15, 10): 2,
                 (-15, 10): -2, (0, 7): 0, (10, 3): 3}
        for (num, den), expected in cases.items():
            with self.subTest(num=num, den=den):
                self.assertEqual(round_half_up(num, den), expected)

    def test_yuan_text(self):
        for text, fen in (("0.00", 0), ("-0.01", -1), ("14000.00", 1400000)):
            self.assertEqual(parse_yuan(text), fen)
            self.assertEqual(format_yuan(fen), text)
        for wrong in ("-0.00", "1", "1.0", "01.00", "+1.00", " 1.00", "１.00", "1.00\n", ""):
            with self.subTest(wrong), self.assertRaises(ValueError):
                parse_yuan(wrong)

    def test_numbers_of_four_decimals(self):
        self.assertEqual(parse_e4("88.1234"), 881234)
        self.assertEqual(format_e4(-881234), "-88.1234")
        with self.assertRaises(ValueError):
            parse_e4("1.00")

    def test_amounts_may_be_five_fen_off(self):
        self.assertTrue(amount_fits(60_05, 60_0000, 1_0000))
        self.assertFalse(amount_fits(60_06, 60_0000, 1_0000))
        self.assertTrue(amount_fits(-59_95, 60_0000, -1_0000))


class LinePart(unittest.TestCase):
    def test_each_level(self):
        self.assertEqual(line_part(100_00, 1_0000, "C", 10000, 0), (100_00, 0, 0, 0))
        self.assertEqual(line_part(100_00, 1_0000, "A", 0, 0), (0, 0, 0, 100_00))
        self.assertEqual(line_part(100_00, 1_0000, "B", 1000, 0), (0, 10_00, 0, 90_00))

    def test_ceiling_comes_before_the_ratio(self):
        # 15.0000 x 2 = 30.00 of 40.00: over 10.00, the rest in scope
        self.assertEqual(line_part(40_00, 2_0000, "A", 0, 15_0000), (0, 0, 10_00, 30_00))
        # 88.1234 -> 88.12; over 11.88; 88.12 x 0.05 = 4.406 -> 4.41; scope 83.71
        self.assertEqual(line_part(100_00, 1_0000, "B", 500, 88_1234),
                         (0, 4_41, 11_88, 83_71))

    def test_a_return_mirrors_the_sale(self):
        sale = line_part(100_05, 1_0000, "B", 500, 88_1234)
        back = line_part(-100_05, -1_0000, "B", 500, 88_1234)
        self.assertEqual(back, tuple(-part for part in sale))

    def test_half_a_fen_of_the_ratio_goes_up(self):
        # 0.05 x 0.1 = 0.005 -> 0.01
        self.assertEqual(line_part(5, 1_0000, "B", 1000, 0), (0, 1, 0, 4))


class PersonPart(unittest.TestCase):
    def test_the_chemotherapy_course(self):
        # 0002 x 100 at  60.00: 6,000.00, pre 600.00, scope 5,400.00
        # 0008 x  50 at 100.00: 5,000.00, ceiling 88.1234 x 50 = 4,406.17, over 593.83,
        #                       pre 4,406.17 x 0.05 = 220.3085 -> 220.31, scope 4,185.86
        # 0001 x 100 at  20.00: 2,000.00, scope 2,000.00
        # procedure, B 0.2000:  1,000.00, pre 200.00, scope 800.00
        lines = [line_part(6000_00, 100_0000, "B", 1000, 0),
                 line_part(5000_00, 50_0000, "B", 500, 88_1234),
                 line_part(2000_00, 100_0000, "A", 0, 0),
                 line_part(1000_00, 1_0000, "B", 2000, 0)]
        self.assertEqual(lines, [(0, 600_00, 0, 5400_00), (0, 220_31, 593_83, 4185_86),
                                 (0, 0, 0, 2000_00), (0, 200_00, 0, 800_00)])
        full, pre, over, scope = map(sum, zip(*lines))
        self.assertEqual((full, pre, over, scope), (0, 1020_31, 593_83, 12385_86))
        # deductible 400.00, base 11,985.86, pool 90 % = 10,787.274 -> 10,787.27
        # rest 1,198.59, civil 50 % = 599.295 -> 599.30, fund 11,386.57
        # need 2,613.43: account 1,234.56, cash 1,378.87, balance 0.00
        shares = person_part(LineSums(14000_00, full, pre, over, scope),
                             who(category="12", civil=True, balance=1234_56), True)
        self.assertEqual(shares, Shares(
            total=14000_00, fund=11386_57, acct=1234_56, cash=1378_87, pool=10787_27,
            civil=599_30, pre=1020_31, over=593_83, scope=12385_86, dedc=400_00, balance=0))
        self.assertEqual(broken_equations(shares), [])

    def test_the_printed_settlement(self):
        # scope 10,476.54 - 400.00 = 10,076.54; 90 % = 9,068.886; rest 1,007.65; half 503.83
        shares = person_part(LineSums(11065_67, 120_00, 469_13, 0, 10476_54),
                             who(category="12", civil=True, balance=1234_56), True)
        self.assertEqual((shares.pool, shares.civil, shares.fund, shares.acct, shares.cash),
                         (9068_89, 503_83, 9572_72, 1234_56, 258_39))

    def test_rates(self):
        # in-patient on 1,400.00: base 1,000.00; out-patient no deductible
        for insutype, category, inpatient, pool in (
                ("310", "11", True, 850_00), ("310", "12", True, 900_00),
                ("310", "13", True, 900_00), ("390", "15", True, 700_00),
                ("310", "11", False, 500_00), ("310", "12", False, 600_00),
                ("390", "16", False, 500_00)):
            with self.subTest(insutype=insutype, category=category, inpatient=inpatient):
                left = 400_00 if inpatient else 0
                shares = person_part(in_scope(1000_00 + left),
                                     who(insutype, category, inpatient, dedc_left=left), False)
                self.assertEqual(shares.pool, pool)
                self.assertEqual(broken_equations(shares), [])

    def test_beyond_the_pool_ceiling(self):
        # left in the pool 1,000.00; base 3,600.00, 85 % = 3,060.00, excess 2,060.00 x 80 %
        shares = person_part(in_scope(4000_00), who(pool_cum=199_000_00), False)
        self.assertEqual((shares.pool, shares.large, shares.illness), (1000_00, 1648_00, 0))
        # 390: 70 % of 3,700.00 = 2,590.00, excess 1,590.00 x 80 % = 1,272.00
        shares = person_part(in_scope(4000_00), who("390", "15", pool_cum=199_000_00,
                                                    dedc_left=300_00), False)
        self.assertEqual((shares.pool, shares.large, shares.illness), (1000_00, 0, 1272_00))

    def test_low_income_after_the_pool(self):
        # base 700.00, pool 490.00, rest 210.00, aid 70 % = 147.00
        shares = person_part(in_scope(1000_00), who("390", "14", poor=True,
                                                    dedc_left=300_00), False)
        self.assertEqual((shares.aid, shares.cash), (147_00, 363_00))

    def test_the_account_pays_no_more_than_is_there_or_needed(self):
        # need 100.00 - 50.00 = 50.00
        for balance, acct in ((20_00, 20_00), (80_00, 50_00)):
            shares = person_part(in_scope(100_00), who(inpatient=False, dedc_left=0,
                                                       balance=balance), True)
            self.assertEqual((shares.acct, shares.balance), (acct, balance - acct))
        kept = person_part(in_scope(100_00), who(inpatient=False, dedc_left=0, balance=20_00),
                           False)
        self.assertEqual((kept.acct, kept.balance), (0, 20_00))
        resident = person_part(in_scope(100_00), who("390", "15", False, dedc_left=0,
                                                     balance=20_00), True)
        self.assertEqual(resident.acct, 0)

    def test_a_negative_scope_takes_no_deductible(self):
        shares = person_part(LineSums(total=10_00, full=30_00, scope=-20_00),
                             who(balance=5_00), True)
        self.assertEqual((shares.dedc, shares.pool), (0, -17_00))
        self.assertEqual(broken_equations(shares), [])

    def test_deductibles(self):
        self.assertEqual(standard_deductible("310", True, 0), 400_00)
        self.assertEqual(standard_deductible("310", True, 1), 200_00)
        self.assertEqual(standard_deductible("390", True, 0), 300_00)
        self.assertEqual(standard_deductible("390", True, 2), 150_00)
        self.assertEqual(standard_deductible("390", False, 0), 0)

    def test_a_cancellation_negates_all_but_the_balance(self):
        shares = person_part(in_scope(1000_00), who(balance=30_00), True)
        back = shares.negated(30_00)
        self.assertEqual((back.total, back.acct, back.dedc, back.balance),
                         (-1000_00, -30_00, -400_00, 30_00))
        self.assertEqual(broken_equations(back), [])

    def test_broken_equations_are_named(self):
        self.assertEqual(broken_equations(Shares(total=1)),
                         ["total = full + pre + over + scope", "total = fund + account + cash"])
        self.assertEqual(broken_equations(Shares(fund=1, cash=-1)), ["fund = sum of the funds"])


class CommonData(unittest.TestCase):
    def test_certificates(self):
        people = data.persons("450900")
        self.assertEqual(data.with_check_digit("11010519491231002"), "11010519491231002X")
        old = people["45090000000000000008"].cert_no
        self.assertEqual(old, "450900490105008")
        self.assertEqual(data.long_certificate(old),
                         data.with_check_digit("45090019490105008"))
        self.assertEqual(data.long_certificate("11010519491231002x"), "11010519491231002X")

    def test_persons(self):
        people = data.persons("450900")
        self.assertEqual(len(people), 11)
        third = people["45090000000000000003"]
        self.assertEqual((third.name, third.card_no, third.sex), ("覃检", "K00000003", "1"))
        self.assertEqual(vars(third.insurances["310"]), {
            "insutype": "310", "category": "12", "balance_fen": 1234_56, "civil": True,
            "poor": False, "pool_cum_fen": 0, "stays": 0})
        self.assertEqual(sorted(people["45090000000000000009"].insurances), ["310", "390"])
        people["45090000000000000001"].insurances["310"].balance_fen = 0
        self.assertEqual(data.persons("450900")["45090000000000000001"]
                         .insurances["310"].balance_fen, 800_00)

    def test_filings(self):
        people = data.persons("450900")
        (filing,) = data.filings(people["45090000000000000001"], "440100")
        self.assertEqual((filing.number, filing.region, filing.kind),
                         ("BA00000001", "440000", "1"))
        self.assertFalse(filing.covers("20251231"))
        self.assertEqual(data.filings(people["45090000000000000006"], "440100"), [])

    def test_catalogue(self):
        items = data.catalogue("450900")
        self.assertEqual(data.local_code("450900", "T000008"), "4509-0008")
        self.assertEqual(items["4509-0008"].ceiling_e4, 88_1234)
        self.assertTrue(items["4509-0007"].valid_on("20251231"))
        self.assertFalse(items["4509-0007"].valid_on("20260101"))

    def test_names(self):
        for one, other in (("吐尔逊·测试", "吐尔逊．测 试"), ("䶮小测", "〓小测"),
                           ("韦?", "韦测"), ("罗玘", "罗\ue000")):
            self.assertTrue(same_name(one, other), (one, other))
        for one, other in (("韦测", "韦试"), ("韦测", "韦"), ("韦?", "韦测测")):
            self.assertFalse(same_name(one, other), (one, other))


if __name__ == "__main__":
    unittest.main()
