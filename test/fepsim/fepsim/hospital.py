"""The hospitals of the asking region: what they do for a visitor from elsewhere.

Each operation takes the fields a hospital would type in and adds what its
system remembers of the visit. Where a test wants the wrong thing sent, it can
name the value itself (sum, count, total, visit_id, bill).
"""

import itertools

from . import china_time
from .asking_books import AskingBooks
from .caret_day import find_posting
from .caret_desk import Told
from .caret_dictionary import (DISCHARGE, MED_TYPE, QUERY_KIND, NotCarried,
                               national_person, translate)
from .caret_layout import POSTING
from .caret_line import fen_of, line_facts, line_record
from .caret_session import Session
from .data import catalogue
from .hospital_visit import Settlement, Visit, visit_of
from .ladder import Ladder, reversal_of
from .money import INPATIENT_MED_TYPES, format_yuan

INVALID = -1003
OPERATOR_NAME = "收费员"


class Hospital:
    """The operations of a hospital, each one request to the gateway."""

    def __init__(self, session: Session, books: AskingBooks, ladder: Ladder,
                 region: str, institution: str):
        self._session = session
        self._books = books
        self._ladder = ladder
        self._region = region
        self._institution = institution
        self._catalogue = catalogue(region)
        self._bill_numbers = itertools.count(1)

    def person(self, op: dict) -> Told:
        """Look a visitor up in his own region."""
        med_type = op.get("med_type", "")
        params = [QUERY_KIND.get(op["kind"], op["kind"]), op["value"], op.get("name", ""),
                  translate(MED_TYPE, med_type, "medical category") if med_type else "",
                  op.get("date") or china_time.today()]
        told = self._session.ask("2100", self._of(op), op["area"], params)
        if told.told == "good":
            told.out["national"] = national_person(told.out)
        return told

    def register(self, op: dict) -> Told:
        """Open a visit."""
        visit = self._visit(op)
        params = [op["psn_no"], visit.visit_no,
                  translate(MED_TYPE, op["med_type"], "medical category"),
                  op.get("time") or china_time.stamp(), op.get("diag", ""),
                  op.get("diag_name", ""), op.get("dept", "内科"), op.get("bed", ""),
                  op.get("doctor_code", "D0001"), op.get("doctor", "韦医"), OPERATOR_NAME,
                  self._region, visit.institution,
                  op.get("hospital_name", f"测试医院{visit.institution[-4:]}"),
                  op.get("filing_no", ""), op["name"]]
        return self._ask("2210", visit, op, params, psn_no=op["psn_no"], name=op["name"],
                         med_type=op["med_type"], diag=op.get("diag", ""),
                         diag_name=op.get("diag_name", ""))

    def cancel_register(self, op: dict) -> Told:
        """Take a visit back that has no lines and no settlement."""
        visit = self._visit(op)
        return self._ask("2240", visit, op,
                         [visit.visit_no, self._visit_id(op, visit), OPERATOR_NAME])

    def details(self, op: dict) -> Told:
        """Upload a batch of fee lines: all of them or none."""
        visit = self._visit(op)
        lines = [(line, line_facts(line, self._catalogue)) for line in op["lines"]]
        total = fen_of(op["sum"]) if "sum" in op else sum(f["amount"] for _, f in lines)
        count = op.get("count", len(lines))
        params = [visit.visit_no, self._visit_id(op, visit), count, format_yuan(total)]
        return self._ask("2310", visit, op, params,
                         [line_record(line, facts) for line, facts in lines],
                         expected={"count": count, "sum": total}, sum=total,
                         line_amounts={f["line_no"]: f["amount"] for _, f in lines})

    def cancel_details(self, op: dict) -> Told:
        """Take back one unsettled line, or all of them."""
        visit = self._visit(op)
        line_no = str(op.get("line_no", "0000"))
        params = [visit.visit_no, self._visit_id(op, visit), line_no, OPERATOR_NAME]
        return self._ask("2320", visit, op, params, line_no=line_no)

    def trial(self, op: dict) -> Told:
        """Ask what a settlement would come to."""
        return self._settle("2420", op)

    def settle(self, op: dict) -> Told:
        """Settle all lines not settled yet."""
        return self._settle("2410", op)

    def cancel_settlement(self, op: dict) -> Told:
        """Refund a whole settlement; the last one unless its id is given."""
        visit = self._visit(op)
        setl_id = op.get("setl_id") or self._last_settlement(visit)
        bill = op.get("bill") or self._new_bill()
        params = [visit.visit_no, self._visit_id(op, visit), setl_id, bill,
                  china_time.stamp(), OPERATOR_NAME, op.get("reason", "退费")]
        return self._ask("2430", visit, op, params, setl_id=setl_id, bill=bill,
                         expected={"cancelled_id": setl_id})

    def reverse(self, op: dict) -> Told:
        """Reverse a request of the books, or any serial named with its code."""
        serial = op["serial"]
        request = self._books.find(serial)
        if request is None:
            request = {"code": op["code"], "serial": serial, "centre": op["area"],
                       "institution": self._of(op), "psn_no": op.get("psn_no", ""),
                       "visit_no": op.get("visit_no", "")}
            return reversal_of(self._session, request)
        if not request["posts"]:
            raise NotCarried(f"{request['code']} posts nothing and cannot be reversed")
        return self._ladder.reverse_now(serial)

    def visit(self, op: dict) -> Visit:
        """Return what is remembered of a visit."""
        return self._visit(op)

    def _settle(self, code: str, op: dict) -> Told:
        visit = self._visit(op)
        med_type = op.get("med_type") or visit.facts["med_type"]
        total = fen_of(op["total"]) if "total" in op else visit.unsettled_total
        bill = op.get("bill") or self._new_bill()
        mid = int(bool(op.get("mid", 0)))
        inpatient = med_type in INPATIENT_MED_TYPES
        leaves = op.get("discharge", {} if mid or not inpatient else
                        {"time": china_time.stamp(), "reason": "1"})
        reason = leaves.get("reason", "")
        params = [visit.visit_no, self._visit_id(op, visit), bill,
                  translate(MED_TYPE, med_type, "medical category"),
                  op.get("time") or china_time.stamp(), leaves.get("time", ""),
                  translate(DISCHARGE, reason, "discharge reason") if reason else "",
                  leaves.get("diag", visit.facts.get("diag", "")),
                  leaves.get("diag_name", visit.facts.get("diag_name", "")),
                  int(bool(op.get("use_acct", 0))), format_yuan(total), OPERATOR_NAME, mid]
        return self._ask(code, visit, op, params, expected={"bill": bill, "total": total},
                         total=total, bill=bill, mid=mid)

    def _ask(self, code: str, visit: Visit, op: dict, params: list, rows: list = (),
             **facts) -> Told:
        """Send a request of a visit, and see to it if nobody knows how it ended."""
        held = visit.undecided or visit.for_reconciliation
        if code in POSTING and held and not op.get("force"):
            return Told("blocked", 0, "undecided on this visit: "
                        + (", ".join(visit.undecided) or "left for reconciliation"))
        area = op.get("area") or visit.facts["centre"]
        facts.setdefault("psn_no", visit.facts.get("psn_no", op.get("psn_no", "")))
        told = self._session.ask(code, visit.institution, area, params, rows,
                                 visit_no=visit.visit_no, **facts)
        if told.told == "unknown" and code in POSTING:
            self._ladder.climb(told.serial)
        return told

    def _last_settlement(self, visit: Visit) -> str:
        """Return the id of the last settlement in force.

        One that stands after its answer was lost has no id here until the
        gateway's details of the day give it.
        """
        if not visit.settlements:
            return ""
        last: Settlement = visit.settlements[-1]
        if last.setl_id:
            return last.setl_id
        return find_posting(self._session, self._books.find(last.serial)).get("setl_id", "")

    def _of(self, op: dict) -> str:
        return op.get("hospital") or self._institution

    def _visit(self, op: dict) -> Visit:
        return visit_of(self._books, self._of(op), op["visit_no"])

    def _visit_id(self, op: dict, visit: Visit) -> str:
        return op.get("visit_id", visit.visit_id)

    def _new_bill(self) -> str:
        return f"FP{china_time.stamp()}{next(self._bill_numbers) % 10000:04d}"
