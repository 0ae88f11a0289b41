"""The national interface's side of what its hospitals do: envelopes out, envelopes in.

What the interface's text has no place for and an insurer needs all the same (the hospital's own visit number, the treatment
place's classification of a line) travels as members beside: the text lets regions add them.
"""

import json

from . import china_time, wuxian_http as http
from .asking import NotCarried, Told
from .asking_books import AskingBooks
from .asking_desk import AskingDesk
from .asking_totals import compared, own_postings, own_rows
from .belief import check_output
from .data import catalogue
from .fee_line import his_code
from .hospital_visit import ALL_LINES, visit_of
from .money import INPATIENT_MED_TYPES, format_e4, format_yuan
from .operations import OPERATION_OF, PLATFORM, PLATFORM_INPATIENT, POSTING, SETTLING, seconds_to_wait
from .platform_desk import ENDPOINT, SHARES, amount, long_date, long_time, write, yuan
from .platform_files import packed, unpacked
from .platform_paths import NUMBERS, path_of
from .refusals import Refusal
from .totals import Row
from .wuxian_client import WuxianClient

OPERATOR_NAME = "收费员"
GOOD, OPEN = "0", "-1"
_QUERY_KINDS = {"psn_no": "04", "certificate": "02", "card": "03"}
RESULT = ("psn_no", "mdtrt_id", "setl_id", "msgid", "stmt_rslt", "refd_setl_flag", "memo", "total", "fund", "acct")
_LEVELS = {"A": "01", "B": "02", "C": "03"}


def judge(entry: dict, answer: http.Message) -> Told:
    """Turn an answer into an outcome; what cannot be read is unknown."""
    if answer.status != 200:
        return Told("unknown", 0, f"HTTP {answer.status}")
    if answer.headers.get("content-type") == "application/octet-stream":
        return Told("good", out={"file": answer.body.hex()})
    try:
        envelope = json.loads(answer.body, parse_float=str, parse_int=str)
        return _judge_envelope(entry, envelope)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, Refusal) as error:
        return Told("unknown", 0, f"unreadable answer: {error!r}")


def _judge_envelope(entry: dict, envelope: dict) -> Told:
    code, text = str(envelope["infcode"]), envelope.get("err_msg") or ""
    told = Told("good", 0, text, "", envelope["inf_refmsgid"], acct_date=envelope["inf_refmsgid"][6:14])
    if code == OPEN:
        told.told, told.code = "unknown", -1
    elif code != GOOD:
        told.told, told.code = "refused", int(code)
    else:
        told.out = named(entry, envelope["output"])
        check_output(OPERATION_OF[entry["code"]], told.out, entry["expected"])
    return told


def named(entry: dict, output: dict) -> dict:
    """Return an output under the names that all asking systems use; amounts in fen."""
    operation = OPERATION_OF[entry["code"]]
    if operation in SETTLING:
        found = output["setlinfo"]
        return {"setl_id": found.get("setl_id") or "", "cancelled_id": found.get("org_setl_id") or "",
                "bill": found.get("invono") or "", **{share: amount(found[name]) for name, share in SHARES.items()}}
    if operation == "person":
        first = min(output["insuinfo"], key=lambda one: ("310", "390", one["insutype"]).index(one["insutype"]))
        return {**output["baseinfo"], **first, "name": output["baseinfo"]["psn_name"]}
    if operation == "register":
        found = output.get("data") or output["result"]
        return {"visit_id": found["mdtrt_id"], "visit_no": found.get("ipt_otp_no") or entry["visit_no"]}
    if operation == "details":
        return {"count": len(output["result"]), "sum": sum(amount(row["det_item_fee_sumamt"]) for row in output["result"])}
    if operation == "cancel_details":
        return {"removed": int(output["data"]["feedetl_cnt"])}
    if operation == "reverse":
        return {"result": "1"}
    return output


