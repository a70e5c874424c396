"""How a command ends: its exit code, and one sentence on standard error for every expected fault."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable

from transforms.model.errors import ConfigError, PreflightError, StoreError
from transforms.model.quiet import quiet_libraries


class ExitCode(enum.IntEnum):
    """DESIGN, Four outcomes."""

    OK = 0
    NOT_ALL_PUBLISHED = 1
    REFUSED = 2
    NOT_RECONCILED = 3
    """Counts do not reconcile, or there are none, since the run broke off: the destination is not to be released."""
    INTERRUPTED = 130
    """Ctrl-C; what shells say of it."""


class BrokenOffError(Exception):
    """A run did not come to its end. Its text holds no PHI."""


def guarded(command: Callable[[], int]) -> int:
    """The exit code of a command that may end in an expected fault."""
    quiet_libraries()
    try:
        return command()
    except (ConfigError, PreflightError, StoreError) as fault:
        print(f"dicom-deid: {fault}", file=sys.stderr)
        return ExitCode.REFUSED
    except BrokenOffError as fault:
        print(f"dicom-deid: {fault}", file=sys.stderr)
        return ExitCode.NOT_RECONCILED
    except OSError as fault:  # its text names a file
        why = fault.strerror or type(fault).__name__
        print(f"dicom-deid: a file or folder that it needs cannot be used ({why}); mend that, and start again.", file=sys.stderr)
        return ExitCode.NOT_RECONCILED
    except KeyboardInterrupt:
        print("dicom-deid: interrupted; start the same command again to go on.", file=sys.stderr)
        return ExitCode.INTERRUPTED
