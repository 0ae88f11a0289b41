"""The hospitals of the asking region: what they do for a visitor from elsewhere.

Each operation takes the fields a hospital would type in and adds what its
system remembers of the visit. Where a test wants the wrong thing sent, it can
name the value itself (sum, count, total, visit_id, bill).
"""

import itertools

from . import china_time
from .asking import NotCarried, Told
from .asking_books import AskingBooks
from .data import catalogue
from .fee_line import fen_of, line_facts
from .front import Front
from .hospital_visit import ALL_LINES, Settlement, Visit, visit_of
from .ladder import Ladder
from .money import INPATIENT_MED_TYPES
from .operations import OPERATION_OF, POSTING

OPERATOR_NAME = "收费员"
USUAL_INSURANCE = "310"


class Hospital:
    """The operations of a hospital, each one request to the gateway."""

    def __init__(self, front: Front, books: AskingBooks, ladder: Ladder,
                 region: str, institution: str):
        self._front = front
        self._books = books
        self._ladder = ladder
        self._region = region
        self._institution = institution
        self._catalogue = catalogue(region)
        self._bill_numbers = itertools.count(1)
        self._insurances: dict[str, str] = {}

    def person(self, op: dict) -> Told:
        """Look a visitor up in his own region."""
        composed = self._front.compose("person", {
            "kind": op["kind"], "value": op["value"], "name": op.get("name", ""),
            "med_type": op.get("med_type", ""),
            "date": op.get("date") or china_time.today()}, [])
        told = self._front.send("person", self.of(op), op["area"], composed)
        if told.told == "good":
            told.out["national"] = self._front.national_person(told.out)
            self._insurances[told.out["psn_no"]] = told.out["national"]["insutype"]
        return told

    def register(self, op: dict) -> Told:
        """Open a visit."""
        visit = self._visit(op)
        insutype = op.get("insutype") or self._insurance_of(op["psn_no"])
        wanted = {"psn_no": op["psn_no"], "visit_no": visit.visit_no, "name": op["name"],
                  "insutype": insutype, "med_type": op["med_type"],
                  "time": op.get("time") or china_time.stamp(), "diag": op.get("diag", ""),
                  "diag_name": op.get("diag_name", ""), "dept": op.get("dept", "内科"),
                  "bed": op.get("bed", ""), "doctor_code": op.get("doctor_code", "D0001"),
                  "doctor": op.get("doctor", "韦医"), "operator": OPERATOR_NAME,
                  "treat_region": self._region, "institution": visit.institution,
                  "hospital_name": op.get("hospital_name",
                                          f"测试医院{visit.institution[-4:]}"),
                  "filing_no": op.get("filing_no", "")}
        return self._ask("register", visit, op, wanted, psn_no=op["psn_no"], name=op["name"],
                         insutype=insutype, med_type=op["med_type"], diag=op.get("diag", ""),
                         diag_name=op.get("diag_name", ""))

    def cancel_register(self, op: dict) -> Told:
        """Take a visit back that has no lines and no settlement."""
        visit = self._visit(op)
        return self._ask("cancel_register", visit, op, self._named(op, visit))

    def details(self, op: dict) -> Told:
        """Upload a batch of fee lines: all of them or none."""
        visit = self._visit(op)
        lines = [(line, line_facts(line, self._catalogue)) for line in op["lines"]]
        total = fen_of(op["sum"]) if "sum" in op else sum(f["amount"] for _, f in lines)
        count = op.get("count", len(lines))
        wanted = {**self._named(op, visit), "count": count, "sum": total}
        return self._ask("details", visit, op, wanted, lines,
                         expected={"count": count, "sum": total}, sum=total,
                         line_amounts={f["line_no"]: f["amount"] for _, f in lines})

    def cancel_details(self, op: dict) -> Told:
        """Take back one unsettled line, or all of them."""
        visit = self._visit(op)
        line_no = str(op.get("line_no", ALL_LINES))
        return self._ask("cancel_details", visit, op,
                         {**self._named(op, visit), "line_no": line_no}, line_no=line_no)

    def trial(self, op: dict) -> Told:
        """Ask what a settlement would come to."""
        return self._settle("trial", op)

    def settle(self, op: dict) -> Told:
        """Settle all lines not settled yet."""
        return self._settle("settle", op)

    def cancel_settlement(self, op: dict) -> Told:
        """Refund a whole settlement; the last one unless its id is given."""
        visit = self._visit(op)
        setl_id = op.get("setl_id") or self._last_settlement(visit)
        bill = op.get("bill") or self._new_bill()
        wanted = {**self._named(op, visit), "psn_no": visit.facts.get("psn_no", ""),
                  "setl_id": setl_id, "bill": bill, "time": china_time.stamp(),
                  "reason": op.get("reason", "退费")}
        return self._ask("cancel_settlement", visit, op, wanted, setl_id=setl_id, bill=bill,
                         expected={"cancelled_id": setl_id}, **self._kind_of(visit))

    def reverse(self, op: dict) -> Told:
        """Reverse a request of the books, or any serial named with its code."""
        serial = op["serial"]
        request = self._books.find(serial)
        if request is None:
            request = {"code": op["code"], "serial": serial, "centre": op["area"],
                       "institution": self.of(op), "psn_no": op.get("psn_no", ""),
                       "visit_no": op.get("visit_no", "")}
            return self._front.reversal_of(request)
        if not request["posts"]:
            raise NotCarried(f"{request['code']} posts nothing and cannot be reversed")
        return self._ladder.reverse_now(serial)

    def visit(self, op: dict) -> Visit:
        """Return what is remembered of a visit."""
        return self._visit(op)

    def of(self, op: dict) -> str:
        """Return the institution an operation is of."""
        return op.get("hospital") or self._institution

    def _settle(self, operation: str, op: dict) -> Told:
        visit = self._visit(op)
        med_type = op.get("med_type") or visit.facts["med_type"]
        total = fen_of(op["total"]) if "total" in op else visit.unsettled_total
        bill = op.get("bill") or self._new_bill()
        mid = int(bool(op.get("mid", 0)))
        inpatient = med_type in INPATIENT_MED_TYPES
        leaves = op.get("discharge", {} if mid or not inpatient else
                        {"time": china_time.stamp(), "reason": "1"})
        wanted = {**self._named(op, visit), "psn_no": visit.facts.get("psn_no", ""),
                  "name": visit.facts.get("name", ""), "bill": bill, "med_type": med_type,
                  "time": op.get("time") or china_time.stamp(),
                  "out_time": leaves.get("time", ""), "out_reason": leaves.get("reason", ""),
                  "out_diag": leaves.get("diag", visit.facts.get("diag", "")),
                  "out_diag_name": leaves.get("diag_name", visit.facts.get("diag_name", "")),
                  "use_acct": int(bool(op.get("use_acct", 0))), "total": total, "mid": mid}
        return self._ask(operation, visit, op, wanted,
                         expected={"bill": bill, "total": total}, total=total, bill=bill,
                         mid=mid, **self._kind_of(visit))

    def _ask(self, operation: str, visit: Visit, op: dict, wanted: dict, rows: list = (),
             **facts) -> Told:
        """Send a request of a visit, and see to it if nobody knows how it ended."""
        composed = self._front.compose(operation, wanted, rows)
        held = visit.undecided or visit.for_reconciliation
        if operation in POSTING and held and not op.get("force"):
            return Told("blocked", 0, "undecided on this visit: "
                        + (", ".join(visit.undecided) or "left for reconciliation"))
        area = op.get("area") or visit.facts["centre"]
        facts.setdefault("psn_no", visit.facts.get("psn_no", op.get("psn_no", "")))
        told = self._front.send(operation, visit.institution, area, composed,
                                visit_no=visit.visit_no, **facts)
        if told.told == "unknown" and operation in POSTING:
            self._ladder.climb(told.serial)
        return told

    def _insurance_of(self, psn_no: str) -> str:
        """Return the insurance that the person's own region named when last asked."""
        if psn_no not in self._insurances:
            for entry in self._books.everything():
                conclusion = entry["conclusion"] or {}
                out = conclusion.get("out", {})
                if OPERATION_OF[entry["code"]] == "person" and out.get("psn_no") == psn_no \
                        and conclusion["told"] == "good":
                    self._insurances[psn_no] = self._front.national_person(out)["insutype"]
        return self._insurances.get(psn_no, USUAL_INSURANCE)

    @staticmethod
    def _kind_of(visit: Visit) -> dict:
        """Return what reconciliation sorts settlements by."""
        return {name: visit.facts.get(name, "") for name in ("insutype", "med_type")}

    def _last_settlement(self, visit: Visit) -> str:
        """Return the id of the last settlement in force.

        One that stands after its answer was lost has no id here until the
        gateway gives it.
        """
        if not visit.settlements:
            return ""
        last: Settlement = visit.settlements[-1]
        if last.setl_id:
            return last.setl_id
        return self._front.find_posting(self._books.find(last.serial)).get("setl_id", "")

    def _visit(self, op: dict) -> Visit:
        return visit_of(self._books, self.of(op), op["visit_no"])

    @staticmethod
    def _named(op: dict, visit: Visit) -> dict:
        return {"visit_no": visit.visit_no, "visit_id": op.get("visit_id", visit.visit_id),
                "operator": OPERATOR_NAME}

    def _new_bill(self) -> str:
        return f"FP{china_time.stamp()}{next(self._bill_numbers) % 10000:04d}"
