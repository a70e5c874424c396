"""Beam's local workers open their ports on every interface, without asking who calls; here they listen on loopback alone.

Through such a port any file of this process can be fetched (Beam's artifact service), so it may not be seen from outside.
"""

from __future__ import annotations

from typing import Any

import grpc  # type: ignore[import-untyped]  # no types are published for it
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.worker import worker_pool_main

EVERYWHERE, LOOPBACK = "[::]:", "127.0.0.1:"


class _LoopbackGrpc:
    """The grpc module as Beam's local runner sees it; only its servers differ."""

    def __getattr__(self, name: str) -> Any:
        return getattr(grpc, name)

    @staticmethod
    def server(*arguments: Any, **options: Any) -> grpc.Server:
        """A server whose ports on every interface become ports on loopback."""
        made = grpc.server(*arguments, **options)
        add = made.add_insecure_port
        made.add_insecure_port = lambda address: add(address.replace(EVERYWHERE, LOOPBACK))
        return made


def listen_on_loopback() -> None:
    """From now on, in this process. Beam 2.77 has no option for it; tests/e2e/test_loopback.py notices if a later one moves it."""
    for module in (worker_handlers, local_job_service, worker_pool_main):
        module.grpc = _LoopbackGrpc()
