"""caret, serving a danxian."""

from kit_profile import Place
from regions_profile import Asking, mapping_of


class Profile(Asking):
    """Lines of a system that signs in first."""

    name, module, system = "caret, serving", "caret", "danxian"
    mapping = mapping_of("danxian", "450100")

    def options(self, place: Place) -> dict:
        return {"mode": "serve", "listen": f"127.0.0.1:{place.module_port}", "password_file": self.secret(place),
                "state_directory": self.state(place)}

    def raw_garbage(self) -> bytes:
        return b"2210^abc^\xff\xff^\r\n"
