"""Pictures from URLs: fetched from public servers over https, and never from the network that we stand in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import pytest
from picture_host import ADDRESS, NAME, Page, PictureHost, hosting

from muralist.intake.addresses import is_public
from muralist.intake.fetching import Network, fetched
from muralist.tools.errors import BadImage, NotAllowed

LIMIT = 1 << 16
BODY = b"\x89PNG and so on"
INSIDE = "10.1.2.3"


def moved(place: str, status: int = 302) -> Page:
    return Page(status=status, headers={"Location": place})


@pytest.fixture(scope="module")
def host() -> Iterator[PictureHost]:
    pages = {
        "/picture.png": Page([BODY]),
        "/moved": moved("/picture.png"),
        "/inside": moved("https://inside.example:{port}/picture.png"),
        "/address": moved("https://169.254.169.254:{port}/latest/meta-data"),
        "/plain": moved("http://pictures.example/picture.png", 307),
        "/file": moved("file:///etc/passwd"),
        "/round": moved("/round"),
        "/page": Page([b"<html>"], headers={"Content-Type": "text/html"}),
        "/svg": Page([b"<svg/>"], headers={"Content-Type": "image/svg+xml"}),
        "/zipped": Page([b"\x1f\x8b"], headers={"Content-Type": "image/png", "Content-Encoding": "gzip"}),
        "/endless": Page(repeat(bytes(1 << 14))),
    }
    with hosting(pages) as host:
        for page in pages.values():
            page.headers = {name: value.replace("{port}", str(host.port)) for name, value in page.headers.items()}
        yield host


class Names:
    """A resolver: each name's answers in turn, the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {"pictures": [[ADDRESS]], "inside": [[INSIDE]], **answers}
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        answers = self.answers.get(name.removesuffix(".example"), [[name]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def network(host: PictureHost, names: Names | None = None) -> Network:
    """One in which ADDRESS counts as public beside what is."""
    return Network(
        addresses=names or Names(),
        is_public=lambda address: address == ADDRESS or is_public(address),
        port=host.port,
        tls=host.trusting,
    )


async def fetch(host: PictureHost, path: str, names: Names | None = None) -> bytes:
    return await fetched(f"https://{NAME}:{host.port}{path}", LIMIT, network(host, names))


@pytest.mark.parametrize("path", ["/picture.png", "/moved", "/picture.png#part"])
async def test_a_picture_of_a_public_server_is_fetched_also_after_a_redirect(host: PictureHost, path: str) -> None:
    assert await fetch(host, path) == BODY
    assert host.asked[-1] == (f"{NAME}:{host.port}", "/picture.png")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/inside", "inside.example has no public address"),
        ("/address", "169.254.169.254 has no public address"),
        ("/plain", "only https"),
        ("/file", "only https"),
        ("/round", "more than 3 times"),
        ("/page", "leads to text/html"),
        ("/svg", r"leads to image/svg\+xml"),
        ("/zipped", "not to a picture"),
        ("/endless", "more than 65,536 bytes"),
        ("/missing", "status 404"),
    ],
)
async def test_what_else_a_public_server_answers_is_refused_in_one_line(host: PictureHost, path: str, why: str) -> None:
    with pytest.raises((NotAllowed, BadImage), match=why) as refused:
        await fetch(host, path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://pictures.example/picture.png", "only https"),
        ("ftp://pictures.example/picture.png", "only https"),
        ("https:///picture.png", "only https"),
        ("//pictures.example/picture.png", "only https"),
        ("https://me:secret@pictures.example:{port}/picture.png", "user name or password"),
        ("https://pictures.example@inside.example:{port}/picture.png", "user name or password"),
        ("https://pictures.example:22/picture.png", "port 22"),
        ("https://pictures.example/picture.png", "port 443"),
        ("https://pictures.example:{port}/" + "a" * 3000, "at most 2048"),
        ("https://[::1/picture.png", "no URL"),
        ("https://127.0.0.2:{port}/", "no public address"),
        ("https://10.0.0.1:{port}/", "no public address"),
        ("https://[::1]:{port}/", "no public address"),
        ("https://[::ffff:169.254.169.254]:{port}/", "no public address"),
        ("https://[64:ff9b::a00:1]:{port}/", "no public address"),
        ("https://inside.example:{port}/", "no public address"),
    ],
)
async def test_a_url_that_leads_elsewhere_is_refused_and_nothing_is_asked(
    host: PictureHost, url: str, why: str
) -> None:
    before = len(host.asked)
    with pytest.raises(NotAllowed, match=why) as refused:
        await fetched(url.format(port=host.port), LIMIT, network(host))
    assert len(host.asked) == before
    assert "secret" not in str(refused.value)
    assert INSIDE not in str(refused.value)


@pytest.mark.parametrize("name", ["2130706433", "0x7f.1", "localhost"])
async def test_other_spellings_of_this_machine_are_refused_by_the_systems_resolver(
    host: PictureHost, name: str
) -> None:
    with pytest.raises(NotAllowed, match="no public address"):
        await fetched(f"https://{name}/", LIMIT)


async def test_a_name_that_changes_its_answer_is_connected_to_where_it_was_checked(host: PictureHost) -> None:
    names = Names(pictures=[[ADDRESS], [INSIDE]])
    assert await fetch(host, "/picture.png", names) == BODY
    assert names.asked == [NAME]


async def test_a_name_that_changes_its_answer_before_a_redirect_is_checked_again(host: PictureHost) -> None:
    with pytest.raises(NotAllowed, match="no public address"):
        await fetch(host, "/moved", Names(pictures=[[ADDRESS], [INSIDE]]))


async def test_a_name_with_one_private_address_among_public_ones_is_refused(host: PictureHost) -> None:
    with pytest.raises(NotAllowed, match="no public address"):
        await fetch(host, "/picture.png", Names(pictures=[[ADDRESS, INSIDE]]))


async def test_a_name_without_an_address_is_answered_like_a_private_one(host: PictureHost) -> None:
    with pytest.raises(NotAllowed, match="no public address"):
        await fetch(host, "/picture.png", Names(pictures=[[]]))


async def test_a_server_that_cannot_prove_its_name_is_not_believed(host: PictureHost) -> None:
    with pytest.raises(BadImage, match="could not be fetched"):
        await fetched(f"https://other.example:{host.port}/picture.png", LIMIT, network(host, Names(other=[[ADDRESS]])))


async def test_proxies_of_the_environment_are_not_used(host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await fetch(host, "/picture.png") == BODY


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "169.254.169.254", "172.16.0.1",
        "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "168.63.129.16", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::1",
        "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "fc00::1",
        "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "not an address", "",
    ],
)  # fmt: skip
def test_an_address_of_somebodys_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)
