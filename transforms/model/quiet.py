"""Libraries that print values are kept from doing so, whatever log level the user chose (PHI discipline)."""

from __future__ import annotations

import logging
import warnings

import pydicom.config

_TALKATIVE = ("apache_beam", "pydicom", "pytesseract", "PIL", "urllib3", "fontTools", "httpx", "google", "uvicorn", "asyncio")


def quiet_libraries() -> None:
    """Cap these loggers at WARNING (pydicom, dicomweb-client at CRITICAL, urllib3 at ERROR); drop pydicom's warnings, which quote values.

    Called by every entry point and by each stage's `setup`, since workers are processes of their own.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("pydicom", "dicomweb_client", "retrying"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # a warning of its quotes the URL, which may name a source
    warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
