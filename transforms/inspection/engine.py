"""What an engine is, and those that there are: each made once in a process, its answers remembered."""

from __future__ import annotations

import collections
import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from transforms.inspection.finding import TextFinding

if TYPE_CHECKING:
    from transforms.inspection.dlp import CloudDlp
    from transforms.inspection.ner import PresidioEngine

_REMEMBERED = 4096


class Engine(Protocol):
    """What finds names and places that neither the header nor a form gives away."""

    def find(self, text: str) -> list[TextFinding]:
        """What stands in a text; findings may overlap. Raises InstanceProblem where an engine far away does not answer."""
        ...

    def expect(self, texts: Iterable[str]) -> None:
        """Texts that will be asked about: an engine far away is asked for all of them now, one on this machine does not look at them.

        Raises InstanceProblem as `find` does.
        """
        ...


Ask = Callable[[Sequence[str]], list[list[TextFinding]]]
"""What stands in each of some texts."""


class RememberingEngine:
    """Asked once for equal texts, since headers repeat from instance to instance; for any number of threads.

    The last 4,096 answers are kept, and all to the texts that were expected last.
    """

    def __init__(self, ask: Ask, far: bool) -> None:
        """`far`: whether a question costs a round trip, so that texts are better asked together."""
        self._ask, self._far = ask, far
        self._answers: collections.OrderedDict[str, list[TextFinding]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def find(self, text: str) -> list[TextFinding]:
        """As the engine's."""
        with self._lock:
            answer = self._answers.get(text)
            if answer is not None:
                self._answers.move_to_end(text)
                return answer
        (answer,) = self._ask([text])
        self._remember([text], [answer])
        return answer

    def expect(self, texts: Iterable[str]) -> None:
        """As the engine's. `texts` is not begun where nothing is asked together, so that it may be costly to make."""
        if not self._far:
            return
        wanted = dict.fromkeys(texts)
        with self._lock:
            new = [text for text in wanted if text not in self._answers]
            for text in wanted.keys() - set(new):
                self._answers.move_to_end(text)
        if new:
            self._remember(new, self._ask(new))

    def _remember(self, texts: Sequence[str], answers: Sequence[list[TextFinding]]) -> None:
        with self._lock:
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
            self._answers.update(zip(texts, answers, strict=True))


def engine_of(dlp_parent: str, info_types: frozenset[str]) -> Engine:
    """The engine of a plan: Cloud DLP in this project and location, asked for these infoTypes, or where none is named the local one."""
    return _dlp_engine(dlp_parent, info_types) if dlp_parent else local_engine()


@functools.cache
def local_engine() -> Engine:
    """The local engine of this process, loaded when the first text is asked for."""
    return RememberingEngine(lambda texts: [_presidio().find(text) for text in texts], far=False)


@functools.cache
def _presidio() -> PresidioEngine:
    from transforms.inspection.ner import PresidioEngine  # noqa: PLC0415 - spaCy takes seconds to import, and most commands inspect nothing

    return PresidioEngine()


_services: list[CloudDlp] = []
"""Those that this process has made."""


def requests_sent() -> int:
    """How many requests this process has sent to Cloud DLP so far; texts that are remembered cost none."""
    return sum(service.requests for service in _services)


@functools.cache
def _dlp_engine(parent: str, info_types: frozenset[str]) -> Engine:
    from transforms.inspection.dlp import CloudDlp  # noqa: PLC0415 - Google's client takes seconds to import

    service = CloudDlp(parent, info_types)
    _services.append(service)
    return RememberingEngine(service.find_all, far=True)
