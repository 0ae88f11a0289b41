"""national, calling the stand-in for a platform."""

import json

from kit_profile import Place, Request
from regions_profile import PEOPLE, Asked
from world import SOURCE


class Profile(Asked):
    """JSON over HTTP, connections kept; no mapping."""

    name, module, system = "national, calling", "national", "platform"
    node, region, insured_area, treat_area = "GW3204000001", "320400", "320400", "450900"

    def options(self, place: Place) -> dict:
        return {"mode": "call", "connect": f"127.0.0.1:{place.module_port}",
                "profile": f"{SOURCE}/etc/profile/plain.cfg", "quiet_time": 0}

    def update(self) -> Request:
        """Return an admission: 2601 can reverse it."""
        number = next(self.numbers)
        body = {"opter": "1007", "opter_name": "测试员", "fixmedins_name": "测试医院", "input": {"mdtrtinfo": {
            "psn_no": self.insured_area + "0" * 10 + "0001", "psn_name": PEOPLE["0001"], "insutype": "310",
            "med_type": "21", "ipt_no": f"K{number:07d}", "begntime": "2026-11-22 10:00:00"}}}
        return Request("2401", json.dumps(body, ensure_ascii=False), True, self.insured_area, self.treat_area,
                       self.institution)

    def start_peer(self, place: Place) -> None:
        place.start_fepsim(self.system, "--role", "asked", "--region", self.insured_area, "--listen",
                           f"127.0.0.1:{place.peer_port}", "--treat-clock", "ignore")

    def stranger(self) -> None:
        """Return nothing: what is no JSON never comes this far, and everything else the platform judges."""
