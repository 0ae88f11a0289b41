"""fixed, calling a dajizhong."""

from kit_profile import Place
from regions_profile import Asked, mapping_of


class Profile(Asked):
    """Long connections, many requests on each."""

    name, module, system = "fixed, calling", "fixed", "dajizhong"
    node, region, insured_area, treat_area = "GW4509000001", "450900", "450900", "450100"
    mapping = mapping_of("dajizhong", "450900")

    def options(self, place: Place) -> dict:
        return {"connect": f"127.0.0.1:{place.module_port}", "password_file": self.secret(place)}