class Desk(AskingDesk):
    """The one place from which envelopes leave."""

    def __init__(self, client: WuxianClient, books: AskingBooks, region: str, operator: str, scale: float = 1.0,
                 own_paths: bool = False):
        super().__init__(books, scale)
        self._own_paths = own_paths
        self._client = client
        self._region = region
        self._operator = operator

    def send(self, infno: str, institution: str, area: str, given: dict, expected: dict | None = None,
             file: bytes | None = None, **facts) -> Told:
        """Send a request under a message id of its own, in a form if a file goes with it."""
        serial = self.books.next_serial(institution)
        number = NUMBERS.get(infno, infno) if self._own_paths else infno
        path = path_of(number) if self._own_paths else ENDPOINT
        envelope = {
            "infno": number, "msgid": serial, "mdtrtarea_admvs": self._region, "insuplc_admdvs": area,
            "recer_sys_code": "MBS_LOCAL", "dev_no": "", "dev_safe_info": "", "cainfo": "", "signtype": "",
            "infver": "V1.0", "opter_type": "1", "opter": self._operator, "opter_name": OPERATOR_NAME,
            "inf_time": long_time(china_time.stamp()), "fixmedins_code": institution,
            "fixmedins_name": f"测试医院{institution[-4:]}", "sign_no": "1", "input": given}
        return self.dispatch(serial, posted(self._client.host, path, write(envelope), file), OPERATION_OF[infno] in POSTING,
                             code=infno, cycle="", institution=institution, centre=area, lines=0,
                             expected=expected or {}, **facts)

    def exchange(self, entry: dict, fresh: bool) -> Told:
        seconds = seconds_to_wait(OPERATION_OF[entry["code"]], 500) * self.scale
        return judge(entry, self._client.exchange(bytes.fromhex(entry["line"]), seconds))


def posted(host: str, path: str, body: bytes, file: bytes | None = None) -> bytes:
    """Return the HTTP request that carries an envelope, alone or with a file."""
    content_type = "application/json;charset=utf-8"
    if file is not None:
        content_type = 'multipart/form-data; boundary="--of the test--"'
        head = b'----of the test--\r\nContent-Disposition: form-data; name="'
        body = (head + b'file"; filename="x.zip"\r\nContent-Type: application/zip\r\n\r\n' + file + b"\r\n"
                + head + b'jsonStr"\r\n\r\n' + body + b"\r\n----of the test----\r\n")
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body


