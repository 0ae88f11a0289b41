"""wuxian's side of what its hospitals do: documents out, documents in."""

from . import china_time, wuxian_dictionary as codes, wuxian_http as http
from .asking import CODES_UNDECIDED, NotCarried, Told, codes_not_posted
from .asking_books import AskingBooks
from .asking_desk import AskingDesk
from .asking_totals import compared, own_rows
from .belief import NotBelieved, check_output
from .clock import is_date
from .front import Finding
from .hospital_visit import ALL_LINES
from .fee_line import his_code
from .operations import OPERATION_OF, POSTING, WUXIAN, seconds_to_wait
from .totals import Row
from .wuxian_client import WuxianClient
from .wuxian_dictionary import NoSuchCode, leaving_reason, medical_category, outward
from .wuxian_layout import (ANSWER_HEAD, INPUTS, REQUEST_HEAD, BadField, read, write_fields,
                            write_values)
from .wuxian_outputs import named, national_person
from .wuxian_xml import CHARSET, Unreadable, envelope, inner_document, is_fault, write_request

POSTINGS_A_PAGE, ITEMS_A_PAGE = 200, 500
OPERATOR_NAME = "收费员"
NO_VISIT = "0"

NOT_POSTED = codes_not_posted("1007", "9101", "9102", "9103", "9201", "9202")
_STATUSES = {404: -1001, 405: -1001, 413: -1001, 415: -1001, 503: -9001}
_QUERY_KINDS = {"psn_no": "01", "certificate": "02", "card": "03"}


def judge(entry: dict, answer: http.Message) -> Told:
    """Turn an answer into an outcome; what cannot be read is unknown."""
    status = answer.status
    if status == 500 and is_fault(answer.body):
        return Told("refused", -1001, "Fault")
    if status != 200:
        code = _STATUSES.get(status)
        return Told("refused" if code else "unknown", code or 0, f"HTTP {status}")
    try:
        return _judge_document(entry, answer.body)
    except (Unreadable, BadField, NotBelieved) as error:
        return Told("unknown", 0, f"unreadable answer: {error}")


def _judge_document(entry: dict, body: bytes) -> Told:
    document = inner_document(body, "businessResponse", "businessReturn")
    if document.name != "RESPONSE":
        raise Unreadable(document.local)
    head = read(ANSWER_HEAD.plain, document.child("HEAD"))
    if (head["MSGNO"], head["MSGID"]) != (entry["code"], entry["serial"]):
        raise Unreadable("the answer to another request")
    told = Told("good", 0, head["ERRORMSG"], "", head["REFMSGID"],
                acct_date=head["OPTTIME"][:8])
    if head["RETURNNUM"] == "1" and head["ERRORCODE"] == "0000":
        output = document.child("OUTPUT")
        told.out = named(entry["code"], output)
        check_output(OPERATION_OF[entry["code"]], told.out, entry["expected"])
        original = output.child("ORGOUTPUT")
        if original.children:
            told.out["original"] = named(entry["original_code"], original)
        return told
    if not head["ERRORCODE"].isdecimal() or head["ERRORCODE"] == "0000":
        raise Unreadable(f"code {head['ERRORCODE']}")
    told.code = -int(head["ERRORCODE"])
    final = head["RETURNNUM"] == "-1" and (told.code in NOT_POSTED or (
        OPERATION_OF[entry["code"]] not in POSTING and told.code not in CODES_UNDECIDED))
    told.told = "refused" if final else "unknown"
    return told


class Desk(AskingDesk):
    """The one place from which documents leave."""

    def __init__(self, client: WuxianClient, books: AskingBooks, region: str, operator: str,
                 grant: str, scale: float = 1.0):
        super().__init__(books, scale)
        self._client = client
        self._region = region
        self._operator = operator
        self._grant = grant

    def send(self, operation: str, institution: str, area: str, composed: tuple,
             original: dict | None = None, expected: dict | None = None, **facts) -> Told:
        """Send a request; `original` is the one that a reversal or inquiry speaks of."""
        serial = self.books.next_serial(institution)
        code = WUXIAN[operation]
        values, rows = composed
        head = {"MSGNO": code, "MSGID": serial, "JYFX": "1", "AAB301": self._region,
                "AAA027": area, "AKB020": institution, "AAC001": facts.get("psn_no", ""),
                "OPERID": self._operator, "OPERNAME": OPERATOR_NAME,
                "OPTTIME": china_time.stamp(), "GRANTID": self._grant}
        if original:
            head |= {"ORGMSGNO": original["code"], "ORGMSGID": original["serial"]}
            facts |= {"original": original["serial"], "original_code": original["code"]}
        body = envelope("business", "inputXml", write_request(
            write_fields(REQUEST_HEAD.plain, head), write_values(INPUTS[code], values, rows)))
        return self.dispatch(serial, http.request(self._client.host, body),
                             operation in POSTING, code=code, cycle="",
                             institution=institution, centre=area, lines=len(rows or ()),
                             expected=expected or {}, **facts)

    def exchange(self, entry: dict, fresh: bool) -> Told:
        seconds = seconds_to_wait(OPERATION_OF[entry["code"]], entry["lines"]) * self.scale
        return judge(entry, self._client.exchange(bytes.fromhex(entry["line"]), seconds))


