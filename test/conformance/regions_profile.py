"""What the profiles of the shipped modules share: the stand-ins of test/fepsim, in either role, and canonical requests
about their test persons."""

import json
import sys

import kit_profile
from world import SOURCE, World, write_secret

sys.path.append(f"{SOURCE}/test/fepsim")
from fepsim.data import persons  # noqa: E402

PEOPLE = {"0001": "韦测", "0002": "莫试", "0003": "覃检"}
TIMEOUT_SCALE = "0.4"


class Asked(kit_profile.Profile):
    """A module that calls a stand-in."""

    asks = True
    system = ""         # as fepsim calls it
    insured_area = ""   # the stand-in's region
    treat_area = "450900"

    @property
    def institution(self) -> str:
        """Return a hospital of the asking region."""
        return f"H{self.treat_area}00001"

    def start_peer(self, place: kit_profile.Place) -> None:
        place.start_fepsim(self.system, "--role", "asked", "--region", self.insured_area, "--listen",
                           f"127.0.0.1:{place.peer_port}")

    def secret(self, place: kit_profile.Place) -> str:
        """Return the file with the password."""
        path = place.directory / "password"
        write_secret(path, "secret\n")
        return str(path)

    def state(self, place: kit_profile.Place) -> str:
        """Return the instance's state directory."""
        path = place.directory / "state"
        path.mkdir(exist_ok=True)
        return str(path)

    def _request(self, infno: str, posts: bool, data: dict) -> kit_profile.Request:
        body = {"opter": "1007", "opter_name": "测试员", "fixmedins_name": "测试医院", "input": {"data": data}}
        return kit_profile.Request(infno, json.dumps(body, ensure_ascii=False), posts, self.insured_area,
                                   self.treat_area, self.institution)

    def update(self) -> kit_profile.Request:
        number = next(self.numbers)
        person = sorted(PEOPLE)[number % len(PEOPLE)]
        return self._request("2201", True, {
            "psn_no": self.insured_area + "0" * 10 + person, "psn_name": PEOPLE[person],
            "insutype": "390" if person == "0002" else "310", "med_type": "11", "ipt_otp_no": f"K{number:07d}",
            "begntime": "2026-11-22 10:00:00", "mdtrt_cert_type": "02", "dise_codg": "J06.900",
            "dise_name": "急性上呼吸道感染", "dept_name": "内科", "atddr_no": "D01", "dr_name": "医生"})

    def query(self) -> kit_profile.Request:
        person = persons(self.insured_area)[self.insured_area + "0" * 10 + "0001"]
        return self._request("1101", False, {
            "mdtrt_cert_type": "02", "mdtrt_cert_no": person.cert_no, "psn_name": person.name, "med_type": "11",
            "begntime": "2026-11-22"})

    def stranger(self) -> kit_profile.Request:
        return self._request("2201", True, {"psn_no": "x" * 400, "med_type": "77"})


class Asking(kit_profile.Profile):
    """A module that serves a stand-in."""

    serves = True
    system = ""
    insured_area = "450300"
    call_infno = "2201"
    control = None

    def start_peer(self, place: kit_profile.Place) -> None:
        self.control = place.start_fepsim(self.system, "--role", "asking", "--region", self.region, "--gateway",
                                          f"127.0.0.1:{place.peer_port}", "--timeout-scale", TIMEOUT_SCALE)

    secret, state = Asked.secret, Asked.state

    def stray(self) -> kit_profile.Request:
        """Return a request that a route leads here by mistake."""
        return kit_profile.Request("1101", '{"input":{"data":{}}}', False, self.region, "450300")

    def call(self, _place: kit_profile.Place):
        number = next(self.numbers)
        control = self.control

        def ask() -> dict:
            told = World.ask(control, {"op": "register", "area": self.insured_area, "visit_no": f"K{number:07d}",
                                       "psn_no": self.insured_area + "0" * 10 + "0001", "name": "韦测",
                                       "insutype": "310", "med_type": "11", "diag": "J06.900",
                                       "diag_name": "急性上呼吸道感染"})
            return told if told and told.get("ok") else {"told": "none", "why": told}
        return ask

    def answer_body(self, frame: dict) -> str:
        asked = json.loads(frame["body"])["input"]
        data = asked.get("data") or asked.get("mdtrtinfo") or {}
        return json.dumps({"infcode": 0, "err_msg": "", "output": {"data": {
            "mdtrt_id": f"V{frame['sequence']:07d}", "psn_no": data.get("psn_no", ""),
            "ipt_otp_no": data.get("ipt_otp_no", "")}}}, ensure_ascii=False)


def mapping_of(system: str, region: str) -> str:
    """Return a shipped mapping file."""
    return f"{SOURCE}/etc/mapping/{system}-{region}.cfg"