class PlatformFront:
    """Turns what is wanted into inputs of the interface."""

    codes = PLATFORM

    def __init__(self, desk: Desk, client: WuxianClient, books: AskingBooks, region: str):
        self._desk = desk
        self._client = client
        self._books = books
        self._region = region
        self._catalogue = catalogue(region)

    def compose(self, operation: str, wanted: dict, rows: list) -> tuple[str, dict]:
        """Return number and input of a request; in-patient visits have numbers of their own."""
        numbers = PLATFORM_INPATIENT if self._is_inpatient(wanted) else PLATFORM
        return numbers[operation], getattr(self, "_" + operation)(wanted, rows)

    def send(self, operation: str, institution: str, area: str, composed: tuple, **facts) -> Told:
        infno, given = composed
        if operation == "register":
            facts["expected"] = {"visit_no": facts["visit_no"]}
        return self._desk.send(infno, institution, area, given, **facts)

    def _is_inpatient(self, wanted: dict) -> bool:
        if wanted.get("med_type"):
            return wanted["med_type"] in INPATIENT_MED_TYPES
        return any(entry["code"] == PLATFORM_INPATIENT["register"] and entry.get("visit_no") == wanted.get("visit_no")
                   for entry in self._books.everything())

    def national_person(self, out: dict) -> dict:
        return {name: out.get(name, "") for name in ("gend", "insutype", "psn_insu_stas", "psn_type", "psn_cert_type")}

    # ---- what became of it ---------------------------------------------------------------------------------------

    def reversal_of(self, request: dict) -> Told:
        return self._desk.send(PLATFORM["reverse"], request["institution"], request["centre"], {"data": {
            "psn_no": request.get("psn_no", ""), "omsgid": request["serial"], "oinfno": request["code"]}},
            original=request["serial"])

    def find_posting(self, request: dict) -> dict:
        return {}

    # ---- lists ---------------------------------------------------------------------------------------------------

    def totals(self, institution: str, day: str) -> Told:
        """Ask 3201 for each kind of insurance and clearing, as the text wants it; the answer has a word and no figures."""
        asked, results = own_rows(self._books, day), {}
        told = Told("good")
        for (insutype, clearing), row in asked.items():
            told = self._desk.send(PLATFORM["totals"], institution, self._region, {"data": {
                "insutype": insutype, "clr_type": clearing, "setl_optins": self._region,
                "stmt_begndate": long_date(day), "stmt_enddate": long_date(day), "medfee_sumamt": yuan(row.total),
                "fund_pay_sumamt": yuan(row.fund), "acct_pay": yuan(row.acct), "fixmedins_setl_cnt": row.pos - row.neg}})
            if told.told != "good":
                return told
            results[insutype, clearing] = told.out["stmtinfo"]["stmt_rslt"]
        same = {key: row if results[key] == "0" else Row() for key, row in asked.items()}
        told.out = compared(asked, same, results)
        return told

    def day(self, institution: str, day: str) -> Told:
        """Upload what was posted, have it compared, fetch the result: a row for each settlement of either side."""
        own = [self._table_row(posting) for posting in own_postings(self._books, day)]
        told = self._desk.send(PLATFORM["upload"], institution, self._region, {"fsUploadIn": {
            "filename": "own.zip", "fixmedins_code": institution}}, file=packed("own.txt", own))
        if told.told != "good":
            return told
        sums = {name: sum(amount(row[at]) for row in own) for at, name in ((3, "medfee_sumamt"), (4, "fund_pay_sumamt"))}
        told = self._desk.send(PLATFORM["day"], institution, self._region, {"data": {
            "setl_optins": self._region, "file_qury_no": told.out["file_qury_no"], "stmt_begndate": long_date(day),
            "stmt_enddate": long_date(day), "fixmedins_setl_cnt": len(own), "cash_payamt": 0,
            **{name: yuan(fen) for name, fen in sums.items()}}})
        if told.told != "good":
            return told
        told = self._desk.send(PLATFORM["download"], institution, self._region, {"fsDownloadIn": {
            **{name: told.out["fileinfo"][name] for name in ("file_qury_no", "filename")}, "fixmedins_code": institution}})
        if told.told == "good":
            rows = unpacked(bytes.fromhex(told.out["file"]))
            told.out = {"own": len(own), "rows": [dict(zip(RESULT, row, strict=True)) for row in rows]}
        return told

    def _table_row(self, posting: dict) -> list[str]:
        entry = self._books.find(posting["serial"])
        visit = visit_of(self._books, entry["institution"], entry["visit_no"])
        return [posting["setl_id"], visit.visit_id, entry["psn_no"], *(format_yuan(posting[n]) for n in ("total", "fund", "acct")),
                "1" if posting["kind"] == "cancel" else "0"]

    def catalogue(self, institution: str, op: dict) -> Told:
        raise NotCarried("catalogues travel as files")

    def filing(self, institution: str, op: dict) -> Told:
        raise NotCarried("filings are not asked for")

    def echo(self, institution: str) -> Told:
        return self._desk.send(PLATFORM["sign_in"], institution, "", {"signIn": {"opter_no": "1", "mac": "x", "ip": "x"}})

    def raw(self, data: bytes, seconds: float) -> tuple[bytes, str]:
        answer = self._client.exchange(data, seconds)
        return answer.raw, answer.raw.decode("utf-8", "replace")

    # ---- inputs --------------------------------------------------------------------------------------------------

    @staticmethod
    def _person(wanted: dict, rows: list) -> dict:
        return {"data": {"mdtrt_cert_type": _QUERY_KINDS.get(wanted["kind"], wanted["kind"]), "mdtrt_cert_no": wanted["value"],
                         "psn_name": wanted["name"], "med_type": wanted["med_type"], "begntime": long_date(wanted["date"])}}

    def _register(self, wanted: dict, rows: list) -> dict:
        common = {"psn_no": wanted["psn_no"], "psn_name": wanted["name"], "insutype": wanted["insutype"],
                  "med_type": wanted["med_type"], "begntime": long_time(wanted["time"]), "mdtrt_cert_type": "02",
                  "mdtrt_cert_no": wanted["psn_no"], "atddr_no": wanted["doctor_code"]}
        if wanted["med_type"] in INPATIENT_MED_TYPES:
            return {"mdtrtinfo": {**common, "ipt_no": wanted["visit_no"], "chfpdr_name": wanted["doctor"],
                                  "adm_dept_name": wanted["dept"], "adm_bed": wanted["bed"],
                                  "dscg_maindiag_code": wanted["diag"], "dscg_maindiag_name": wanted["diag_name"]}}
        return {"data": {**common, "ipt_otp_no": wanted["visit_no"], "dr_name": wanted["doctor"], "dept_code": "1",
                         "dept_name": wanted["dept"], "caty": "1", "dise_codg": wanted["diag"],
                         "dise_name": wanted["diag_name"]}}

    def _of_visit(self, wanted: dict) -> dict:
        person = next((entry["psn_no"] for entry in self._books.everything()
                       if entry.get("visit_no") == wanted["visit_no"] and entry.get("psn_no")), "")
        return {"mdtrt_id": wanted["visit_id"], "psn_no": wanted.get("psn_no") or person, "ipt_otp_no": wanted["visit_no"]}

    def _insurance_of(self, wanted: dict) -> str:
        return next((entry["insutype"] for entry in self._books.everything()
                     if entry.get("visit_no") == wanted["visit_no"] and entry.get("insutype")), "310")

    def _cancel_register(self, wanted: dict, rows: list) -> dict:
        return {"data": self._of_visit(wanted)}

    def _details(self, wanted: dict, rows: list) -> dict:
        visit = self._of_visit(wanted)
        return {"feedetail": [{**visit, **self._fee(line, facts)} for line, facts in rows]}

    def _cancel_details(self, wanted: dict, rows: list) -> dict:
        number = {} if wanted["line_no"] == ALL_LINES else {"feedetl_sn": wanted["line_no"]}
        return {"data": {**self._of_visit(wanted), "chrg_bchno": "0000", **number}}

    def _settle(self, wanted: dict, rows: list) -> dict:
        leaving = {"endtime": long_time(wanted["out_time"]), "dscg_way": wanted["out_reason"],
                   "dscg_maindiag_code": wanted["out_diag"], "dscg_maindiag_name": wanted["out_diag_name"]}
        return {"data": {
            **self._of_visit(wanted), "insutype": self._insurance_of(wanted), "mdtrt_cert_type": "02", "mdtrt_cert_no": wanted["psn_no"],
            "med_type": wanted["med_type"], "medfee_sumamt": yuan(wanted["total"]), "psn_setlway": "01", "chrg_bchno": "0000",
            "acct_used_flag": str(wanted["use_acct"]), "mid_setl_flag": str(wanted["mid"]), "invono": wanted["bill"],
            "setl_time": long_time(wanted["time"]), **(leaving if wanted["out_time"] else {})}}

    _trial = _settle

    def _cancel_settlement(self, wanted: dict, rows: list) -> dict:
        return {"data": {**self._of_visit(wanted), "setl_id": wanted["setl_id"], "invono": wanted["bill"],
                         "setl_time": long_time(wanted["time"]), "memo": wanted["reason"]}}

    def _fee(self, line: dict, facts: dict) -> dict:
        """Return a fee line; its classification by the place of treatment travels beside what the text has."""
        full, pre, over, scope = facts["parts"]
        item = self._catalogue.get(facts["item"])
        return {"feedetl_sn": facts["line_no"], "chrg_bchno": "0000", "rx_circ_flag": "0",
                "fee_ocur_time": long_time(line.get("time") or china_time.stamp()),
                "med_list_codg": item.national if item else "", "medins_list_codg": his_code(line, facts),
                "det_item_fee_sumamt": yuan(facts["amount"]), "cnt": format_e4(facts["qty_e4"]),
                "pric": format_e4(facts["price_e4"]), "hosp_appr_flag": "1", "bilg_dept_name": "内科", "bilg_dr_name": "韦医",
                "medins_list_name": facts["his_name"], "med_list_name": facts["name"] if item else "",
                "item_kind": facts["kind"], "med_chrgitm_type": facts["fee_cat"], "chrgitm_lv": _LEVELS[facts["level"]],
                "selfpay_prop": format_e4(facts["ratio_e4"]), "fulamt_ownpay_amt": yuan(full), "preselfpay_amt": yuan(pre),
                "overlmt_amt": yuan(over), "inscp_scp_amt": yuan(scope)}
