"""soap, calling a wuxian."""

from kit_profile import Place
from regions_profile import Asked, mapping_of


class Profile(Asked):
    """A connection for each request."""

    name, module, system = "soap, calling", "soap", "wuxian"
    node, region, insured_area, treat_area = "GW4503000001", "450300", "450300", "450900"
    mapping = mapping_of("wuxian", "450300")

    def options(self, place: Place) -> dict:
        return {"mode": "call", "connect": f"127.0.0.1:{place.module_port}"}
