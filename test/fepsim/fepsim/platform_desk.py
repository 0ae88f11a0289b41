"""The desk of the platform: each envelope from its checks to its answer.

A message id is used once: a second message under it is refused, whatever it holds (the interface says nothing of repeats).
What a settlement was is found out by 5203 only, and undone by 2601 under the original's id and number.

Beside the visit numbers ZZnn of all stand-ins the control socket's `fault` plans what happens to the next posting:
no_envelope, html, plain_text, no_infcode, half, twice, drop_before, drop_after, status_500, minus_one_after, wrong_type,
drop_information (of 2203A); and, sealed,
unsealed and missealed (posted, its good answer without a seal or with a wrong one) and forged (not posted, a good answer
without a seal).
"""

import decimal
import hashlib
import json
import sys
import traceback
from collections.abc import Callable
from typing import Protocol

from . import data
from .books import Key
from .clock import Clock
from .counter import Counter, Prepared
from .insurer import Insurer
from .manners import Manner, after
from .money import Shares
from .platform_files import Files
from .platform_paths import BASELINE, PATHS, path_of
from .platform_seal import Digits, NotSealed, Seal
from .refusals import UNDECIDED, Refusal
from .totals import clearing_category
from .requests import Cancel, CancelDetails, Details, Line, Origin, Register, Reverse, Settle, VisitRef

ENDPOINT = "/fsi/api/rsfComIfsService/callService"
REVERSIBLE = frozenset({"2207", "2208", "2304", "2305", "2401"})
ENVELOPE = ("infno", "msgid", "mdtrtarea_admvs", "infver", "opter_type", "opter", "opter_name", "inf_time",
            "fixmedins_code", "fixmedins_name", "recer_sys_code")
LEVELS = {"01": "A", "02": "B", "03": "C"}
SHARES = {"medfee_sumamt": "total", "fund_pay_sumamt": "fund", "acct_pay": "acct", "psn_cash_pay": "cash",
          "hifp_pay": "pool", "hifob_pay": "large", "hifmi_pay": "illness", "cvlserv_pay": "civil",
          "hifes_pay": "corp", "maf_pay": "aid", "oth_pay": "other", "fulamt_ownpay_amt": "full",
          "preselfpay_amt": "pre", "overlmt_selfpay": "over", "inscp_scp_amt": "scope", "act_pay_dedc": "dedc",
          "balc": "balance"}
FAULTS = frozenset({"no_envelope", "html", "plain_text", "no_infcode", "half", "twice", "drop_before", "drop_after",
                    "status_500", "minus_one_after", "wrong_type", "drop_information", "unsealed", "missealed", "forged"})


class Numbers:
    """Numbers as Guangxi's platform has them: area, G, serial."""

    def __init__(self, region: str):
        self._region = region

    def visit_id(self, stamp: str, n: int) -> str:
        return f"{self._region}G{stamp[:8]}{n:09d}"

    def settlement_id(self, stamp: str, n: int) -> str:
        return f"{self._region}S{stamp[:8]}{n:09d}"

    def receiver_serial(self, stamp: str, n: int) -> str:
        return f"{self._region}{stamp}{n:010d}"

    def twin_serial(self, serial: str, n: int) -> str:
        return f"{serial[:12]}9{n:017d}"


class Exchange(Protocol):
    """What the desk needs of a connection on which one request came."""

    status: int
    content_type: str
    times: int

    def deliver(self, body: bytes, manner: Manner) -> None: ...


def yuan(fen: int) -> float:
    """Return an amount that `write` puts down with two decimals."""
    return _Yuan(fen)


class _Yuan(float):
    """Fen, written as yuan."""

    def __new__(cls, fen: int):
        made = super().__new__(cls, fen / 100)
        made.fen = fen
        return made

    def __repr__(self) -> str:
        return f"{'-' if self.fen < 0 else ''}{abs(self.fen) // 100}.{abs(self.fen) % 100:02d}"


def write(value) -> bytes:
    """Return JSON; amounts keep their two decimals."""
    return _text(value).encode()


