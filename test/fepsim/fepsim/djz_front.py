"""dajizhong's side of what its hospitals do: records out, records in."""

from . import china_time, djz_codes as codes, djz_reader
from .asking import NotCarried, Told, translate
from .asking_books import AskingBooks
from .asking_totals import compared, own_rows
from .belief import NotBelieved, check_output
from .caret_dictionary import DISCHARGE
from .djz_asking_desk import Desk
from .djz_client import DjzClient
from .djz_outputs import named, national_person
from .djz_record import Unreadable, read_body_alone
from .fee_line import his_code
from .front import Finding
from .hospital_visit import ALL_LINES
from .operations import DAJIZHONG, OPERATION_OF, seconds_to_wait
from .totals import Row

DETAILS_KIND = "MX"
READY = "1"
_QUERY_KINDS = {"psn_no": "P", "certificate": "I", "card": "C"}


def local(table: dict, national: str, what: str) -> str:
    """Return dajizhong's code of a national value."""
    for code, value in table.items():
        if value == national:
            return code
    raise NotCarried(f"{what} {national!r} cannot be carried")


class DjzFront:
    """Turns what is wanted into records."""

    codes = DAJIZHONG

    def __init__(self, desk: Desk, client: DjzClient, books: AskingBooks, region: str,
                 files: str):
        self._desk = desk
        self._client = client
        self._books = books
        self._region = region
        self._files = files

    def compose(self, operation: str, wanted: dict, rows: list) -> tuple[dict, list]:
        return getattr(self, "_" + operation)(wanted, rows)

    def send(self, operation: str, institution: str, area: str, composed: tuple,
             **facts) -> Told:
        if operation == "register":
            facts["expected"] = {"visit_no": facts["visit_no"]}
        return self._desk.send(operation, institution, area, composed, **facts)

    def national_person(self, out: dict) -> dict:
        return national_person(out)

    # ---- what became of it ---------------------------------------------------

    def reversal_of(self, request: dict) -> Told:
        return self._about(request, "reverse")

    def inquire(self, request: dict) -> Finding:
        told = self._about(request, "inquire")
        if told.told != "good":
            return Finding(by=told.serial)
        state = codes.INQUIRY_STATES.get(told.out["state"], "")
        return Finding(state, self._original(request, told), told.serial)

    def ask_about(self, request: dict) -> Told:
        """Return what the gateway says of a request, as it stands in the answer."""
        return self._about(request, "inquire")

    def _about(self, request: dict, operation: str) -> Told:
        values = {"VQ-PSN-NO": request.get("psn_no", ""),
                  "VQ-VISIT-NO": request.get("visit_no", ""),
                  "VQ-ORG-DATE": request["serial"][:8]}
        return self._desk.send(operation, request["institution"], request["centre"],
                               (values, []), original=request)

    def _original(self, request: dict, inquiry: Told) -> Told:
        """Return the outcome that the lost answer would have told."""
        found = inquiry.out
        told = Told("good", 0, "", request["serial"], found["original_centre_serial"],
                    acct_date=request.get("bus_date", ""))
        if found["state"] == local(codes.INQUIRY_STATES, "refused", "state"):
            told.told, told.code = "refused", codes.common_code(found["code"])
            return told
        try:
            body = bytes.fromhex(found.get("original_body", ""))
            if body or found["state"] == local(codes.INQUIRY_STATES, "posted", "state"):
                record = read_body_alone(request["code"], body)
                if record.bad:
                    raise Unreadable(record.bad[0])
                told.out = named(request["code"], record)
                check_output(OPERATION_OF[request["code"]], told.out, request["expected"])
        except (Unreadable, NotBelieved, KeyError) as error:
            told.told, told.text, told.out = "unknown", f"original not believed: {error}", {}
        return told

    def find_posting(self, request: dict) -> dict:
        finding = self.inquire(request)
        return finding.original.out if finding.original else {}

    # ---- lists ---------------------------------------------------------------

    def totals(self, institution: str, day: str) -> Told:
        asked = own_rows(self._books, day)
        rows = [{"TQ-INS-TYPE": local(codes.INSURANCE_TYPES, insutype, "insurance type"),
                 "TQ-CLR-CAT": local(codes.CLEARING_CATEGORIES, clearing, "clearing"),
                 "TQ-POS": row.pos, "TQ-NEG": row.neg, "TQ-TOTAL": row.total,
                 "TQ-FUND": row.fund, "TQ-ACCT": row.acct, "TQ-CASH": row.cash}
                for (insutype, clearing), row in asked.items()]
        told = self._desk.send("totals", institution, self._region, ({}, rows), bus_date=day)
        if told.told == "good":
            answered, results = {}, {}
            for row in told.out["rows"]:
                key = (codes.INSURANCE_TYPES.get(row["insurance"], row["insurance"]),
                       codes.CLEARING_CATEGORIES.get(row["clearing"], row["clearing"]))
                answered[key] = Row(*(row[name] for name in vars(Row())))
                results[key] = row["result"]
            told.out = compared(asked, answered, results)
        return told

    def day(self, institution: str, day: str) -> Told:
        """Fetch the day's file; without one yet, there are no rows and status says why."""
        told = self._desk.send("day", institution, self._region, (
            {"DQ-BUS-DATE": day, "DQ-KIND": DETAILS_KIND}, []))
        return self._with_rows(told, lambda: djz_reader.postings(self._files, told.out, day))

    def catalogue(self, institution: str, op: dict) -> Told:
        told = self._desk.send("catalogue", institution, self._region, (
            {"KQ-KIND": str(op["kind"]), "KQ-SINCE": op.get("since", "")}, []))
        return self._with_rows(told, lambda: djz_reader.items(self._files, told.out))

    @staticmethod
    def _with_rows(told: Told, read) -> Told:
        if told.told != "good":
            return told
        told.out["rows"] = []
        if told.out["status"] == READY:
            try:
                told.out["rows"] = read()
            except Unreadable as error:
                told.told, told.text = "unknown", f"file rejected: {error}"
        return told

    def filing(self, institution: str, op: dict) -> Told:
        values = {"GQ-PSN-NO": op["psn_no"], "GQ-NAME": op.get("name", ""),
                  "GQ-RGN": self._region, "GQ-HOSP": institution,
                  "GQ-DATE": op.get("date") or china_time.today()}
        return self._desk.send("filing", institution, op["area"], (values, []))

    def echo(self, institution: str) -> Told:
        return self._desk.beat(seconds_to_wait("echo"))

    def raw(self, data: bytes, seconds: float) -> tuple[bytes, str]:
        answer = self._client.raw(data, seconds)
        return answer, answer.decode("gbk", "replace")

    # ---- bodies --------------------------------------------------------------

    @staticmethod
    def _person(wanted: dict, rows: list) -> tuple[dict, list]:
        category = wanted["med_type"] and local(codes.MEDICAL_CATEGORIES, wanted["med_type"],
                                                "medical category")
        return {"PQ-KIND": _QUERY_KINDS.get(wanted["kind"], wanted["kind"]),
                "PQ-VALUE": wanted["value"], "PQ-NAME": wanted["name"],
                "PQ-MED-CAT": category, "PQ-DATE": wanted["date"]}, []

    @staticmethod
    def _register(wanted: dict, rows: list) -> tuple[dict, list]:
        return {"RQ-VISIT-NO": wanted["visit_no"], "RQ-PSN-NO": wanted["psn_no"],
                "RQ-NAME": wanted["name"],
                "RQ-INS-TYPE": local(codes.INSURANCE_TYPES, wanted["insutype"],
                                     "insurance type"),
                "RQ-MED-CAT": local(codes.MEDICAL_CATEGORIES, wanted["med_type"],
                                    "medical category"),
                "RQ-TIME": wanted["time"], "RQ-DIAG": wanted["diag"],
                "RQ-DIAG-NAME": wanted["diag_name"], "RQ-DEPT": wanted["dept"],
                "RQ-BED": wanted["bed"], "RQ-DR-CODE": wanted["doctor_code"],
                "RQ-DR-NAME": wanted["doctor"], "RQ-HOSP-NAME": wanted["hospital_name"],
                "RQ-FILING-NO": wanted["filing_no"]}, []

    @staticmethod
    def _named(wanted: dict, prefix: str) -> dict:
        return {f"{prefix}-CTR-VISIT": wanted["visit_id"],
                f"{prefix}-VISIT-NO": wanted["visit_no"]}

    def _cancel_register(self, wanted: dict, rows: list) -> tuple[dict, list]:
        return self._named(wanted, "RC"), []

    def _details(self, wanted: dict, rows: list) -> tuple[dict, list]:
        return self._named(wanted, "FQ") | {"FQ-SUM": wanted["sum"]}, [
            _fee(line, facts) for line, facts in rows]

    def _cancel_details(self, wanted: dict, rows: list) -> tuple[dict, list]:
        number = wanted["line_no"]
        everything = number == ALL_LINES
        return self._named(wanted, "FC") | {"FC-ALL": "Y" if everything else "N"}, (
            [] if everything else [{"FC-LINE-NO": number}])

    def _settle(self, wanted: dict, rows: list) -> tuple[dict, list]:
        reason = wanted["out_reason"]
        return self._named(wanted, "SQ") | {
            "SQ-PSN-NO": wanted["psn_no"], "SQ-BILL-NO": wanted["bill"],
            "SQ-MED-CAT": local(codes.MEDICAL_CATEGORIES, wanted["med_type"],
                                "medical category"),
            "SQ-TIME": wanted["time"], "SQ-OUT-TIME": wanted["out_time"],
            "SQ-OUT-REASON": reason and translate(DISCHARGE, reason, "discharge reason"),
            "SQ-OUT-DIAG": wanted["out_diag"], "SQ-OUT-DIAG-NAME": wanted["out_diag_name"],
            "SQ-ACCT-FLAG": codes.outward(codes.YES_NO, bool(wanted["use_acct"])),
            "SQ-MID-FLAG": codes.outward(codes.YES_NO, bool(wanted["mid"])),
            "SQ-HIS-TOTAL": wanted["total"]}, []

    _trial = _settle

    def _cancel_settlement(self, wanted: dict, rows: list) -> tuple[dict, list]:
        return self._named(wanted, "CQ") | {
            "CQ-PSN-NO": wanted["psn_no"], "CQ-ORG-SETL-NO": wanted["setl_id"],
            "CQ-BILL-NO": wanted["bill"], "CQ-TIME": wanted["time"],
            "CQ-REASON": wanted["reason"]}, []


