"""The insuring side: what it decides about each request, whatever the protocol.

A front first asks `serials.arrive`, then looks at its own fields, and then calls
`post`.  There the decision, the answer, the line in the books and its effect are
one step under one lock: either all of it happened or nothing did.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from . import data
from .books import Books, Key
from .clock import Clock, day_closes
from .faults import Faults
from .ledger import Ledger, Settlement, Visit, sums_of
from .money import (INPATIENT_MED_TYPES, Entitlement, Shares, amount_fits, person_part,
                    standard_deductible)
from .refusals import Refusal
from .requests import (Cancel, CancelDetails, Details, Line, Origin, Register, Reverse,
                       Settle, VisitRef)
from .reversal import REVERSIBLE, obstacle
from .serials import Serials
from .text import same_name

EMERGENCY = "13"
MOST_LINES = 500

_IDENTITIES = {
    "number": lambda person: person.psn_no,
    "card": lambda person: person.card_no,
    "certificate": lambda person: data.long_certificate(person.cert_no),
}


class Numbering(Protocol):
    """How a protocol writes the numbers that the insurer gives out; n is never reused."""

    def visit_id(self, stamp: str, n: int) -> str: ...
    def settlement_id(self, stamp: str, n: int) -> str: ...
    def receiver_serial(self, stamp: str, n: int) -> str: ...
    def twin_serial(self, serial: str, n: int) -> str: ...


class Insurer:
    """One region's insurer with its books."""

    def __init__(self, region: str, books: Books, clock: Clock, numbering: Numbering,
                 replays: bool = True, takes_lines_again: bool = False,
                 is_open: Callable[[dict], bool] | None = None):
        """Take up the books.

        `takes_lines_again`: a line that is stored already with the same content
        is answered and not refused. `is_open` tells whether the time to reverse a
        posting has not passed; unless given, that is until 02:00 of the next day.
        """
        self.region = region
        self.books = books
        self.clock = clock
        self.numbering = numbering
        self.postings = books.postings
        self.serials = Serials(books.postings, replays)
        self.faults = Faults()
        self.catalogue = data.catalogue(region)
        self.ledger = Ledger(region, books.postings)
        self._takes_lines_again = takes_lines_again
        self._is_open = is_open or self._day_is_open
        self._lock = threading.RLock()
        for line in self.postings.order:
            self._take_effect(line)

    # ---- posting -------------------------------------------------------------

    def post(self, origin: Origin, kind: str, request, render: Callable[[dict], str],
             render_refusal: Callable[[Refusal, dict], str]) -> dict:
        """Carry out a posting whose serial was taken into work; return its line.

        The line's `answer` is what a repeat will hear.  A refusal that leaves the
        serial free is raised; any other is a line of its own, state `refused`.
        """
        decide = getattr(self, "_decide_" + kind)
        try:
            with self._lock:
                if origin.key in self.postings.blocked:  # a reversal overtook it
                    raise Refusal("2504")
                line = self._head(origin, kind)
                try:
                    line |= decide(origin, request)
                    line["answer"] = render(line)
                except Refusal as refusal:
                    if not refusal.is_stored:
                        raise
                    line |= {"state": "refused", "code": refusal.code,
                             "text": refusal.text, "ctr_serial": ""}
                    line["answer"] = render_refusal(refusal, line)
                self._record(line)
                return line
        finally:
            self.serials.release(origin.key)

    def _head(self, origin: Origin, kind: str) -> dict:
        """Begin a line: whose request, when, under which number."""
        sender, tran, serial = origin.key
        head = {"kind": kind, "state": "posted", "key": list(origin.key),
                "sender": sender, "tran": tran, "serial": serial,
                "ctr_serial": self.numbering.receiver_serial(origin.at, self._next_number()),
                "hospital": origin.hospital, "treat_region": origin.treat_region,
                "acct_date": origin.acct_date, "at": origin.at, "digest": origin.digest}
        if origin.fault:
            head["fault"] = origin.fault
        if origin.cycle:
            head["cycle"] = origin.cycle
        return head

    def _next_number(self) -> int:
        return len(self.postings.order)

    def _record(self, line: dict) -> None:
        lines = [line]
        if line.get("fault") == "ZZ13" and line["state"] == "posted":
            lines.append(self._twin(line))
        self.books.append(*lines)
        for written in lines:
            self._take_effect(written)

    def _take_effect(self, line: dict) -> None:
        """Let a written line change the state; also used to rebuild it from the books."""
        self.ledger.apply(line)
        if line.get("fault") and line["state"] != "refused" and not line.get("twin"):
            self.faults.show(line["hospital"], line["visit"], line["kind"])

    def _twin(self, line: dict) -> dict:
        """Make the double that the fault asks for, under numbers of its own."""
        number = self._next_number() + 1
        serial = self.numbering.twin_serial(line["serial"], number)
        twin = line | {"twin": True, "serial": serial,
                       "key": [line["sender"], line["tran"], serial],
                       "ctr_serial": self.numbering.receiver_serial(line["at"], number),
                       "setl_id": self.numbering.settlement_id(line["at"], number)}
        return twin

    def close_month(self, month: str) -> None:
        """Close a clearing month YYYYMM: its settlements can no longer be cancelled."""
        with self._lock:
            self._record({"kind": "close_month", "state": "posted", "month": month})

    def note(self, line: dict) -> None:
        """Write into the books what is no posting but must outlive this process."""
        with self._lock:
            self._record({"state": "noted", **line})

    # ---- what is decided -----------------------------------------------------

    def _decide_register(self, origin: Origin, request: Register) -> dict:
        person = self._person(request.psn_no)
        if request.name and not same_name(request.name, person.name):
            raise Refusal("2003")
        insurance = person.insurances.get(request.insutype)
        if person.suspended or insurance is None:
            raise Refusal("2002")
        if person.frozen:
            raise Refusal("2005")
        if request.med_type != EMERGENCY and not any(
                filing.covers(request.time[:8])
                for filing in data.filings(person, origin.treat_region)):
            raise Refusal("2004")
        if self.ledger.open_visit(origin.hospital, request.visit_no):
            raise Refusal("2102", request.visit_no)
        return {"visit": request.visit_no, "psn_no": person.psn_no,
                "visit_id": self.numbering.visit_id(origin.at, self._next_number()),
                "insutype": insurance.insutype, "category": insurance.category,
                "med_type": request.med_type,
                "dedc": self.deductible(insurance, request.med_type)}

    def _decide_cancel_register(self, origin: Origin, request: VisitRef) -> dict:
        visit = self._visit(origin.hospital, request)
        if visit.lines or visit.in_force():
            raise Refusal("2103")
        return self._about(visit)

    def _decide_details(self, origin: Origin, request: Details) -> dict:
        if not 1 <= len(request.lines) <= MOST_LINES:
            raise Refusal("2204", str(len(request.lines)))
        visit = self._visit(origin.hospital, request)
        if visit.final_in_force():
            raise Refusal("2103")
        again = self._stored_again(visit, request.lines)
        fresh = tuple(fee for fee in request.lines if fee.no not in again)
        for fee in fresh:
            self._check_line(fee)
        if request.sum != sum(fee.amount for fee in request.lines):
            raise Refusal("2203", "批次合计")
        self._check_returns(visit, fresh)
        decided = self._about(visit) | {"sum": request.sum,
                                        "lines": [fee.as_dict() for fee in fresh]}
        if again:
            decided |= {"order": [fee.no for fee in request.lines],
                        "again": [fee.as_dict() for fee in again.values()]}
        return decided

    def _stored_again(self, visit: Visit, fees: tuple[Line, ...]) -> dict[str, Line]:
        """Return lines that are stored already with the same content, by number.

        Any other number met before refuses the batch; so does one that stands
        twice in it, for then none of the two was stored first.
        """
        again: dict[str, Line] = {}
        seen: set[str] = set()
        for fee in fees:
            stored = visit.lines.get(fee.no)
            if fee.no in seen or (stored and not (
                    self._takes_lines_again and stored.line == fee)):
                raise Refusal("2201", fee.no)
            seen.add(fee.no)
            if stored:
                again[fee.no] = stored.line
        return again

    def _check_line(self, fee: Line) -> None:
        """Check a line's code and arithmetic; its parts are taken as sent."""
        if fee.ctr_code:
            item = self.catalogue.get(fee.ctr_code)
            if item is None or not item.valid_on(fee.time[:8]):
                raise Refusal("2202", fee.ctr_code)
        if not amount_fits(fee.amount, fee.price_e4, fee.qty_e4):
            raise Refusal("2203", fee.no)
        if fee.amount != fee.full + fee.pre + fee.over + fee.scope:
            raise Refusal("2203", fee.no)

    @staticmethod
    def _check_returns(visit: Visit, fees: tuple[Line, ...]) -> None:
        """Refuse to take back more of an item than the visit has."""
        quantities: Counter = Counter()
        for fee in [stored.line for stored in visit.lines.values()] + list(fees):
            quantities[fee.item] += fee.qty_e4
        for (_, code), quantity in quantities.items():
            if quantity < 0:
                raise Refusal("1003", f"退数量超过原数量 {code}")

    def _decide_cancel_details(self, origin: Origin, request: CancelDetails) -> dict:
        visit = self._visit(origin.hospital, request)
        numbers = request.line_nos
        if numbers is None:
            numbers = tuple(stored.line.no for stored in visit.unsettled())
        for number in numbers:
            if number not in visit.lines:
                raise Refusal("1003", f"明细序号 {number}")
            if visit.lines[number].setl_id:
                raise Refusal("2103", number)
        if len(set(numbers)) != len(numbers):
            raise Refusal("1003", "明细序号重复")
        return self._about(visit) | {"line_nos": list(numbers)}

    def _decide_settle(self, origin: Origin, request: Settle) -> dict:
        visit = self._visit(origin.hospital, request, request.psn_no)
        if visit.inpatient and not request.mid:
            for value, name in ((request.out_time, "出院时间"), (request.out_reason, "出院原因"),
                                (request.out_diag, "出院诊断")):
                if not value:
                    raise Refusal("1003", name)
        shares = self._reckon(visit, request)
        settled = [stored.line.no for stored in visit.unsettled()]
        number = self.numbering.settlement_id(origin.at, self._next_number())
        return self._about(visit) | {"setl_id": number, "bill": request.bill,
                                     "mid": request.mid, "line_nos": settled,
                                     **shares.as_dict()}

    def _reckon(self, visit: Visit, request: Settle) -> Shares:
        """Work out what a settlement of everything unsettled would come to."""
        if (request.med_type in INPATIENT_MED_TYPES) != visit.inpatient:
            raise Refusal("1003", "医疗类别与登记不符")
        if request.mid and not visit.inpatient:
            raise Refusal("1003", "中途结算标志")
        if visit.final_in_force():
            raise Refusal("2303")
        unsettled = visit.unsettled()
        if not unsettled:
            raise Refusal("2302")
        sums = sums_of(unsettled)
        if sums.total != request.total:
            raise Refusal("2301", f"{request.total}/{sums.total}")
        if sums.total < 0:
            raise Refusal("2302", "合计为负, 退费请撤销原结算")
        insurance = self.ledger.insurance_of(visit)
        who = Entitlement(insurance.insutype, visit.category, visit.inpatient,
                          insurance.civil, insurance.poor, insurance.balance_fen,
                          insurance.pool_cum_fen, visit.dedc_left())
        return person_part(sums, who, request.use_account)

    def _decide_cancel(self, origin: Origin, request: Cancel) -> dict:
        visit = self._visit(origin.hospital, request, request.psn_no)
        settlement = self.ledger.settlements.get(request.setl_id)
        if settlement is None or settlement.visit_id != visit.visit_id or settlement.reversed:
            raise Refusal("2401", request.setl_id)
        if settlement.cancelled:
            raise Refusal("2402", request.setl_id)
        if settlement.acct_date[:6] in self.ledger.closed_months:
            raise Refusal("2403", settlement.acct_date[:6])
        if not settlement.twin and visit.in_force()[-1] is not settlement:
            raise Refusal("2303", "须先撤销后续结算")
        number = self.numbering.settlement_id(origin.at, self._next_number())
        return self._about(visit) | {"setl_id": number, "org_setl_id": settlement.setl_id,
                                     "bill": request.bill,
                                     **self._negated(visit, settlement).as_dict()}

    def _negated(self, visit: Visit, settlement: Settlement) -> Shares:
        balance = self.ledger.insurance_of(visit).balance_fen
        back = 0 if settlement.twin else settlement.shares.acct
        return settlement.shares.negated(balance + back)

    def _decide_reverse(self, origin: Origin, request: Reverse) -> dict:
        """Undo the original, or see to it that it can never be posted."""
        if self.serials.is_in_work(request.org_key):
            raise Refusal("9001")
        original = self.postings.by_key.get(request.org_key)
        outcome = {"org_key": list(request.org_key), "org_ctr": "", "result": "2"}
        if original is None or original["state"] in ("refused", "noted"):
            return outcome
        outcome |= {"org_ctr": original["ctr_serial"]}
        if original["state"] == "reversed":
            return outcome | {"result": "3"}
        if original["kind"] not in REVERSIBLE:
            raise Refusal("2503")
        if not self._is_open(original):
            raise Refusal("2503", "会计日已关闭")
        if reason := obstacle(self.ledger, self.postings, original):
            raise Refusal("2503", reason)
        return outcome | {"result": "1"}

    def _day_is_open(self, original: dict) -> bool:
        return self.clock.now() < day_closes(original["acct_date"])

    # ---- questions -----------------------------------------------------------

    def trial(self, hospital: str, request: Settle) -> Shares:
        """Reckon a settlement without posting it."""
        with self._lock:
            return self._reckon(self._visit(hospital, request, request.psn_no), request)

    def find_person(self, kind: str, value: str, name: str = "") -> data.Person:
        """Find a person by `number`, `card` or `certificate`; compare the name if given."""
        if kind == "certificate":
            value = data.long_certificate(value)
        for person in self.ledger.people.values():
            if value != _IDENTITIES[kind](person):
                continue
            if name and not same_name(name, person.name):
                raise Refusal("2003")
            return person
        raise Refusal("2001")

    def deductible(self, insurance: data.Insurance, med_type: str) -> int:
        """Return the standard deductible that a visit beginning now would have."""
        return standard_deductible(insurance.insutype, med_type in INPATIENT_MED_TYPES,
                                   insurance.stays)

    def inquire(self, org_key: Key) -> tuple[str, dict | None]:
        """Return what became of a request: its state and its line, if there is one.

        A serial blocked before its original arrived is `reversed`: it will never
        be posted, which is what the asker wants to know.
        """
        with self._lock:
            if self.serials.is_in_work(org_key):
                return "in progress", None
            original = self.postings.by_key.get(org_key)
            if original:
                return original["state"], original
            return ("reversed" if org_key in self.postings.blocked else "unknown"), None

    def money_of_day(self, sender: str, date: str, last: str = "") -> list[dict]:
        """Return what a client posted on accounting days, reversed postings too.

        From `date` to `last`, or on that one day; an empty sender is everybody.
        """
        with self._lock:
            return [p for p in self.postings.money()
                    if date <= p["acct_date"] <= (last or date)
                    and sender in ("", p["sender"])]

    def postings_now(self) -> list[dict]:
        """Return copies of all lines of the books with their present states."""
        with self._lock:
            return [dict(posting) for posting in self.postings.order]

    # ---- helpers -------------------------------------------------------------

    def _person(self, psn_no: str) -> data.Person:
        if psn_no not in self.ledger.people:
            raise Refusal("2001", psn_no)
        return self.ledger.people[psn_no]

    def _visit(self, hospital: str, ref: VisitRef, psn_no: str = "") -> Visit:
        """Return the open visit; both its names must fit, and the person if given."""
        visit = self.ledger.open_visit(hospital, ref.visit_no)
        if visit is None or visit.visit_id != ref.visit_id:
            raise Refusal("2101", ref.visit_no)
        if psn_no and psn_no != visit.psn_no:
            raise Refusal("2003", psn_no)
        return visit

    @staticmethod
    def _about(visit: Visit) -> dict:
        return {"visit": visit.visit_no, "visit_id": visit.visit_id,
                "psn_no": visit.psn_no, "insutype": visit.insutype,
                "med_type": visit.med_type}