def _text(value) -> str:
    if isinstance(value, _Yuan):
        return repr(value)
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_text(inside)}" for name, inside in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_text(inside) for inside in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def amount(value, scale: int = 2) -> int:
    """Read a decimal exactly; empty is nothing."""
    if value in (None, ""):
        return 0
    try:
        units = decimal.Decimal(str(value)) * 10 ** scale
    except decimal.InvalidOperation:
        raise Refusal("1003", "金额") from None
    if units != units.to_integral_value():
        raise Refusal("1003", "小数位")
    return int(units)


class Desk:
    """Serves envelopes against one insurer."""

    def __init__(self, insurer: Insurer, clock: Clock, slow_seconds: float, sign_in: str = "ignored",
                 seal: Seal | None = None, own_paths: bool = False):
        self.insurer = insurer
        self.clock = clock
        self.seen: list[dict] = []  # every envelope, as it came
        self.headers: dict[str, str] = {}  # of the last request
        self.seal = seal
        self._needs_sign_in, self._needs_token = sign_in == "needed", sign_in == "bearer"
        self.files = Files(insurer.region)
        self._own_paths = own_paths
        self.informed: set[str] = set()  # visits whose information came
        self.wants_information = own_paths
        self.catalogue_copies = 1  # of each item, to make a large file
        self._signed: set[str] = set()
        self._fault = ""
        self._counter = Counter(insurer, slow_seconds, lambda seconds, work: after(seconds, work))

    def is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Check what a gateway in front checks."""
        try:
            if self._needs_token and b'"9001"' not in body[:200]:
                return headers.get("authorization", "").removeprefix("Bearer ") in self._signed
            if self.seal is not None:
                self.seal.check_headers(headers, body)
        except NotSealed:
            return False
        return True

    def sign_all_out(self) -> int:
        """Forget every sign-in, as a restart would; return how many there were."""
        count = len(self._signed)
        self._signed.clear()
        return count

    def plan_fault(self, fault: str) -> str:
        """Let the next posting meet this fault."""
        if fault and fault not in FAULTS:
            raise ValueError(fault)
        self._fault = fault
        return fault

    def has_path(self, path: str) -> bool:
        """Tell whether anything is served there."""
        return path in map(path_of, PATHS) if self._own_paths else path == ENDPOINT

    def _take_number(self, envelope: dict, path: str) -> None:
        """Where each transaction has its path, the number must fit; it becomes the baseline's."""
        number = str(envelope.get("infno"))
        if self._own_paths and path_of(number) != path:
            raise Refusal("1002", f"{number} {path}")
        envelope["infno"] = BASELINE.get(number, number) if self._own_paths else number

    def receive(self, body: bytes, exchange: Exchange, path: str = ENDPOINT) -> None:
        """Take one envelope; its answer is delivered now or later, or never."""
        try:
            body = self.seal.open(body, "input") if self.seal is not None else body
            envelope = json.loads(body, parse_float=str, parse_int=str)
            given = envelope["input"]
            envelope["input"] = json.loads(given, parse_float=str, parse_int=str) if isinstance(given, str) else given
        except NotSealed:
            exchange.deliver(self.closed(write({"infcode": -9002, "err_msg": "验签失败"})), Manner.PLAIN)
            return
        except (ValueError, KeyError, TypeError):
            exchange.deliver(self.closed(write({"infcode": -1, "err_msg": "报文不是JSON"})), Manner.PLAIN)
            return
        self.seen.append(envelope)
        talk = Talk(self, envelope, exchange)
        talk.guard(lambda: self._receive(talk, path))

    def closed(self, plain: bytes) -> bytes:
        """Return an answer as it travels."""
        return self.seal.seal(plain, "output") if self.seal is not None else plain

    def _receive(self, talk: "Talk", path: str) -> None:
        self._take_number(talk.envelope, path)
        talk.infno = str(talk.envelope["infno"])
        missing = [name for name in ENVELOPE if talk.envelope.get(name) in (None, "")]
        if missing:
            raise Refusal("1003", missing[0])
        if talk.infno not in ANSWERS and talk.infno not in POSTINGS and talk.infno != "9102":
            raise Refusal("1002", talk.infno)
        if self._needs_sign_in and talk.infno != "9001" and talk.envelope.get("sign_no") not in self._signed:
            raise Refusal("9001", "未签到")
        if talk.infno in POSTINGS:
            self._take_posting(talk)
            return
        if talk.infno == "2203A" and self._fault == "drop_information":
            self.take_fault()
            talk.exchange.deliver(b"", Manner.DROP)
            return
        if talk.infno == "9102":
            exchange = talk.exchange
            body = self.files.download(talk.input["fsDownloadIn"])
            exchange.content_type = "application/octet-stream"
            exchange.deliver(body, Manner.PLAIN)
            return
        talk.tell(ANSWERS[talk.infno](self, talk.input, talk.envelope))

    def take_fault(self) -> str:
        """Return the planned fault once."""
        fault, self._fault = self._fault, ""
        return fault

    def _take_posting(self, talk: "Talk") -> None:
        stamp = self.clock.stamp()
        key: Key = (talk.msgid[:12], talk.infno, talk.msgid)
        if talk.infno != "2601" and talk.infno in MONEY:
            talk.fault = self.take_fault()
        if talk.fault == "drop_before":
            talk.exchange.deliver(b"", Manner.DROP)
            return
        if talk.fault == "forged":
            talk.exchange.deliver(talk.forge(), Manner.PLAIN)
            return
        digest = hashlib.sha256(json.dumps(talk.input, sort_keys=True).encode()).hexdigest()

        def prepare() -> Prepared:
            kind, read_request, _ = POSTINGS[talk.infno]
            origin = Origin(key, digest, talk.envelope["fixmedins_code"], talk.envelope["mdtrtarea_admvs"],
                            stamp[:8], stamp)
            return origin, kind, read_request(self, talk.input, talk.envelope)

        self._counter.take(key, digest, talk, prepare)

    # ---- what is answered without posting -------------------------------------------------------------------

    def visit_no(self, given: dict) -> str:
        """Return the hospital's number of a visit, by the insurer's if it is not said."""
        if given.get("ipt_otp_no"):
            return given["ipt_otp_no"]
        for posting in self.insurer.postings_now():
            if posting["kind"] == "register" and posting.get("visit_id", "") == given.get("mdtrt_id"):
                return posting["visit"]
        raise Refusal("2101", str(given.get("mdtrt_id")))

    def sign_in(self, given: dict, _envelope: dict) -> dict:
        stamp = self.clock.stamp()
        number = f"{self.insurer.region}G{stamp}{len(self._signed):04d}"
        self._signed.add(number)
        return {"signinoutb": {"sign_time": long_time(stamp), "sign_no": number}}

    def sign_out(self, given: dict, _envelope: dict) -> dict:
        self._signed.discard(given["signOut"].get("sign_no"))
        return {"signoutoutb": {"sign_time": long_time(self.clock.stamp())}}

    def person(self, given: dict, _envelope: dict) -> dict:
        asked = given["data"]
        kind = {"02": "certificate", "03": "card", "04": "number"}.get(asked["mdtrt_cert_type"])
        if kind is None:
            raise Refusal("1003", "mdtrt_cert_type")
        found = self.insurer.find_person(kind, asked["mdtrt_cert_no"], asked.get("psn_name") or "")
        return {"baseinfo": {"psn_no": found.psn_no, "psn_cert_type": found.cert_type, "certno": found.cert_no,
                             "psn_name": found.name, "gend": found.sex, "brdy": long_date(found.birth), "age": "",
                             "card_no": found.card_no, "exp_content": None},
                "insuinfo": [self._insurance(found, one) for one in found.insurances.values()], "idetinfo": []}

    def _insurance(self, found: data.Person, one: data.Insurance) -> dict:
        flag = {True: "1", False: "0"}
        return {"balc": yuan(one.balance_fen), "insutype": one.insutype, "psn_type": one.category,
                "psn_insu_stas": found.state, "cvlserv_flag": flag[one.civil], "insuplc_admdvs": self.insurer.region,
                "emp_name": found.unit, "low_income_flag": flag[one.poor], "frozen_flag": flag[found.frozen],
                "ipt_times": one.stays, "hifp_cum": yuan(one.pool_cum_fen),
                "act_pay_dedc": yuan(self.insurer.deductible(one, "21"))}

    def trial(self, given: dict, envelope: dict) -> dict:
        shares = self.insurer.trial(envelope["fixmedins_code"], settle(self, given, envelope))
        return {"setlinfo": {**money(shares), "setl_id": None, "invono": given["data"].get("invono", "")},
                "setldetail": []}

    def settlement(self, given: dict, _envelope: dict) -> dict:
        """Answer 5203: the settlements of a visit, each with the message id that made it."""
        asked = given["data"]
        rows = [{"setl_id": p["setl_id"], "mdtrt_id": p["visit_id"], "psn_no": p["psn_no"],
                 "medins_setl_id": p["serial"], "refd_setl_flag": "0" if p["state"] == "posted" else "1",
                 "invono": p.get("bill", ""), "org_setl_id": p.get("org_setl_id", ""), "setl_time": long_time(p["at"]),
                 **renamed(money(Shares.from_dict(p)))}
                for p in self.insurer.postings_now()
                if p["kind"] in ("settle", "cancel") and p["state"] in ("posted", "cancelled", "reversed")
                and p["psn_no"] == asked["psn_no"] and p["visit_id"] == asked["mdtrt_id"]
                and asked.get("setl_id") in (None, "", p["setl_id"])]
        return {"setlinfo": rows, "setldetail": []}

    def visits(self, given: dict, _envelope: dict) -> dict:
        """Answer 5201: the visits of a person."""
        asked = given["data"]
        return {"mdtrtinfo": [{"mdtrt_id": p["visit_id"], "psn_no": p["psn_no"], "ipt_otp_no": p["visit"],
                               "med_type": p["med_type"], "act_pay_dedc": yuan(p["dedc"]),
                               "vali_flag": "1" if p["state"] == "posted" else "0"}
                              for p in self.insurer.postings_now()
                              if p["kind"] == "register" and p["psn_no"] == asked["psn_no"]]}

    def totals(self, given: dict, _envelope: dict) -> dict:
        """Answer 3201: is what the hospital counted what is in force here?"""
        asked = given["data"]
        first, last = (asked[name].replace("-", "")[:8] for name in ("stmt_begndate", "stmt_enddate"))
        counted = [p for p in self.insurer.money_of_day("", first, last)
                   if p["state"] in ("posted", "cancelled") and p["insutype"] == asked["insutype"]
                   and clearing_category(p["med_type"]) == asked["clr_type"]]
        ours = (sum(p["total"] for p in counted), sum(p["fund"] for p in counted), sum(p["acct"] for p in counted),
                sum(1 if p["kind"] == "settle" else -1 for p in counted))
        theirs = (amount(asked["medfee_sumamt"]), amount(asked["fund_pay_sumamt"]), amount(asked["acct_pay"]),
                  int(asked["fixmedins_setl_cnt"]))
        return {"stmtinfo": {"setl_optins": asked["setl_optins"], "stmt_rslt": "0" if ours == theirs else "1",
                             "stmt_rslt_dscr": "" if ours == theirs else "总额不一致"}}

    def visit_information(self, given: dict, _envelope: dict) -> None:
        """Answer 2203A: said again it overwrites."""
        visit = given["mdtrtinfo"]
        need(visit, "mdtrt_id", "psn_no", "med_type", "begntime")
        for row in given["diseinfo"]:
            need(row, "diag_type", "diag_srt_no", "diag_code", "diag_name", "diag_dept", "dise_dor_no", "dise_dor_name",
                 "diag_time", "vali_flag")
        self.informed.add(visit["mdtrt_id"])

    def national_catalogue(self, given: dict, envelope: dict) -> dict:
        """Answer 1301, 1305, 1306: a catalogue as a file, under the national codes."""
        need(given["data"], "ver")
        return self.files.catalogue(str(envelope["infno"]), self.clock.stamp(), self.catalogue_copies)

    def upload(self, given: dict, _envelope: dict) -> dict:
        """Answer 9101: keep the file that came with the message."""
        return self.files.upload(given["fsUploadIn"])

    def details(self, given: dict, _envelope: dict) -> dict:
        """Answer 3202: compare an uploaded table with what is in force, row by row; the result is a file again."""
        asked = given["data"]
        need(asked, "setl_optins", "file_qury_no", "stmt_begndate", "stmt_enddate", "medfee_sumamt", "fund_pay_sumamt",
             "cash_payamt", "fixmedins_setl_cnt")
        first, last = (asked[name].replace("-", "")[:8] for name in ("stmt_begndate", "stmt_enddate"))
        held = [p for p in self.insurer.money_of_day("", first, last) if p["state"] in ("posted", "cancelled")]
        return {"fileinfo": self.files.compare(asked["file_qury_no"], held, self.clock.stamp())}


