"""fixed, serving a dajizhong."""

from kit_profile import Place
from regions_profile import Asking, mapping_of


class Profile(Asking):
    """Records of a system that signs on first."""

    name, module, system = "fixed, serving", "fixed", "dajizhong"
    node, region = "GW4509000001", "450900"
    mapping, caller_inquires = mapping_of("dajizhong", "450900"), True

    def options(self, place: Place) -> dict:
        return {"mode": "serve", "listen": f"127.0.0.1:{place.module_port}", "password_file": self.secret(place),
                "state_directory": self.state(place)}
