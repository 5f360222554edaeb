"""Pictures from outside: which are taken and how, and everything that is refused."""

from __future__ import annotations

import base64
import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageChops, PngImagePlugin

from muralist.intake.decoding import from_base64, picture
from muralist.intake.paths import read
from muralist.server.settings import ServerSettings, load
from muralist.tools.errors import BadImage, BadSettings, NotAllowed

BOUNDS = ServerSettings().bounds


def file(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(width: int = 128, height: int = 96, colour: str = "red") -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, deflated: bytes, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *more, chunk(b"IDAT", deflated), chunk(b"IEND", b"")))


def endless_jpeg() -> bytes:
    """A progressive JPEG of which one scan is told a thousand times."""
    whole = file(plain(), "JPEG", progressive=True)
    at = whole.rindex(b"\xff\xda")
    return whole[:at] + whole[at:-2] * 1000 + whole[-2:]


def hidden_scans() -> bytes:
    """The same behind a marker without a length, so that whoever reads one skips some of the scans."""
    whole = endless_jpeg()
    at = whole.index(b"\xff\xda")
    return whole[:at] + b"\xff\x01" + whole[at:]


def webp(width: int, height: int) -> bytes:
    """A lossless WebP that claims so many pixels."""
    whole = bytearray(file(plain(), "WEBP", lossless=True))
    whole[21:25] = struct.pack("<I", width - 1 | height - 1 << 14)
    return bytes(whole)


def animated(kind: str) -> bytes:
    return file(plain(), kind, save_all=True, append_images=[plain(colour="blue")])


INFLATED = 1 << 27


