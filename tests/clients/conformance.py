"""The official conformance suite: both requirement sets against the server with the suite's fixtures, and what needs no
fixtures against the server as it is. Exits with 1 if anything that is scored fails.

    python tests/clients/conformance.py [--if-possible]

With `--if-possible` a machine without npm, or without a way to the package, is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from foreign import Absent, NodePackage, node_package
from servers import fresh_home, over_http

PACKAGE, VERSION = "@modelcontextprotocol/conformance", "0.2.0-alpha.12"
REVISIONS = ("2025-11-25", "2026-07-28")
FIXTURE_FREE = {
    "server-initialize",
    "server-session-lifecycle",
    "server-stateless",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "server-sse-multiple-streams",
    "dns-rebinding-protection",
    "sep-2164-resource-not-found",
    "caching",
    "input-required-result-unsupported-methods",
    "http-header-validation",
}
"""Scenarios that ask for nothing by a name of their own."""
CALLS_A_FIXTURE = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
    "sep-2575-server-sends-prompts-list-changed-on-subscription",
    "sep-2575-server-sends-tools-list-changed-on-subscription",
}
"""Checks of these scenarios that do all the same; without the fixtures they say nothing, and count as untested."""


@dataclass
class Outcome:
    """What became of one requirement set."""

    title: str
    scored: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failures


def main() -> int:
    """Run everything, and print a table."""
    try:
        suite = node_package(PACKAGE, VERSION)
    except Absent as absent:
        print(f"the conformance suite was not run: {absent}")
        return 0 if "--if-possible" in sys.argv else 1
    print(f"conformance suite {VERSION} on node {suite.node_version}; mcp {version('mcp')}\n")
    outcomes = []
    for flags, label, only in (
        (["--fixtures"], "with the fixtures", None),
        ([], "as it is", FIXTURE_FREE),
    ):
        with fresh_home() as environment, over_http(*flags, environment=environment) as url:
            outcomes += [measured(suite, url, revision, label, only) for revision in REVISIONS]
    print_table(outcomes)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def measured(suite: NodePackage, url: str, revision: str, label: str, only: Collection[str] | None) -> Outcome:
    """One run of the suite; `only` names the scenarios that are looked at, by default all."""
    requirements = yaml.safe_load((suite.folder / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8"))
    required = [name for name in requirements["server"] if only is None or name in only]
    reasons = {entry["scenario"]: entry["reason"] for entry in requirements["not_scored"] if entry["leg"] == "server"}
    outcome = Outcome(f"{revision}, {label}")
    with tempfile.TemporaryDirectory() as results:
        arguments = ["server", "--url", url, "--requirements", revision, "--output-dir", results]
        ran = subprocess.run(suite.command("conformance") + arguments, capture_output=True, text=True, check=False)
        if only is None and ran.returncode:
            outcome.failures.append(f"the suite's own exit code is {ran.returncode}")
        for scenario in required:
            checks = _checks(Path(results), scenario)
            if not checks:
                outcome.failures.append(f"{scenario}: left no result")
            if only is not None:
                outcome.asides += [f"untested: {check['id']}" for check in checks if check["id"] in CALLS_A_FIXTURE]
                checks = [check for check in checks if check["id"] not in CALLS_A_FIXTURE]
            outcome.asides += [f"warning: {_said(check)}" for check in checks if check["status"] == "WARNING"]
            outcome.failures += [f"{scenario}, {_said(check)}" for check in checks if check["status"] == "FAILURE"]
            outcome.scored.update(check["status"] for check in checks)
        for scenario, reason in reasons.items():
            if only is None or scenario in only:
                checks = _checks(Path(results), scenario)
                outcome.unscored.update(check["status"] for check in checks)
                failed = [_said(check) for check in checks if check["status"] == "FAILURE"]
                if failed:
                    outcome.asides.append(f"not scored ({reason}): {scenario} fails {len(failed)}, {failed[0]}")
    return outcome


def _checks(results: Path, scenario: str) -> list[dict[str, Any]]:
    """Every check of a scenario, from `server-<scenario>-<timestamp>/checks.json`."""
    found: list[dict[str, Any]] = []
    for file in results.glob(f"server-{scenario}-2*/checks.json"):
        found += json.loads(file.read_text(encoding="utf-8"))
    return found


def _said(check: dict[str, Any]) -> str:
    return f"{check['id']}: {check.get('errorMessage', '')}"


def print_table(outcomes: Iterable[Outcome]) -> None:
    """A row per requirement set, then what failed and what is worth knowing."""
    print(f"{'checks':<32}{'scored: passed':>16}{'failed':>8}{'unscored: passed':>20}{'failed':>8}")
    for outcome in outcomes:
        scored, unscored = outcome.scored, outcome.unscored
        print(
            f"{outcome.title:<32}{scored['SUCCESS']:>16}{scored['FAILURE']:>8}"
            f"{unscored['SUCCESS']:>20}{unscored['FAILURE']:>8}"
        )
    for outcome in outcomes:
        for line in outcome.failures:
            print(f"\nFAILED {outcome.title}: {line}")
        if outcome.asides:
            print(f"\n{outcome.title}")
            print("\n".join(f"  {line[:140]}" for line in outcome.asides))


if __name__ == "__main__":
    sys.exit(main())
