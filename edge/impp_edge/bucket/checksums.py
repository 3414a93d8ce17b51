"""Whether a server verifies checksums: what the proof of an upload rests on.

S3 calculates a checksum of the bytes that it receives and rejects a request whose checksum differs (S3 user guide,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html). Other servers may store
whatever arrives and report the checksum that they were sent. Each is therefore probed before its first upload.
"""

from __future__ import annotations

import re
import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from impp_edge.bucket.s3 import S3

PROBE = ".impp-probe"
"""Name, below a device's prefix, that is probed; no footage has it, and the pipeline never sees it: S3 itself is not
probed, and a server that verifies stores nothing there."""
_REGION = r"[a-z]{2}(-[a-z]+)+-\d{1,2}"
_OF_AWS = re.compile(rf"(.+\.)?s3(-fips|-accelerate)?(\.dualstack)?(\.{_REGION})?(\.vpce)?\.amazonaws\.com(\.cn)?")
"""S3's endpoints, also of an interface VPC endpoint (AWS General Reference, "Amazon S3 endpoints and quotas"). Not
every host of amazonaws.com: customers' instances and load balancers have such names too."""


class Basis(StrEnum):
    """What a proof rests on."""

    DOCUMENTED = "documented"
    PROBED = "probed"
    UNVERIFIED = "unverified"
    UNKNOWN = "unknown"

    @property
    def is_verified(self) -> bool:
        """Whether the server refuses bytes that do not match their checksum."""
        return self in (Basis.DOCUMENTED, Basis.PROBED)

    @property
    def text(self) -> str:
        """In words."""
        return _TEXTS[self]


_TEXTS = {
    Basis.DOCUMENTED: "S3 refuses bytes that do not match their checksum, as AWS documents",
    Basis.PROBED: "the server refuses bytes that do not match their checksum: it refused a wrong one",
    Basis.UNVERIFIED: "the server verifies no checksums: it stored bytes with a wrong one",
    Basis.UNKNOWN: "it is unknown whether the server verifies checksums: the probe failed",
}


class Facts(Protocol):
    """Small facts kept between runs: :class:`State` implements it."""

    def get(self, name: str, /) -> str | None:
        """A fact kept by :meth:`set`."""

    def set(self, name: str, value: str | None, /) -> None:
        """Keep a fact."""


class Checksums:
    """What proofs against one bucket rest on, asked once. Thread-safe."""

    def __init__(self, s3: S3) -> None:
        self._s3 = s3
        self._mutex = threading.Lock()
        self._basis: Basis | None = None

    def basis(self, key: str, facts: Facts | None = None) -> Basis:
        """The basis for the device that ``key`` belongs to. With ``facts``, a server that refused a wrong checksum in
        an earlier run is not probed again.

        Raises :class:`Offline`, :class:`Refused` and :class:`Stopped`.
        """
        with self._mutex:
            if self._basis is None:
                self._basis = self._ask(key, facts)
            return self._basis

    def _ask(self, key: str, facts: Facts | None) -> Basis:
        place = self._s3.place
        if _OF_AWS.fullmatch(place.host):
            return Basis.DOCUMENTED
        name = f"verifies {place.scheme}://{place.netloc}{place.base}"
        if facts is not None and facts.get(name) is not None:
            return Basis.PROBED
        refuses = self._s3.refuses_damage("/".join([*key.split("/")[:3], PROBE]))
        if refuses is None:
            return Basis.UNKNOWN
        if refuses and facts is not None:
            facts.set(name, "yes")
        return Basis.PROBED if refuses else Basis.UNVERIFIED