@contextmanager
def little_memory() -> Iterator[None]:
    """Half of what the bombs would take."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + INFLATED // 2, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "no whole PNG, JPEG or WebP"),
    "a header that claims a gigapixel": (lambda: png(40_000, 40_000, zlib.compress(b"")), "40000x40000 pixels"),
    "a WebP header that does": (lambda: webp(16384, 16384), "16384x16384 pixels"),
    "a WebP, which takes four times the memory": (lambda: webp(4000, 3000), "at most 10,000,000 are taken of a WEBP"),
    "a progressive JPEG, which takes twice": (
        lambda: file(plain(5000, 4004), "JPEG", progressive=True),
        "at most 20,000,000 are taken of a progressive JPEG",
    ),
    "real megabytes of zeros": (lambda: png(30_000, 30_000, zlib.compress(bytes(1 << 24), 9)), "30000x30000 pixels"),
    "no pixels at all": (lambda: png(0, 0, zlib.compress(b"")), "0x0 pixels"),
    "a thousand scans": (endless_jpeg, "scans"),
    "a thousand scans, hidden": (hidden_scans, "scans"),
    "half a file": (lambda: file(Image.effect_noise((128, 128), 50))[:-2000], "damaged"),
    "half a header": (lambda: file(plain(), "JPEG")[:40], "no whole PNG, JPEG or WebP"),
    "rubbish behind a signature": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), "no whole PNG, JPEG or WebP"),
    "SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "SVG"),
    "a page that is also a GIF": (lambda: file(plain(), "GIF") + b"<script>alert(1)</script>", "no whole PNG"),
    "TIFF": (lambda: file(plain(), "TIFF"), "no whole PNG"),
    "an animated PNG": (lambda: animated("PNG"), "animated"),
    "an animated WebP": (lambda: animated("WEBP"), "animated"),
    "too many bytes": (lambda: file(plain()) + bytes(BOUNDS.bytes), "at most 8,388,608"),
    "a thread": (lambda: file(plain(4000, 100)), "each side has to be 64"),
    "a text that inflates": (
        lambda: png(128, 96, zlib.compress(bytes(96 * 385)), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(INFLATED)))),
        "too large",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_line_and_little_memory(name: str) -> None:
    make, why = HOSTILE[name]
    data = make()
    with little_memory(), pytest.raises(BadImage, match=why) as refused:
        picture(data, BOUNDS)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_data_that_inflates_beyond_the_picture_is_not_inflated() -> None:
    bomb = png(128, 96, zlib.compress(bytes(INFLATED), 9))
    with little_memory():
        assert picture(bomb, BOUNDS).picture.size == (128, 96)


def test_a_large_photo_is_scaled_and_cropped_and_that_is_told() -> None:
    taken = picture(file(plain(4099, 2100)), BOUNDS)
    assert taken.picture.size == (2048, 1048)
    assert taken.notes == [
        "scaled from 4099x2100 to 2048x1049 pixels",
        "cropped to 2048x1048 pixels, multiples of 8",
    ]


@pytest.mark.parametrize("size", [(2700, 500), (500, 2700)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_a_large_picture_is_scaled_as_one_though_only_strips_of_it_are_converted(
    size: tuple[int, int], mode: str
) -> None:
    given = Image.radial_gradient("L").resize(size).convert(mode)
    if "A" in mode:
        given.putalpha(Image.linear_gradient("L").resize(size))
    whole = Image.alpha_composite(Image.new("RGBA", size, "white"), given.convert("RGBA")).convert("RGB")
    scaled = whole.resize((2048, 379) if size[0] > size[1] else (379, 2048), Image.Resampling.LANCZOS)
    left, top = ((side - side // 8 * 8) // 2 for side in scaled.size)
    taken = picture(file(given), BOUNDS).picture
    same = scaled.crop((left, top, left + taken.width, top + taken.height))
    assert taken.size == tuple(side // 8 * 8 for side in scaled.size)
    assert max(high for _, high in ImageChops.difference(taken, same).getextrema()) <= 2


def test_several_pictures_at_once_take_the_memory_of_one(tmp_path: Path) -> None:
    """Of a file of some KB: 12 megapixels of a palette with a transparent colour, in RGBA 48 MB."""
    code = (
        "import asyncio, base64, io\nfrom mcp import Client\nfrom PIL import Image\n"
        "from muralist.agent.settings import Settings\nfrom muralist.server.mcp import build_server\n"
        "from muralist.server.settings import ServerSettings\nfrom muralist.server.application import Application\n"
        "def data(*size):\n"
        "    picture, buffer = Image.new('P', size, 1), io.BytesIO()\n"
        "    picture.putpalette([255, 0, 0] * 256)\n"
        "    picture.save(buffer, 'PNG', transparency=0)\n"
        "    return {'data': base64.b64encode(buffer.getvalue()).decode()}\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) // 1024\n"
        "async def main():\n"
        "    async with Client(build_server(Application(Settings(), ServerSettings()))) as client:\n"
        "        small, large = data(64, 64), data(4000, 3000)\n"
        "        await client.call_tool('import_image', small)\n"
        "        before = peak()\n"
        "        calls = [client.call_tool('import_image', large) for _ in range(4)]\n"
        "        assert not any(result.is_error for result in await asyncio.gather(*calls))\n"
        "        print(peak() - before)\n"
        "asyncio.run(main())"
    )
    home = {**os.environ, "MURALIST_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=home)
    assert int(done.stdout) < 100, "megabytes"


def test_what_fits_is_taken_pixel_by_pixel() -> None:
    given = Image.effect_noise((128, 96), 80).convert("RGB")
    taken = picture(file(given), BOUNDS)
    assert taken.picture.tobytes() == given.tobytes()
    assert taken.notes == []


def test_a_photo_is_turned_upright_and_nothing_but_pixels_remains() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    exif[0x010F] = "a secret camera"
    given = plain(160, 128)
    given.paste("blue", (0, 0, 80, 128))
    taken = picture(file(given, "JPEG", exif=exif, comment=b"home address", icc_profile=b"p" * 200), BOUNDS)
    assert taken.picture.size == (128, 160)
    assert taken.picture.getpixel((64, 10)) == pytest.approx((0, 0, 255), abs=3)
    assert any("upright" in line for line in taken.notes)
    assert any("colour profile" in line for line in taken.notes)
    assert taken.picture.info == {}
    assert not taken.picture.getexif()


def test_texts_of_a_png_are_gone() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "my password")
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    assert picture(file(plain(), pnginfo=info), BOUNDS).picture.info == {}


def test_what_is_transparent_becomes_white() -> None:
    given = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    taken = picture(file(given, "WEBP", lossless=True), BOUNDS)
    assert taken.picture.getpixel((3, 3)) == (255, 255, 255)
    assert taken.notes == ["what was transparent is white now"]


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    given = Image.new("I;16", (64, 64), 0x8000)
    assert picture(file(given), BOUNDS).picture.getpixel((0, 0)) == (128, 128, 128)


def test_base64_is_taken_with_and_without_a_data_url() -> None:
    encoded = base64.b64encode(file(plain())).decode()
    assert from_base64(encoded, BOUNDS) == from_base64(f"data:image/png;base64,{encoded}", BOUNDS) == file(plain())


@pytest.mark.parametrize(
    "text", ["not base64!", "QUJ", "QUJD\nQUJD", "QUJD=QUJD", "data:text/html;base64,QUJD", "ÄÖ==", "A" * 12_000_000]
)
def test_what_is_no_strict_base64_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(BadImage, match=r"not base64|at most 8,388,608"):
        from_base64(text, BOUNDS)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A root with a picture, a secret beside the root, and ways from the one to the other."""
    root = tmp_path / "root"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "red.png").write_bytes(file(plain()))
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "rootless").mkdir()
    (tmp_path / "rootless" / "secret.png").write_bytes(b"secret")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / "good.png").symlink_to(root / "inner" / "red.png")
    os.mkfifo(root / "fifo")
    (root / "big.png").write_bytes(bytes(BOUNDS.bytes + 1))
    return root


