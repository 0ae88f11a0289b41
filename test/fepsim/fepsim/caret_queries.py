"""Questions of danxian: transactions that post nothing, and the daily totals."""

from . import caret_answers as answers, caret_dictionary as codes
from .caret_cycles import Cycle, Cycles
from .caret_dictionary import inward
from .caret_requests import insurance_of, settle
from .clock import Clock
from .data import filings
from .insurer import Insurer
from .money import format_yuan
from .refusals import Refusal
from .totals import Row

OUTPATIENT = "11"
CATALOGUE_VERSION = "20200101000000"
MOST_POSTINGS, MOST_ITEMS = 100, 200
FILINGS = "99"


class Queries:
    """Answers by transaction code; an answer is plain fields and records."""

    def __init__(self, insurer: Insurer, clock: Clock, cycles: Cycles):
        self._insurer = insurer
        self._clock = clock
        self._cycles = cycles
        self._by_code = {"2100": self._person, "2420": self._trial, "1110": self._totals,
                         "1120": self._details, "1300": self._catalogue,
                         "1600": self._filing}

    def answer(self, code: str, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        """Answer one question; its head and cycle were checked."""
        return self._by_code[code](values, hospital, cycle)

    def _person(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        kind = inward(codes.PERSON_QUERIES, "kind", values["kind"])
        med_type = OUTPATIENT
        if values["med_type"]:
            med_type = inward(codes.MED_TYPE_IN, "med_type", values["med_type"])
        found = self._insurer.find_person(kind, values["value"].upper(), values["name"])
        deductible = self._insurer.deductible(insurance_of(found), med_type)
        return answers.person(found, deductible, self._insurer.region)

    def _trial(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        shares = self._insurer.trial(hospital, settle(values, [], {}))
        return ["", values["bill"], *answers.shares(shares)], []

    def _totals(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        """Compare a day over all operators; equal totals let the cycle be signed out."""
        wanted = values["insurance"] and inward(codes.INSURANCE_BACK, "insurance",
                                                values["insurance"])
        known = Row()
        for posting in self._insurer.money_of_day("", values["date"]):
            if posting["state"] != "reversed" and wanted in ("", posting["insutype"]):
                known.add(posting)
        asked = Row(values["settlements"], values["cancellations"], values["total"],
                    values["fund"], values["acct"], values["cash"])
        if asked == known and not wanted and values["date"] == cycle.date:
            self._cycles.compared_equal(cycle)
        return ["0" if asked == known else "1", known.pos, known.neg,
                *(format_yuan(sum_) for sum_ in (known.total, known.fund, known.acct,
                                                 known.cash))], []

    def _details(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        found = self._insurer.money_of_day("", values["date"])
        page, rows, last = _page(values, found, MOST_POSTINGS)
        return [len(found), page, last], [answers.posting(posted) for posted in rows]

    def _catalogue(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        kind = inward(codes.ITEM_KINDS | codes.DISEASES, "kind", values["kind"])
        found = [item for item in self._insurer.catalogue.values() if item.kind == kind
                 and values["since"] <= CATALOGUE_VERSION]
        page, rows, last = _page(values, found, MOST_ITEMS)
        today = self._clock.stamp()[:8]
        return [len(found), page, last, CATALOGUE_VERSION], [
            answers.item(item, today) for item in rows]

    def _filing(self, values: dict, hospital: str, cycle: Cycle) -> answers.Output:
        if values["approval"] != FILINGS:
            raise Refusal("1003", "approval")
        found = self._insurer.find_person("number", values["psn_no"])
        valid = [filing for filing in filings(found, values["region"])
                 if filing.covers(values["date"])]
        return [len(valid)], [answers.filing(filing) for filing in valid]


def _page(values: dict, found: list, most: int) -> tuple[int, list, str]:
    """Return the number of a page, its part of a list, and whether it is the last."""
    page, size = values["page"], values["size"]
    if page < 1:
        raise Refusal("1003", "page")
    if not 1 <= size <= most:
        raise Refusal("1003", "size")
    last = "1" if page * size >= len(found) else "0"
    return page, found[(page - 1) * size:page * size], last