def long_time(stamp: str) -> str:
    """Return yyyy-MM-dd HH:mm:ss."""
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}:{stamp[12:14]}"


def long_date(day: str) -> str:
    """Return yyyy-MM-dd."""
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}"


def short_time(text: str) -> str:
    """Return yyyyMMddHHmmss."""
    return (text or "").replace("-", "").replace(":", "").replace(" ", "")


def money(shares: Shares) -> dict:
    """Return the amounts of a settlement under their names."""
    values = shares.as_dict()
    own = shares.acct + shares.cash
    return {**{name: yuan(values[share]) for name, share in SHARES.items()}, "psn_part_amt": yuan(own),
            "hosp_part_amt": yuan(0)}


def renamed(amounts: dict) -> dict:
    """Return amounts as 5203 calls them."""
    return {{"psn_cash_pay": "cash_payamt", "psn_part_amt": "psn_pay"}.get(name, name): value
            for name, value in amounts.items()}


# ---- reading postings ------------------------------------------------------------------------------------------

def need(given: dict, *names: str) -> None:
    """Refuse what lacks a member."""
    for name in names:
        if given.get(name) in (None, ""):
            raise Refusal("1003", name)


def register(desk: Desk, given: dict, envelope: dict) -> Register:
    asked = given.get("data") or given.get("mdtrtinfo") or {}
    need(asked, "psn_no", "insutype", "begntime", "mdtrt_cert_type", "mdtrt_cert_no")
    return Register(visit_no=asked.get("ipt_otp_no") or asked.get("ipt_no") or "", psn_no=asked["psn_no"],
                    name=asked.get("psn_name") or "", insutype=asked["insutype"], med_type=asked.get("med_type") or "11",
                    time=short_time(asked["begntime"]))


