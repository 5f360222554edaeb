"""`python -m muralist`: the command line."""

from __future__ import annotations

from .signals import heed, leave


def main() -> None:
    """Run the command line; exits with its status."""
    heed()
    from muralist.cli import app

    try:
        app()
    except SystemExit as end:
        leave(end.code)
        raise


if __name__ == "__main__":
    main()
