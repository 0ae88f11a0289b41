"""The trial's three gateways: Nanning (450100, a danxian that asks), the platform (450000), Yulin (450900, a dajizhong
that is asked), with their stand-ins; or, for kills and benchmarks, the same three with loopback modules."""

import pathlib

from world import NANNING, PLATFORM, SOURCE, YULIN, Gateway, Instance, World, free_port, listens, wait_until, write_secret

# Insurance areas are not quite GB/T 2260: 450199 is Nanning's own municipal pool, written out although the prefix
# would find it, and everything that is neither Nanning nor Yulin is unknown to this small platform.
PLATFORM_ROUTES = [{"prefix": "4501", "to": [NANNING]}, {"prefix": "450199", "to": [NANNING]},
                   {"prefix": "4509", "to": [YULIN]}]


class Regions:
    """Three gateways on loopback and what stands behind them."""

    def __init__(self, world: World, loopback: bool = False, log_debug: bool = False, encrypt: bool = True,
                 book: bool = True, bounds: dict[str, int] | None = None):
        self.world = world
        self.platform_port = free_port()
        self.danxian_port, self.dajizhong_port = free_port(), free_port()
        self.loopback = loopback
        self.book = book  # the loopback's book is synced to disk before each answer
        self.common = {"log_debug": log_debug, "encrypt": encrypt, "bounds": bounds or {}}
        self.asking_socket = world.sockets / "asking"
        self.posted = world.directory / "posted.book"
        self._add_gateways()
        self.danxian: pathlib.Path | None = None
        self.dajizhong: pathlib.Path | None = None

    def _add_gateways(self) -> None:
        add, root = self.world.add, self.world.directory
        add(Gateway(NANNING, "南宁", "450100", root / "nanning", dials={PLATFORM: self.platform_port},
                    instances=[self._asking()], **self.common,
                    routes=[{"prefix": "", "to": [PLATFORM]}]))
        add(Gateway(PLATFORM, "平台", "", root / "platform", listen=self.platform_port,
                    accepts=[NANNING, YULIN], routes=PLATFORM_ROUTES, **self.common))
        add(Gateway(YULIN, "玉林", "450900", root / "yulin", dials={PLATFORM: self.platform_port},
                    instances=[self._asked()], **self.common,
                    routes=[{"prefix": "4509", "to": [self._asked().name]}, {"prefix": "", "to": [PLATFORM]}]))

    def _asking(self) -> Instance:
        if self.loopback:
            return Instance("asking", "loopback", window=1000, options={"listen": f"unix:{self.asking_socket}"})
        directory = self.world.directory / "nanning"
        write_secret(directory / "keys" / "danxian.password", "secret\n")
        (directory / "cycles").mkdir(parents=True, exist_ok=True)
        return Instance("danxian", "caret", mapping=f"{SOURCE}/etc/mapping/danxian-450100.cfg",
                        options={"mode": "serve", "listen": f"127.0.0.1:{self.danxian_port}",
                                 "password_file": str(directory / "keys" / "danxian.password"),
                                 "state_directory": str(directory / "cycles")})

    def _asked(self) -> Instance:
        if self.loopback:
            return Instance("asked", "loopback", window=1000,
                            options={"book": str(self.posted)} if self.book else {})
        directory = self.world.directory / "yulin"
        write_secret(directory / "keys" / "dajizhong.password", "secret\n")
        return Instance("dajizhong", "fixed", mapping=f"{SOURCE}/etc/mapping/dajizhong-450900.cfg",
                        options={"connect": f"127.0.0.1:{self.dajizhong_port}",
                                 "password_file": str(directory / "keys" / "dajizhong.password")})

    def start(self, **dajizhong_options: object) -> None:
        """Start everything and wait until the first request can pass."""
        world = self.world
        world.prepare()
        if world.with_syslog:
            world.start_syslog()
        if not self.loopback:
            self.dajizhong = world.start_fepsim("dajizhong", "dajizhong", region="450900",
                                                listen=f"127.0.0.1:{self.dajizhong_port}", **dajizhong_options)
        for node in (PLATFORM, NANNING, YULIN):
            world.start_gateway(node)
        for node in (PLATFORM, NANNING, YULIN):
            world.wait_ready(node)
        if not self.loopback:
            wait_until("danxian's port listens", lambda: listens(self.danxian_port))
            self.danxian = self.start_danxian()

    def start_danxian(self, name: str = "danxian", **options: object) -> pathlib.Path:
        """Start the asking local system with its hospital."""
        return self.world.start_fepsim("danxian", name, region="450100",
                                       gateway=f"127.0.0.1:{self.danxian_port}", **options)