def visit_ref(desk: Desk, given: dict, envelope: dict) -> VisitRef:
    asked = given["data"]
    need(asked, "mdtrt_id", "psn_no")
    return VisitRef(desk.visit_no(asked), asked["mdtrt_id"])


def details(desk: Desk, given: dict, envelope: dict) -> Details:
    rows = given["feedetail"]
    for row in rows:
        need(row, "feedetl_sn", "mdtrt_id", "psn_no", "det_item_fee_sumamt", "cnt", "pric", "medins_list_codg")
    first = {**rows[0], "ipt_otp_no": ""}
    if desk.wants_information and envelope["infno"] == "2204" and first["mdtrt_id"] not in desk.informed:
        raise Refusal("1003", "2203A")
    region = desk.insurer.region
    lines = tuple(Line(
        no=row["feedetl_sn"], time=short_time(row["fee_ocur_time"]), his_code=row["medins_list_codg"],
        ctr_code=data.local_code(region, row["med_list_codg"]) if row.get("med_list_codg") else "",
        price_e4=amount(row["pric"], 4), qty_e4=amount(row["cnt"], 4), amount=amount(row["det_item_fee_sumamt"]),
        level=LEVELS[row["chrgitm_lv"]], ratio_e4=amount(row["selfpay_prop"], 4),
        full=amount(row["fulamt_ownpay_amt"]), pre=amount(row["preselfpay_amt"]), over=amount(row["overlmt_amt"]),
        scope=amount(row["inscp_scp_amt"])) for row in rows)
    return Details(desk.visit_no(first), first["mdtrt_id"], sum(line.amount for line in lines), lines)


