"""`dicom-deid retry`: an operation's own command again. What is written stays; what failed, or was held, is done anew."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from pipeline.operation import Operation
from transforms.model.errors import ConfigError
from transforms.model.resolve import crypto_keys
from transforms.model.storage import remove, replace
from transforms.model.workspace import OperationFolder

if TYPE_CHECKING:  # a server imports this, and has no use for what a run needs
    from pipeline.options import Settings
    from pipeline.request import Request


def remember(folder: OperationFolder, settings: Settings, request: Request) -> None:
    """Keep the command of a run, unless it holds a key itself: key material is never written down."""
    spoken = any((given or "").lstrip().startswith("{") for given in (settings.config, settings.request))
    if spoken and any(crypto_keys(request.config)):
        remove(folder.command_file)
        return
    command = {"folder": os.getcwd(), "arguments": settings.command}  # noqa: PTH109 - a string
    replace(folder.command_file, json.dumps(command).encode() + b"\n")


def forget_words(folder: OperationFolder, words: Collection[str]) -> None:
    """Leave words out of the command that is kept, if one is: what they name will not be there for a retry."""
    with contextlib.suppress(FileNotFoundError):
        command = json.loads(folder.command_file.read_bytes())
        command["arguments"] = [word for word in command["arguments"] if word not in words]
        replace(folder.command_file, json.dumps(command).encode() + b"\n")


def retry(operation: Operation, run: Callable[[list[str]], int]) -> int:
    """Run the operation's command again, where it was given; the exit code of `run`.

    It stays this operation: `run` refuses where its config or another file has changed. Raises ConfigError where no command was kept.
    """
    try:
        command = json.loads(operation.folder.command_file.read_bytes())
    except FileNotFoundError:
        why = "its command is not kept, since it held a key in its config, or never came to its start"
        raise ConfigError("--operation", why, "start its run command again") from None
    here = [f"--workspace={operation.workspace.root}", f"--operation_id={operation.name.operation_id}"]
    if not os.access(command["folder"], os.R_OK | os.X_OK):
        raise ConfigError("--operation", "the folder in which its command was given is gone", "start its run command again")
    remove(operation.folder.cancelled_file)  # of a server that was killed before it had done so
    with contextlib.chdir(command["folder"]):
        return run([*(word for word in command["arguments"] if word not in here), *here])
