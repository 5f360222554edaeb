"""Everything that can go wrong in a way the caller can mend."""

from __future__ import annotations

from .printable import printable

LONGEST = 2000
"""Characters of a message."""


class MuralistError(RuntimeError):
    """A one-line message: what was wrong, where, and what would be right.

    A RuntimeError, since graph servers tell their clients the messages of built-in kinds only.
    """

    def __init__(self, message: str = "") -> None:
        # What is quoted in it, a prompt or a model's words, may have lines of its own, and many, or command a terminal.
        line = printable(" ".join(message.split()))
        super().__init__(line if len(line) <= LONGEST else f"{line[:LONGEST]}…")


class BadPrompt(MuralistError):
    """The prompt is empty, too long, or asks for what the backbone cannot draw."""


class BadScene(MuralistError):
    """A scene that loses part of its prompt, adds to it, or refers to entities it does not have."""


class BadLayout(MuralistError):
    """A layout that cannot be painted or does not show the scene."""


class BadEdit(MuralistError):
    """An edit that names nothing on the picture, or nothing that can be done to it."""


class BadSettings(MuralistError):
    """A size, step count, seed or name outside of what is possible."""


class BadImage(MuralistError):
    """A picture from outside that is damaged, too large, or of a kind that is not taken."""


class NotAllowed(MuralistError):
    """A path, an address or a link that may not be used."""


class PreconditionFailed(MuralistError):
    """A tool was called before what it needs exists."""


class BackboneError(MuralistError):
    """The backbone or a detector is missing, damaged, or produced an unusable picture."""


class DeviceLost(BackboneError):
    """A device went wrong for good: nothing can be done on it before the process is started anew."""


class Busy(MuralistError):
    """As many pictures are waiting as may; nothing was begun."""


class OutOfTime(MuralistError):
    """A picture was not finished by its deadline."""


class StoreError(MuralistError):
    """The store could not read or write; nothing half-written is left."""

    @classmethod
    def of(cls, error: Exception) -> StoreError:
        """What the disk or SQLite has to say; whoever is served reads it, too: no path is in it."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return cls(
            f"cannot use the folder of MURALIST_HOME: {reason}; choose a folder that can be written and has room"
        )

    @classmethod
    def damaged(cls, file: str, reason: object) -> StoreError:
        """A file of the home folder that cannot be used as it is."""
        return cls(
            f"{file} in the folder of MURALIST_HOME is damaged or not muralist's ({reason}): move it away, or choose "
            "another folder"
        )


class TakenOver(StoreError):
    """Another process holds the run by now, and goes on with it."""


class NotFound(MuralistError):
    """No run or image of that id."""


class Refused(MuralistError):
    """A model declined the content; the message is its reason."""


class NoAnswer(MuralistError):
    """A model's replies could not be read, though it was told what was wrong with them."""


class EndpointError(MuralistError):
    """A model's endpoint cannot be reached, does not let us in, or does not speak chat completions."""


class Outage(EndpointError):
    """A model's endpoint cannot be reached or is overloaded just now: the same call may work later."""


class NoVision(EndpointError):
    """A model takes no pictures."""


class OutOfBudget(MuralistError):
    """The run has no calls, tokens or money left for another call of a model."""


class Cancelled(MuralistError):
    """Someone stopped the run; what was finished is kept."""
