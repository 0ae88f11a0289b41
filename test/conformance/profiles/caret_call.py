"""caret, calling a danxian."""

from kit_profile import Place
from regions_profile import Asked, mapping_of


class Profile(Asked):
    """One request at a time per connection, business cycles, no inquiry."""

    name, module, system = "caret, calling", "caret", "danxian"
    node, region, insured_area = "GW4501000001", "450100", "450100"
    mapping = mapping_of("danxian", "450100")

    def options(self, place: Place) -> dict:
        return {"mode": "call", "connect": f"127.0.0.1:{place.module_port}", "password_file": self.secret(place),
                "state_directory": self.state(place)}