def cancel_details(desk: Desk, given: dict, envelope: dict) -> CancelDetails:
    rows = given["data"] if isinstance(given["data"], list) else [given["data"]]
    need(rows[0], "mdtrt_id", "psn_no")
    numbers = [row.get("feedetl_sn") or "0000" for row in rows]
    return CancelDetails(desk.visit_no(rows[0]), rows[0]["mdtrt_id"], None if "0000" in numbers else tuple(numbers))


def settle(desk: Desk, given: dict, envelope: dict) -> Settle:
    asked = given["data"]
    need(asked, "psn_no", "mdtrt_cert_type", "mdtrt_cert_no", "medfee_sumamt", "psn_setlway", "mdtrt_id",
         "acct_used_flag", "insutype")
    return Settle(visit_no=desk.visit_no(asked), visit_id=asked["mdtrt_id"], psn_no=asked["psn_no"],
                  bill=asked.get("invono") or "", med_type=asked.get("med_type") or "",
                  out_time=short_time(asked.get("endtime") or ""), out_reason=asked.get("dscg_way") or "",
                  out_diag=asked.get("dscg_maindiag_code") or "", use_account=asked["acct_used_flag"] == "1",
                  mid=asked.get("mid_setl_flag") == "1", total=amount(asked["medfee_sumamt"]))