@pytest.mark.parametrize("path", ["inner/red.png", "good.png", "inner/../inner/red.png"])
def test_a_file_inside_a_root_is_read(world: Path, path: str) -> None:
    assert read(str(world / path), ServerSettings(roots=[world]).roots, BOUNDS.bytes) == file(plain())


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("{root}/../secret.png", "does not lead into"),
        ("{root}/../nothing.png", "does not lead into"),
        ("{root}less/secret.png", "does not lead into"),
        ("{root}/link.png", "does not lead into"),
        ("{root}/out/secret.png", "does not lead into"),
        ("{root}/loop", "does not lead into|cannot be read"),
        ("{root}", "does not lead into"),
        ("{root}/red\0.png", "does not lead into"),
        ("inner/red.png", "does not lead into"),
        ("~/inner/red.png", "does not lead into"),
        ("file://{root}/inner/red.png", "does not lead into"),
        ("/proc/self/environ", "does not lead into"),
        ("/proc/self/root{root}/../secret.png", "does not lead into"),
        ("{root}/fifo", "no regular file"),
        ("{root}/inner", "no regular file"),
        ("{root}/missing.png", "cannot be read"),
        ("{root}/inner/red.png/more", "cannot be read"),
        ("{root}/big.png", "at most 8,388,608"),
        ("{root}/" + "a" * 5000, "cannot be read|does not lead into"),
    ],
)
def test_any_other_path_is_refused_in_one_line(world: Path, path: str, why: str) -> None:
    with pytest.raises((NotAllowed, BadImage), match=why) as refused:
        read(path.format(root=world), ServerSettings(roots=[world]).roots, BOUNDS.bytes)
    assert "\n" not in str(refused.value)


def test_proc_stays_closed_whatever_the_roots_are() -> None:
    with pytest.raises(NotAllowed):
        read(f"/proc/{os.getpid()}/environ", ServerSettings(roots=[Path("/proc")]).roots, BOUNDS.bytes)


def test_a_folder_swapped_for_a_link_after_the_check_is_not_followed(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def swapping(path: str, flags: int, *args: int, dir_fd: int | None = None) -> int:
        if path == "inner":
            (world / "inner").rename(world / "was")
            (world / "inner").symlink_to(world.parent / "rootless")
        return opened(path, flags, *args, dir_fd=dir_fd)

    monkeypatch.setattr(os, "supports_dir_fd", {swapping})
    monkeypatch.setattr(os, "open", swapping)
    (world.parent / "rootless" / "red.png").write_bytes(b"secret")
    with pytest.raises(NotAllowed, match="cannot be read"):
        read(str(world / "inner" / "red.png"), ServerSettings(roots=[world]).roots, BOUNDS.bytes)


def test_without_roots_no_file_is_read(world: Path) -> None:
    with pytest.raises(NotAllowed, match="MURALIST_ROOTS"):
        read(str(world / "inner" / "red.png"), [], BOUNDS.bytes)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MURALIST_ROOTS", '["/"]', "whole file system"),
        ("MURALIST_BEARER_TOKENS", '{"ann": "short"}', "16 or more"),
        ("MURALIST_BEARER_TOKENS", '{"ann": "0123456789abcdef", "bob": "0123456789abcdef"}', "one of its own"),
        ("MURALIST_BEARER_TOKENS", '{"a\\nb": "0123456789abcdef"}', "owner's name"),
        ("MURALIST_PUBLIC_URL", "http://paint.example", "not an https URL"),
        ("MURALIST_OAUTH_ISSUER", "https://me:secret@login.example", "not an https URL"),
    ],
)
def test_settings_that_would_open_too_much_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=why) as refused:
        load()
    assert name in str(refused.value).upper()
    assert not any(secret in str(refused.value) for secret in ("0123456789", "secret", 'short"'))
