"""`make proof-clients`: real clients against the server, its output kept in `docs/proof/clients.txt`."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from muralist.evals.proof import FOLDER, present, stamp

HERE = Path(__file__).parent
PROOF = FOLDER / "clients.txt"
PARTS: dict[str, list[str]] = {
    "The official conformance suite": [str(HERE / "conformance.py")],
    "MCP Inspector": [str(HERE / "inspector_cli.py")],
    "Python clients": [str(HERE / "python_clients.py")],
    "What the server costs": [str(HERE / "overhead.py")],
    "Fifty clients for a minute": [str(HERE / "load.py")],
    "Hostile inputs": [str(HERE / "hostile.py")],
    "Both transports, both generations of the protocol": ["-m", "pytest", "-vv", "--no-header", str(HERE)],
}


def main() -> int:
    """Run every part, and write down what it printed, whether or not it went well."""
    texts, failed = [], False
    for title, arguments in PARTS.items():
        began = datetime.now(UTC)
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        took = (datetime.now(UTC) - began).seconds
        outcome = "" if done.returncode == 0 else f", exit code {done.returncode}"
        heading = f"{title} ({took} s{outcome})"
        texts.append(f"{heading}\n{'-' * len(heading)}\n{done.stdout.strip()}\n")
        failed = failed or done.returncode != 0
        print(f"{texts[-1]}\n{done.stderr[-2000:] if done.returncode else ''}", flush=True)
    PROOF.write_text(stamp("make proof-clients", present()) + "\n".join(texts), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
