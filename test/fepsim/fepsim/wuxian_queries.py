"""Questions of wuxian: transactions that post nothing and are never replayed."""

from . import wuxian_answers as answers, wuxian_dictionary as codes
from .clock import Clock, day_closes
from .data import filings, long_certificate
from .insurer import Insurer
from .refusals import Refusal
from .totals import Row, compare, rows_of
from .wuxian_dictionary import inward
from .wuxian_requests import Request, original_key, settle
from .wuxian_xml import Markup

OUTPATIENT = "11"
CATALOGUE_VERSION = "20200101000000"
MOST_POSTINGS, MOST_ITEMS = 200, 500


class Queries:
    """Answers by transaction number."""

    def __init__(self, insurer: Insurer, clock: Clock):
        self._insurer = insurer
        self._clock = clock
        self._by_code = {"1101": self._person, "1401": self._trial, "1501": self._totals,
                         "1502": self._details, "1601": self._catalogue,
                         "1701": self._filing, "1902": self._inquiry, "1999": self._echo}

    def answer(self, request: Request) -> Markup:
        """Answer one question; its head was checked."""
        return self._by_code[request.code](request)

    def _person(self, request: Request) -> Markup:
        values = request.values
        kind = inward(codes.PERSON_QUERIES, "BKA895", values["BKA895"])
        med_type = OUTPATIENT
        if values["AKA130"]:
            med_type = inward(codes.MEDICAL_CATEGORIES, "AKA130", values["AKA130"])
        person = self._insurer.find_person(kind, values["BKA896"].upper(), values["AAC003"])
        deductibles = {insurance.insutype: self._insurer.deductible(insurance, med_type)
                       for insurance in person.insurances.values()}
        return answers.person(person, deductibles, self._clock.stamp()[:8])

    def _trial(self, request: Request) -> Markup:
        wanted = settle(request)
        shares = self._insurer.trial(request.head["AKB020"], wanted)
        return answers.trial(shares, wanted.bill, self._clock.stamp())

    def _inquiry(self, request: Request) -> Markup:
        return answers.inquired(*self._insurer.inquire(original_key(request.head)))

    def _totals(self, request: Request) -> Markup:
        begin, end = request.values["AAE041"], request.values["AAE042"]
        if begin > end:
            raise Refusal("1003", "AAE042")
        rows = request.rows()
        asked = dict(self._asked_row(row) for row in rows)
        if len(asked) != len(rows):
            raise Refusal("1003", "ROW")
        if self._clock.now() < day_closes(end):
            raise Refusal("2601", end)
        known = rows_of(self._insurer.money_of_day("", begin, end))
        return answers.totals(known, compare(asked, known))

    @staticmethod
    def _asked_row(row: dict) -> tuple[tuple[str, str], Row]:
        insutype = inward(codes.INSURANCE_TYPES, "AAE140", row["AAE140"])
        category = inward(codes.CLEARING_CATEGORIES, "QSLB", row["QSLB"])
        return (insutype, category), Row(row["POSNUM"], row["NEGNUM"], row["AKC264"],
                                         row["AKC260"], row["AKC255"], row["AKC261"])

    def _details(self, request: Request) -> Markup:
        found = sorted(self._insurer.money_of_day("", request.values["AAE041"]),
                       key=lambda posting: posting["ctr_serial"])
        page, rows, last = _page(request, found, MOST_POSTINGS)
        return answers.postings(rows, len(found), page, last)

    def _catalogue(self, request: Request) -> Markup:
        kind = inward(codes.ITEM_KINDS | codes.DISEASES, "AKE003", request.values["AKE003"])
        found = [item for item in self._insurer.catalogue.values() if item.kind == kind
                 and (request.values["AAE036"] or "") <= CATALOGUE_VERSION]
        _, rows, last = _page(request, found, MOST_ITEMS)
        return answers.items(rows, len(found), last, CATALOGUE_VERSION,
                             self._clock.stamp()[:8])

    def _filing(self, request: Request) -> Markup:
        values = request.values
        found = self._insurer.find_person("number", values["AAC001"], values["AAC003"])
        certificate = values["AAC002"].upper()
        if certificate and long_certificate(certificate) != long_certificate(found.cert_no):
            raise Refusal("2003")
        return answers.filings([filing for filing in filings(found, values["AAB301"])
                                if filing.covers(values["AAE030"])])

    def _echo(self, request: Request) -> Markup:
        return answers.echo(request.values["ECHO"], self._clock.stamp())


def _page(request: Request, found: list, most: int) -> tuple[int, list, bool]:
    """Return the number of a page, its part of a list, and whether it is the last."""
    page, size = request.values["PAGENO"], request.values["PAGESIZE"]
    if page < 1:
        raise Refusal("1003", "PAGENO")
    if not 1 <= size <= most:
        raise Refusal("1003", "PAGESIZE")
    return page, found[(page - 1) * size:page * size], page * size >= len(found)
