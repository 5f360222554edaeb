"""`python -m muralist`: the command line."""

from __future__ import annotations


def main() -> None:
    """Run the command line; exits with its status."""
    from muralist.server.cli import app

    app()


if __name__ == "__main__":
    main()
