"""soap, serving a wuxian."""

from kit_profile import Place
from regions_profile import Asking, mapping_of


class Profile(Asking):
    """Documents of a system that asks over HTTP."""

    name, module, system = "soap, serving", "soap", "wuxian"
    node, region, insured_area = "GW4503000001", "450300", "450900"
    mapping, caller_inquires = mapping_of("wuxian", "450300"), True

    def options(self, place: Place) -> dict:
        return {"mode": "serve", "listen": f"127.0.0.1:{place.module_port}"}

    def raw_garbage(self) -> bytes:
        return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n<a\xff\xff/>"
