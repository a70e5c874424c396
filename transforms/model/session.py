"""HTTP sessions of our clients of FHIR and DICOM stores."""

from __future__ import annotations

import http.cookiejar
from urllib.parse import urlsplit

import requests
import requests.adapters

from transforms.model.endpoints import LOOPBACK


def session_for(url: str, at_once: int) -> requests.Session:
    """A session for `at_once` requests at a time, without cookies; to this machine without the environment's proxies and passwords."""
    session = requests.Session()
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = urlsplit(url).hostname not in LOOPBACK
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=at_once))
    return session
