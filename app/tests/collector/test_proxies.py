import pytest

from marketprism.collector.proxies import Proxies, masked
from marketprism.settings import CollectorSettings, VenueSettings

BINANCE, OKX = "https://api.binance.com", "wss://ws.okx.com:8443/ws/v5/public"
VENUE = {"ws_url": "wss://a", "rest_url": "https://a", "symbols": (), "data_types": ()}
PROXY = "http://proxy.lan:3128"


def test_the_scheme_of_the_address_chooses_the_proxy() -> None:
    proxies = Proxies.of(CollectorSettings(http_proxy=PROXY, https_proxy="socks5h://s:1080"), VenueSettings(**VENUE))
    assert proxies.route("http://exchange.example/x") == proxies.route("ws://exchange.example") == PROXY
    assert proxies.route(BINANCE) == proxies.route(OKX) == "socks5h://s:1080"


def test_a_venues_own_proxy_comes_before_the_general_ones() -> None:
    own = VenueSettings(**VENUE, proxy="socks5h://own:1080")
    assert Proxies.of(CollectorSettings(https_proxy=PROXY), own).route(BINANCE) == "socks5h://own:1080"


def test_without_a_proxy_everything_is_reached_directly() -> None:
    assert Proxies.of(CollectorSettings(), VenueSettings(**VENUE)).route(BINANCE) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8190/spot",
        "ws://localhost:8190",
        "ws://[::1]:8190",
        "http://10.98.0.2:8190/usdm",
        "http://192.168.1.7/",
    ],
)
def test_loopback_and_private_addresses_are_never_proxied(url: str) -> None:
    assert Proxies(http=PROXY, https=PROXY).route(url) is None


@pytest.mark.parametrize(
    ("exempt", "direct"),
    [
        ("api.binance.com", True),
        ("binance.com", True),
        (".binance.com", True),
        ("*.binance.com", True),
        ("BINANCE.COM", True),
        ("nance.com", False),
        ("api.binance.com:443", True),
        ("api.binance.com:8443", False),
        ("*", True),
        ("okx.com", False),
        ("203.0.113.0/24", False),
    ],
)
def test_no_proxy_names_hosts_domains_and_ports(exempt: str, *, direct: bool) -> None:
    settings = CollectorSettings(https_proxy=PROXY, no_proxy=f"elsewhere.example, {exempt}")
    assert (Proxies.of(settings, VenueSettings(**VENUE)).route(BINANCE) is None) is direct


def test_no_proxy_names_networks() -> None:
    proxies = Proxies(https=PROXY, exempt=("104.16.0.0/13",))
    assert proxies.route("https://104.18.1.9") is None
    assert proxies.route("https://8.8.8.8") == PROXY


def test_a_proxy_is_shown_without_its_password() -> None:
    assert masked("socks5h://me:secret@proxy.lan:1080") == "socks5h://proxy.lan:1080"
