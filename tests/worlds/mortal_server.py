"""The MCP server in block world; it kills itself as `mortal.py` does, or sends itself another signal.

`python mortal_server.py POINT N [SIGNAL [ARGUMENTS OF serve]]`; the home folder is the environment's.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import block_world
import mortal

import muralist.painting  # noqa: F401 - the graph
from muralist.__main__ import main

if __name__ == "__main__":
    point, number, *more = sys.argv[1:]
    how = signal.Signals[more[0]] if more else signal.SIGKILL
    home = Path(os.environ["MURALIST_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    parts = mortal.install(home, mortal.Death(point, int(number), how))
    block_world.install(parts["painter"], parts["inspector"])
    sys.argv = ["muralist", "serve", *more[1:]]
    main()
