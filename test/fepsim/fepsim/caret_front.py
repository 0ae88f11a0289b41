"""danxian's side of what its hospitals do: parameters by position, and lists by page."""

from . import china_time
from .asking import Told, translate
from .asking_books import AskingBooks
from .caret_client import CaretClient
from .caret_day import details_of_day, find_posting, own_totals, pages, reconcile
from .caret_dictionary import DISCHARGE, MED_TYPE, QUERY_KIND, national_person
from .caret_line import line_record
from .caret_record import CHARSET
from .caret_session import Session
from .money import format_yuan
from .operations import DANXIAN

APPROVAL_OF_FILINGS = "99"
ITEMS_A_PAGE = 200


class CaretFront:
    """Turns what is wanted into danxian's parameters and sends it within a cycle."""

    codes = DANXIAN

    def __init__(self, session: Session, client: CaretClient, books: AskingBooks):
        self._session = session
        self._client = client
        self._books = books

    def compose(self, operation: str, wanted: dict, rows: list) -> tuple[list, list]:
        params = getattr(self, "_" + operation)(wanted)
        return params, [line_record(line, facts) for line, facts in rows]

    def send(self, operation: str, institution: str, area: str, composed: tuple,
             **facts) -> Told:
        params, rows = composed
        return self._session.ask(DANXIAN[operation], institution, area, params, rows, **facts)

    def national_person(self, out: dict) -> dict:
        return national_person(out)

    def reversal_of(self, request: dict) -> Told:
        params = [request["code"], request["serial"], request.get("psn_no", ""),
                  request.get("visit_no", ""), request["serial"][:8]]
        return self._session.ask(DANXIAN["reverse"], request["institution"],
                                 request["centre"], params, original=request["serial"])

    def find_posting(self, request: dict) -> dict:
        return find_posting(self._session, request)

    def totals(self, institution: str, day: str) -> Told:
        own = own_totals(self._books, day)
        session = self._session
        told = reconcile(session.desk, institution, session.cycle(institution),
                         session.region, day, own)
        told.out["own"] = own
        return told

    def day(self, institution: str, day: str) -> Told:
        return details_of_day(self._session, institution, day)

    def echo(self, institution: str) -> Told:
        return self._session.desk.send(DANXIAN["echo"], institution, "",
                                       self._session.region, [])

    def filing(self, institution: str, op: dict) -> Told:
        params = [op["psn_no"], APPROVAL_OF_FILINGS, self._session.region, institution,
                  op.get("date") or china_time.today()]
        return self._session.ask(DANXIAN["filing"], institution, op["area"], params)

    def catalogue(self, institution: str, op: dict) -> Told:
        return pages(self._session, DANXIAN["catalogue"], institution,
                     [str(op["kind"]), op.get("since", "")], ITEMS_A_PAGE)

    def raw(self, data: bytes, seconds: float) -> tuple[bytes, str]:
        line = self._client.exchange(data, seconds, fresh=True)
        return line, line.decode(CHARSET, "replace").rstrip("\r\n")

    # ---- parameters ----------------------------------------------------------

    @staticmethod
    def _person(wanted: dict) -> list:
        med_type = wanted["med_type"]
        return [QUERY_KIND.get(wanted["kind"], wanted["kind"]), wanted["value"],
                wanted["name"],
                translate(MED_TYPE, med_type, "medical category") if med_type else "",
                wanted["date"]]

    @staticmethod
    def _register(wanted: dict) -> list:
        return [wanted["psn_no"], wanted["visit_no"],
                translate(MED_TYPE, wanted["med_type"], "medical category"),
                *(wanted[name] for name in (
                    "time", "diag", "diag_name", "dept", "bed", "doctor_code", "doctor",
                    "operator", "treat_region", "institution", "hospital_name", "filing_no",
                    "name"))]

    @staticmethod
    def _cancel_register(wanted: dict) -> list:
        return [wanted["visit_no"], wanted["visit_id"], wanted["operator"]]

    @staticmethod
    def _details(wanted: dict) -> list:
        return [wanted["visit_no"], wanted["visit_id"], wanted["count"],
                format_yuan(wanted["sum"])]

    @staticmethod
    def _cancel_details(wanted: dict) -> list:
        return [wanted["visit_no"], wanted["visit_id"], wanted["line_no"],
                wanted["operator"]]

    @staticmethod
    def _settle(wanted: dict) -> list:
        reason = wanted["out_reason"]
        return [wanted["visit_no"], wanted["visit_id"], wanted["bill"],
                translate(MED_TYPE, wanted["med_type"], "medical category"),
                wanted["time"], wanted["out_time"],
                translate(DISCHARGE, reason, "discharge reason") if reason else "",
                wanted["out_diag"], wanted["out_diag_name"], wanted["use_acct"],
                format_yuan(wanted["total"]), wanted["operator"], wanted["mid"]]

    _trial = _settle

    @staticmethod
    def _cancel_settlement(wanted: dict) -> list:
        return [wanted[name] for name in ("visit_no", "visit_id", "setl_id", "bill", "time",
                                          "operator", "reason")]
