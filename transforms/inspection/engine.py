"""What an engine is, and the one that is used unless another is named: made once in a process, its answers remembered."""

from __future__ import annotations

import collections
import functools
from typing import Protocol

from transforms.inspection.finding import TextFinding

_REMEMBERED = 4096


class Engine(Protocol):
    """What finds names and places that neither the header nor a form gives away."""

    def find(self, text: str) -> list[TextFinding]:
        """What stands in a text; findings may overlap."""
        ...


class RememberingEngine:
    """Another engine, asked once for equal texts, since headers repeat from instance to instance. The last 4,096 answers are kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._answers: collections.OrderedDict[str, list[TextFinding]] = collections.OrderedDict()

    def find(self, text: str) -> list[TextFinding]:
        """As the engine's."""
        if text in self._answers:
            self._answers.move_to_end(text)
            return self._answers[text]
        answer = self._engine.find(text)
        self._answers[text] = answer
        if len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)
        return answer


@functools.cache
def local_engine() -> Engine:
    """The local engine of this process, loaded when it is first asked for."""
    from transforms.inspection.ner import PresidioEngine  # noqa: PLC0415 - spaCy takes seconds to import, and most commands inspect nothing

    return RememberingEngine(PresidioEngine())
