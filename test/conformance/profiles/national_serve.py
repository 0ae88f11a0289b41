"""national, serving a system that speaks the interface."""

import http.client
import json
from collections.abc import Callable

from kit_profile import ERRORS, Place, Profile as Base, Request
from world import SOURCE

ENDPOINT = "/fsi/api/rsfComIfsService/callService"


class Profile(Base):
    """Envelopes over HTTP; the caller is written here."""

    name, module, serves = "national, serving", "national", True
    node, region, insured_area = "GW4501000001", "450100", "450900"
    call_infno = "2201"

    def options(self, place: Place) -> dict:
        return {"mode": "serve", "listen": f"127.0.0.1:{place.module_port}", "area": self.region,
                "profile": f"{SOURCE}/etc/profile/plain.cfg"}

    def stray(self) -> Request:
        """Return a request that a route leads here by mistake."""
        return Request("1101", '{"input":{"data":{}}}', False, self.region, "450300")

    def call(self, place: Place) -> Callable[[], dict]:
        number = next(self.numbers)
        envelope = {"infno": "2201", "msgid": f"H45010000001202611221015{number:06d}", "mdtrtarea_admvs": self.region,
                    "insuplc_admdvs": self.insured_area, "infver": "V1.0", "fixmedins_code": "H45010000001",
                    "inf_time": "2026-11-22 10:15:03", "opter": "1007", "opter_name": "测试员", "sign_no": "",
                    "input": {"data": {"psn_no": self.insured_area + "0" * 10 + "0001", "ipt_otp_no": f"K{number:07d}",
                                       "insutype": "310", "begntime": "2026-11-22 10:00:00"}}}

        def ask() -> dict:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", place.peer_port, timeout=60)
                connection.request("POST", ENDPOINT, json.dumps(envelope).encode())
                answer = json.loads(connection.getresponse().read())
            except (*ERRORS, http.client.HTTPException) as trouble:
                return {"told": "none", "why": str(trouble)}
            return {"told": {0: "good", -2: "refused"}.get(answer["infcode"], "unknown"), **answer}
        return ask

    def answer_body(self, frame: dict) -> str:
        return json.dumps({"infcode": 0, "err_msg": "", "output": {"data": {"mdtrt_id": f"V{frame['sequence']:07d}"}}})

    def raw_garbage(self) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n<a\xff\xff/>"