def cancel(desk: Desk, given: dict, envelope: dict) -> Cancel:
    asked = given["data"]
    need(asked, "setl_id", "mdtrt_id", "psn_no")
    return Cancel(desk.visit_no(asked), asked["mdtrt_id"], asked["psn_no"], asked["setl_id"], asked.get("invono") or "")


def reverse(desk: Desk, given: dict, envelope: dict) -> Reverse:
    asked = given["data"]
    need(asked, "psn_no", "omsgid", "oinfno")
    original = BASELINE.get(asked["oinfno"], asked["oinfno"])
    if original not in REVERSIBLE:
        raise Refusal("2503", asked["oinfno"])
    return Reverse((asked["omsgid"][:12], original, asked["omsgid"]))


# ---- answers to postings ---------------------------------------------------------------------------------------

def registered(line: dict) -> dict:
    inside = {"mdtrt_id": line["visit_id"], "psn_no": line["psn_no"], "ipt_otp_no": line["visit"],
              "act_pay_dedc": yuan(line["dedc"]), "exp_content": ""}
    return {"data": inside, "result": inside}


def detailed(line: dict) -> dict:
    fees = {fee["no"]: fee for fee in line["lines"]}
    back = {"A": "01", "B": "02", "C": "03"}
    return {"result": [{"feedetl_sn": number, "det_item_fee_sumamt": yuan(fee["amount"]),
                        "chrgitm_lv": back[fee["level"]], "selfpay_prop": f"{fee['ratio_e4'] / 10000:.4f}",
                        "pric_uplmt_amt": 999999, "fulamt_ownpay_amt": yuan(fee["full"]),
                        "preselfpay_amt": yuan(fee["pre"]), "overlmt_amt": yuan(fee["over"]),
                        "inscp_scp_amt": yuan(fee["scope"]), "lmt_used_flag": "0", "memo": None}
                       for number, fee in reversed(fees.items())]}


def details_removed(line: dict) -> dict:
    return {"data": {"feedetl_cnt": len(line["line_nos"])}}


def settled(line: dict) -> dict:
    shares = Shares.from_dict(line)
    return {"setlinfo": {"setl_id": line["setl_id"], "mdtrt_id": line["visit_id"], "psn_no": line["psn_no"],
                         "medins_setl_id": line["serial"], "setl_time": long_time(line["at"]), **money(shares),
                         "invono": line.get("bill", ""), "org_setl_id": line.get("org_setl_id", ""),
                         "clr_optins": line["setl_id"][:6], "clr_type": "21", "clr_way": "1"},
            "setldetail": [{"fund_pay_type": "310100", "fund_payamt": yuan(shares.fund), "inscp_scp_amt": None,
                            "setl_proc_info": "{\"k\":\"v\"}"}]}


def nothing(line: dict) -> None:
    return None


def corrupted(body: bytes) -> bytes:
    """Return a sealed message whose signature has another first character."""
    message = json.loads(body, parse_float=Digits, parse_int=Digits)
    for name in ("signData", "cainfo"):
        if message.get(name):
            message[name] = ("B" if message[name][0] == "A" else "A") + message[name][1:]
            return write(message)
    return body


# infno: (operation of the insurer, reader of the request, writer of the output)
POSTINGS: dict[str, tuple[str, Callable, Callable]] = {
    "2201": ("register", register, registered), "2401": ("register", register, registered),
    "2202": ("cancel_register", visit_ref, nothing), "2404": ("cancel_register", visit_ref, nothing),
    "2204": ("details", details, detailed), "2301": ("details", details, detailed),
    "2205": ("cancel_details", cancel_details, details_removed),
    "2302": ("cancel_details", cancel_details, details_removed),
    "2207": ("settle", settle, settled), "2304": ("settle", settle, settled),
    "2208": ("cancel", cancel, settled), "2305": ("cancel", cancel, settled),
    "2601": ("reverse", reverse, nothing),
}
MONEY = frozenset({"2207", "2208", "2304", "2305"})
ANSWERS: dict[str, Callable[[Desk, dict, dict], dict]] = {
    "9001": Desk.sign_in, "9002": Desk.sign_out, "1101": Desk.person, "2206": Desk.trial, "2303": Desk.trial,
    "5203": Desk.settlement, "5201": Desk.visits, "3201": Desk.totals, "3202": Desk.details, "9101": Desk.upload,
    "2203A": Desk.visit_information, "1301": Desk.national_catalogue, "1305": Desk.national_catalogue,
    "1306": Desk.national_catalogue}


