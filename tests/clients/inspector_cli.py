"""MCP Inspector's command line against the server: both transports, both generations of the protocol.

    python tests/clients/inspector_cli.py

Exits with 1 if a method fails, or if `tools/list` in strict mode finds a schema that some client cannot take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version

from foreign import Absent, NodePackage, node_package
from servers import fresh_home, over_http, stdio_command

PACKAGE, VERSION = "@modelcontextprotocol/inspector", "2.12.0"
ERAS = ("legacy", "modern")
PROMPT = "a red car to the left of a blue vase"
METHODS: dict[str, list[str]] = {
    "tools/list --strict": ["--method", "tools/list", "--strict"],
    "tools/call recaption": ["--method", "tools/call", "--tool-name", "recaption", "--tool-arg", f"prompt={PROMPT}"],
    "resources/list": ["--method", "resources/list"],
    "resources/templates/list": ["--method", "resources/templates/list"],
    "prompts/list": ["--method", "prompts/list"],
}


def main() -> int:
    """Run every method, and print a table."""
    try:
        inspector = node_package(PACKAGE, VERSION)
    except Absent as absent:
        print(f"the Inspector was not run: {absent}")
        return 1
    print(f"MCP Inspector {VERSION} on node {inspector.node_version}; mcp {version('mcp')}\n")
    with fresh_home() as environment, over_http(environment=environment) as url:
        places = [(transport, era) for transport in ("stdio", "HTTP") for era in ERAS]
        print(f"{'':<26}" + "".join(f"{f'{transport}, {era}':>24}" for transport, era in places))
        passed_on = ["-e", f"MURALIST_HOME={environment['MURALIST_HOME']}"]
        failed = []
        for name, arguments in METHODS.items():
            cells = []
            for transport, era in places:
                target = [url] if transport == "HTTP" else [*stdio_command(), *passed_on]
                cell, trouble = asked(inspector, [*target, *arguments, "--protocol-era", era], environment)
                cells.append(cell)
                failed += [f"{name}, {transport}, {era}: {trouble}"] if trouble else []
            print(f"{name:<26}" + "".join(f"{cell:>24}" for cell in cells))
    for line in failed:
        print(f"\nFAILED {line}")
    return 1 if failed else 0


def asked(inspector: NodePackage, arguments: list[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """What came back, in short, and what was wrong with it."""
    command = [*inspector.command("mcp-inspector"), "--cli", *arguments]
    its_own = {**environment, "HOME": environment["MURALIST_HOME"]}  # where it would leave a folder
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=its_own)
    if done.returncode:
        return f"exit code {done.returncode}", (done.stderr or done.stdout).strip()[-600:]
    answer = json.loads(done.stdout)
    if "content" in answer:
        return ("an error", str(answer["content"])) if answer.get("isError") else ("structured content", "")
    ((kind, listed),) = ((key, value) for key, value in answer.items() if isinstance(value, list))
    return f"{len(listed)} {kind}"[:23], ""


if __name__ == "__main__":
    sys.exit(main())