class WuxianFront:
    """Turns what is wanted into documents."""

    codes = WUXIAN

    def __init__(self, desk: Desk, client: WuxianClient, books: AskingBooks, region: str):
        self._desk = desk
        self._client = client
        self._books = books
        self._region = region

    def compose(self, operation: str, wanted: dict, rows: list) -> tuple[dict, list | None]:
        try:
            return getattr(self, "_" + operation)(wanted, rows)
        except NoSuchCode as error:
            raise NotCarried(f"{operation}: {error} cannot be carried") from error

    def send(self, operation: str, institution: str, area: str, composed: tuple,
             **facts) -> Told:
        if operation == "register":
            facts["expected"] = {"visit_no": facts["visit_no"]}
        return self._desk.send(operation, institution, area, composed, **facts)

    def national_person(self, out: dict) -> dict:
        return national_person(out)

    # ---- what became of it ---------------------------------------------------

    def reversal_of(self, request: dict) -> Told:
        return self._about(request, "reverse", {"AAC001": request.get("psn_no", "")})

    def inquire(self, request: dict) -> Finding:
        told = self._about(request, "inquire", {})
        if told.told != "good":
            return Finding(by=told.serial)
        state = codes.INQUIRY_STATES.get(told.out["state"], "")
        return Finding(state, self._original(request, told), told.serial)

    def _about(self, request: dict, operation: str, values: dict) -> Told:
        values |= {"AKC190": request.get("visit_no") or NO_VISIT,
                   "ORGDATE": request["serial"][12:20]}
        return self._desk.send(operation, request["institution"], request["centre"],
                               (values, None), original=request)

    @staticmethod
    def _original(request: dict, inquiry: Told) -> Told:
        """Return the outcome that the lost answer would have told."""
        found = inquiry.out
        serial = found["original_centre_serial"]
        day = serial[12:20] if is_date(serial[12:20]) else request["serial"][12:20]
        told = Told("good", 0, "", request["serial"], serial, acct_date=day)
        if found["return"] == "-1":
            told.told, told.code = "refused", -int(found["code"] or 0)
            return told
        try:
            told.out = found.get("original", {})
            check_output(OPERATION_OF[request["code"]], told.out, request["expected"])
        except (NotBelieved, KeyError) as error:
            told.told, told.text, told.out = "unknown", f"original not believed: {error}", {}
        return told

    def find_posting(self, request: dict) -> dict:
        finding = self.inquire(request)
        return finding.original.out if finding.original else {}

    # ---- lists ---------------------------------------------------------------

    def totals(self, institution: str, day: str) -> Told:
        asked = own_rows(self._books, day)
        rows = [{"AAE140": outward(codes.INSURANCE_TYPES, insutype),
                 "QSLB": outward(codes.CLEARING_CATEGORIES, clearing), "POSNUM": row.pos,
                 "NEGNUM": row.neg, "AKC264": row.total, "AKC260": row.fund,
                 "AKC255": row.acct, "AKC261": row.cash}
                for (insutype, clearing), row in asked.items()]
        told = self._desk.send("totals", institution, self._region, (
            {"AAE041": day, "AAE042": day, "ROWNUM": len(rows)}, rows))
        if told.told == "good":
            answered, results = {}, {}
            for row in told.out["rows"]:
                key = (codes.INSURANCE_TYPES.get(row["insurance"], row["insurance"]),
                       row["clearing"])
                answered[key] = Row(*(row[name] for name in vars(Row())))
                results[key] = row["result"]
            told.out = compared(asked, answered, results)
        return told

    def day(self, institution: str, day: str) -> Told:
        return self._pages("day", institution, {"AAE041": day}, POSTINGS_A_PAGE)

    def catalogue(self, institution: str, op: dict) -> Told:
        values = {"AKE003": str(op["kind"]), "AAE036": op.get("since", "")}
        return self._pages("catalogue", institution, values, ITEMS_A_PAGE)

    def _pages(self, operation: str, institution: str, values: dict, size: int) -> Told:
        """Ask for a list page after page; return all its rows at once."""
        rows, page = [], 1
        while True:
            told = self._desk.send(operation, institution, self._region, (
                values | {"PAGENO": page, "PAGESIZE": size}, None))
            if told.told != "good":
                return told
            rows += told.out["rows"]
            if told.out["last"] == "1" or not told.out["rows"]:
                told.out = {k: v for k, v in told.out.items() if k in ("count", "version")}
                told.out["rows"] = rows
                return told
            page += 1

    def filing(self, institution: str, op: dict) -> Told:
        values = {"AAC001": op["psn_no"], "AAC003": op.get("name", ""),
                  "AAB301": self._region, "AKB020": institution,
                  "AAE030": op.get("date") or china_time.today()}
        return self._desk.send("filing", institution, op["area"], (values, None))

    def echo(self, institution: str) -> Told:
        return self._desk.send("echo", institution, self._region, ({"ECHO": "回声"}, None))

    def raw(self, data: bytes, seconds: float) -> tuple[bytes, str]:
        answer = self._client.exchange(data, seconds)
        return answer.raw, answer.raw.decode(CHARSET, "replace")

    # ---- inputs --------------------------------------------------------------

    @staticmethod
    def _person(wanted: dict, rows: list) -> tuple[dict, None]:
        category = medical_category(wanted["med_type"]) if wanted["med_type"] else ""
        return {"BKA895": _QUERY_KINDS.get(wanted["kind"], wanted["kind"]),
                "BKA896": wanted["value"], "AAC003": wanted["name"], "AKA130": category,
                "AAE030": wanted["date"]}, None

    @staticmethod
    def _register(wanted: dict, rows: list) -> tuple[dict, None]:
        return {"AKC190": wanted["visit_no"], "AAC001": wanted["psn_no"],
                "AAC003": wanted["name"],
                "AAE140": outward(codes.INSURANCE_TYPES, wanted["insutype"]),
                "AKA130": medical_category(wanted["med_type"]), "AKC192": wanted["time"],
                "AKC193": wanted["diag"], "BKZ101": wanted["diag_name"],
                "BKA020": wanted["dept"], "AKE020": wanted["bed"],
                "AKE021": wanted["doctor_code"], "AKE022": wanted["doctor"],
                "AKB021": wanted["hospital_name"], "BAH": wanted["filing_no"],
                "AAE011": wanted["operator"]}, None

    @staticmethod
    def _named(wanted: dict) -> dict:
        return {"AAZ217": wanted["visit_id"], "AKC190": wanted["visit_no"]}

    def _cancel_register(self, wanted: dict, rows: list) -> tuple[dict, None]:
        return self._named(wanted) | {"AAE011": wanted["operator"]}, None

    def _details(self, wanted: dict, rows: list) -> tuple[dict, list]:
        return self._named(wanted) | {"ROWNUM": wanted["count"], "AKC264": wanted["sum"]}, [
            _fee(line, facts) for line, facts in rows]

    def _cancel_details(self, wanted: dict, rows: list) -> tuple[dict, list | None]:
        number = {"AAZ213": wanted["line_no"]}
        if wanted["line_no"] == ALL_LINES:
            return self._named(wanted) | {"ROWNUM": 0} | number, None
        return self._named(wanted) | {"ROWNUM": 1}, [number]

    def _settle(self, wanted: dict, rows: list) -> tuple[dict, None]:
        reason = wanted["out_reason"]
        return self._named(wanted) | {
            "AAC001": wanted["psn_no"], "AAC003": wanted["name"],
            "AKA130": medical_category(wanted["med_type"]), "AAE072": wanted["bill"],
            "AAE040": wanted["time"], "AKC194": wanted["out_time"],
            "AKC195": leaving_reason(reason) if reason else "",
            "AKC196": wanted["out_diag"], "BKZ102": wanted["out_diag_name"],
            "ZHSYBZ": str(wanted["use_acct"]), "ZTJSBZ": str(wanted["mid"]),
            "AKC264": wanted["total"], "AAE011": wanted["operator"]}, None

    _trial = _settle

    def _cancel_settlement(self, wanted: dict, rows: list) -> tuple[dict, None]:
        return self._named(wanted) | {
            "AAC001": wanted["psn_no"], "AAZ216": wanted["setl_id"],
            "AAE072": wanted["bill"], "AAE040": wanted["time"], "AAE013": wanted["reason"],
            "AAE011": wanted["operator"]}, None


def _fee(line: dict, facts: dict) -> dict:
    """Return a row of a fee line."""
    full, pre, over, scope = facts["parts"]
    return {"AAZ213": facts["line_no"], "AKC220": line.get("rx_no", ""),
            "AKC221": line.get("time") or china_time.stamp(),
            "AKC515": his_code(line, facts), "AKC516": facts["his_name"],
            "AKC222": facts["item"], "AKC223": facts["name"] if facts["item"] else "",
            "AKE003": facts["kind"],
            "AKA063": outward(codes.FEE_CATEGORIES, facts["fee_cat"]),
            "AKC225": facts["price_e4"], "AKC226": facts["qty_e4"],
            "AKC227": facts["amount"], "AKA067": line.get("unit", ""),
            "AKA074": line.get("spec", ""), "AKA070": line.get("dosage_form", ""),
            "AKE022": line.get("doctor", "韦医"),
            "AKA065": outward(codes.LEVELS, facts["level"]), "AKA069": facts["ratio_e4"],
            "AKC253": full, "AKC228": pre, "AKC268": over, "BKC042": scope,
            "SPBZ": str(line.get("needs_approval", 0)), "AAE073": line.get("approval_no", "")}