def _fee(line: dict, facts: dict) -> dict:
    """Return a fee line's record."""
    full, pre, over, scope = facts["parts"]
    return {"FQ-LINE-NO": facts["line_no"], "FQ-RX-NO": line.get("rx_no", ""),
            "FQ-TIME": line.get("time") or china_time.stamp(),
            "FQ-HIS-CODE": his_code(line, facts), "FQ-HIS-NAME": facts["his_name"],
            "FQ-CTR-CODE": facts["item"],
            "FQ-CTR-NAME": facts["name"] if facts["item"] else "",
            "FQ-KIND": facts["kind"],
            "FQ-FEE-CAT": local(codes.FEE_CATEGORIES, facts["fee_cat"], "fee category"),
            "FQ-PRICE": facts["price_e4"], "FQ-QTY": facts["qty_e4"],
            "FQ-AMT": facts["amount"], "FQ-UNIT": line.get("unit", ""),
            "FQ-SPEC": line.get("spec", ""), "FQ-FORM": line.get("dosage_form", ""),
            "FQ-DEPT": line.get("dept", "内科"), "FQ-DR": line.get("doctor", "韦医"),
            "FQ-LEVEL": local(codes.LEVELS, facts["level"], "level"),
            "FQ-RATIO": facts["ratio_e4"], "FQ-FULLSELF": full, "FQ-PRESELF": pre,
            "FQ-OVERLMT": over, "FQ-INSCOPE": scope,
            "FQ-APPR-FLAG": "Y" if line.get("needs_approval") else "N",
            "FQ-APPR-NO": line.get("approval_no", "")}
