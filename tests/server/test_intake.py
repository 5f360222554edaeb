"""Pictures from outside: which are taken and how, and everything that is refused."""

from __future__ import annotations

import base64
import io
import os
import resource
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from muralist.server.intake.decoding import from_base64, picture
from muralist.server.intake.paths import read
from muralist.server.settings import ServerSettings, load
from muralist.tools.errors import BadImage, BadSettings, NotAllowed

SETTINGS = ServerSettings()


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


def wide_webp() -> bytes:
    """A lossless WebP that claims 16384x16384 pixels."""
    whole = bytearray(file(plain(), "WEBP", lossless=True))
    whole[21:25] = struct.pack("<I", 16383 | 16383 << 14)
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
    "a WebP header that does": (wide_webp, "16384x16384 pixels"),
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
    "too many bytes": (lambda: file(plain()) + bytes(SETTINGS.import_bytes), "at most 8,388,608"),
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
        picture(data, SETTINGS)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_data_that_inflates_beyond_the_picture_is_not_inflated() -> None:
    bomb = png(128, 96, zlib.compress(bytes(INFLATED), 9))
    with little_memory():
        assert picture(bomb, SETTINGS).picture.size == (128, 96)


def test_a_large_photo_is_scaled_and_cropped_and_that_is_told() -> None:
    taken = picture(file(plain(4099, 2100)), SETTINGS)
    assert taken.picture.size == (2048, 1048)
    assert taken.told == [
        "scaled from 4099x2100 to 2048x1049 pixels",
        "cropped to 2048x1048 pixels, multiples of 8",
    ]


def test_what_fits_is_taken_pixel_by_pixel() -> None:
    given = Image.effect_noise((128, 96), 80).convert("RGB")
    taken = picture(file(given), SETTINGS)
    assert taken.picture.tobytes() == given.tobytes()
    assert taken.told == []


def test_a_photo_is_turned_upright_and_nothing_but_pixels_remains() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    exif[0x010F] = "a secret camera"
    given = plain(160, 128)
    given.paste("blue", (0, 0, 80, 128))
    taken = picture(file(given, "JPEG", exif=exif, comment=b"home address", icc_profile=b"p" * 200), SETTINGS)
    assert taken.picture.size == (128, 160)
    assert taken.picture.getpixel((64, 10)) == pytest.approx((0, 0, 255), abs=3)
    assert any("upright" in line for line in taken.told)
    assert any("colour profile" in line for line in taken.told)
    assert taken.picture.info == {}
    assert not taken.picture.getexif()


def test_texts_of_a_png_are_gone() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "my password")
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    assert picture(file(plain(), pnginfo=info), SETTINGS).picture.info == {}


def test_what_is_transparent_becomes_white() -> None:
    given = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    taken = picture(file(given, "WEBP", lossless=True), SETTINGS)
    assert taken.picture.getpixel((3, 3)) == (255, 255, 255)
    assert taken.told == ["what was transparent is white now"]


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    given = Image.new("I;16", (64, 64), 0x8000)
    assert picture(file(given), SETTINGS).picture.getpixel((0, 0)) == (128, 128, 128)


def test_base64_is_taken_with_and_without_a_data_url() -> None:
    encoded = base64.b64encode(file(plain())).decode()
    assert from_base64(encoded, SETTINGS) == from_base64(f"data:image/png;base64,{encoded}", SETTINGS) == file(plain())


@pytest.mark.parametrize(
    "text", ["not base64!", "QUJ", "QUJD\nQUJD", "QUJD=QUJD", "data:text/html;base64,QUJD", "ÄÖ==", "A" * 12_000_000]
)
def test_what_is_no_strict_base64_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(BadImage, match=r"not base64|at most 8,388,608"):
        from_base64(text, SETTINGS)


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
    (root / "big.png").write_bytes(bytes(SETTINGS.import_bytes + 1))
    return root


@pytest.mark.parametrize("path", ["inner/red.png", "good.png", "inner/../inner/red.png"])
def test_a_file_inside_a_root_is_read(world: Path, path: str) -> None:
    assert read(str(world / path), ServerSettings(roots=[world])) == file(plain())


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
        read(path.format(root=world), ServerSettings(roots=[world]))
    assert "\n" not in str(refused.value)


def test_proc_stays_closed_whatever_the_roots_are() -> None:
    with pytest.raises(NotAllowed):
        read(f"/proc/{os.getpid()}/environ", ServerSettings(roots=[Path("/proc")]))


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
        read(str(world / "inner" / "red.png"), ServerSettings(roots=[world]))


def test_without_roots_no_file_is_read(world: Path) -> None:
    with pytest.raises(NotAllowed, match="MURALIST_ROOTS"):
        read(str(world / "inner" / "red.png"), SETTINGS)


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