class Talk:
    """A request on its way to its answer."""

    def __init__(self, desk: Desk, envelope: dict, exchange: Exchange):
        self._desk = desk
        self.envelope = envelope
        self.exchange = exchange
        self.infno, self.msgid = str(envelope.get("infno")), str(envelope.get("msgid"))
        self.input = envelope["input"]
        self.fault = ""

    def _document(self, infcode: int, text: str | None, output) -> str:
        stamp = self._desk.clock.stamp() + "000"
        return write({"infcode": infcode, "inf_refmsgid": f"{self._desk.insurer.region}{stamp[:14]}0000000001",
                      "refmsg_time": stamp, "respond_time": stamp, "err_msg": text, "warn_msg": None, "cainfo": None,
                      "signtype": None, "unknown_here": {"kept": "1.50"}, "output": output}).decode()

    def render(self, line: dict) -> str:
        return self._document(0, "成功", POSTINGS[line["tran"]][2](line))

    def render_refusal(self, refusal: Refusal, line: dict) -> str:
        return self._refusal(refusal)

    def _refusal(self, refusal: Refusal) -> str:
        return self._document(-1 if refusal.code in UNDECIDED else -int(refusal.code), refusal.text or refusal.code, None)

    def original(self) -> Key | None:
        return None

    def send(self, stored: str, manner: Manner, fault: str | None = None) -> None:
        body = stored.encode() if self.fault == "unsealed" else self._desk.closed(stored.encode())
        exchange = self.exchange
        if self.fault == "missealed":
            body = corrupted(body)
        elif self.fault == "html":
            body, exchange.content_type = b"<html><body>502 Bad Gateway</body></html>", "text/html"
        elif self.fault == "plain_text":
            body, exchange.content_type = "message=[500][JSONException]…".encode(), "text/plain"
        elif self.fault == "no_envelope":
            body = write({"code": "999", "msg": "系统繁忙"})
        elif self.fault == "no_infcode":
            body = write({"err_msg": "成功", "output": {}})
        elif self.fault == "wrong_type":
            exchange.content_type = "text/html;charset=gbk"
        elif self.fault == "status_500":
            exchange.status = 500
        elif self.fault == "minus_one_after":
            body = self._desk.closed(self._document(-1, "系统异常", None).encode())
        elif self.fault == "twice":
            exchange.times = 2
        manner = {"half": Manner.HALF, "drop_after": Manner.DROP, "twice": Manner.LAST}.get(self.fault, manner)
        exchange.deliver(body, manner)

    def tell(self, output) -> None:
        """Answer a question."""
        self.exchange.deliver(self._desk.closed(self._document(0, None, output).encode()), Manner.PLAIN)

    def refuse(self, refusal: Refusal) -> None:
        self.exchange.deliver(self._desk.closed(self._refusal(refusal).encode()), Manner.PLAIN)

    def forge(self) -> bytes:
        """Return what somebody on the way would answer to a settlement that never was."""
        money_ = {name: yuan(amount(self.input["data"].get("medfee_sumamt")) if name in ("medfee_sumamt", "psn_cash_pay") else 0)
                  for name in SHARES}
        return self._document(0, None, {"setlinfo": {
            "setl_id": "FORGED", "mdtrt_id": self.input["data"].get("mdtrt_id"), "medins_setl_id": self.msgid,
            **money_}, "setldetail": []}).encode()

    def guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Refusal as refusal:
            self.refuse(refusal)
        except (KeyError, TypeError, AttributeError, IndexError) as trouble:
            self.refuse(Refusal("1003", f"缺少 {trouble}"))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            self.refuse(Refusal("9999"))
