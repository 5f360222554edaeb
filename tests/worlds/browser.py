"""A headless Chromium that loads a page and tells what a script finds in it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")

PROBE = """<script>
async function until(condition) {
  while (!condition()) await new Promise((wake) => setTimeout(wake, 50));
}
(async () => {
  const said = document.createElement("output");
  try { said.textContent = JSON.stringify(await (async () => { %s })()); }
  catch (error) { said.textContent = JSON.stringify({ error: error.stack }); }
  said.id = "said";
  document.body.append(said);
})();
</script>"""


def look(page: str, script: str, folder: Path, *, seconds: int = 10) -> Any:
    """What `script` returns, run at the end of `page`: the body of an async function, with `until(condition)`.

    `seconds` are the page's own, which pass as fast as it has nothing to do.
    """
    assert CHROMIUM is not None
    file = folder / "page.html"
    file.write_text(page + PROBE % script, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,900", "--dump-dom"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--virtual-time-budget={1000 * seconds}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    said = re.search(r'<output id="said">(.*?)</output>', done.stdout, re.DOTALL)
    assert said, f"the script never ended: {done.stdout[-2000:]}"
    found = json.loads(html.unescape(said[1]))
    assert not (isinstance(found, dict) and "error" in found), found["error"]
    return found
