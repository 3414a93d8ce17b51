"""Removes what a run has made, and nothing else. It needs only the run's device name, so another process can do it.

Everything is found from the originals, which carry the device in their keys and so go last: a clean-up that stops
halfway can be repeated. An asset whose catalog item names another original is left alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from impp_cli.archive.documents import Documents
from impp_lambdas.core import keys
from impp_lambdas.core.contention import Contended
from impp_lambdas.core.intake.sources import SOURCES
from impp_lambdas.core.planning.transcription import job_name
from impp_lambdas.core.results.index import place_of
from impp_smoke.alerts import AlertQueue
from impp_smoke.environment import Environment
from impp_smoke.evidence import Execution, Lookup

DEVICE_PREFIX: Final = "smoke-"
ROOTS: Final = (keys.ORIGINALS, "sidecars/")
CLAIMED_WITHIN_S: Final = 60.0
"""How long the event of an upload may take to start its execution; without one nothing has happened."""
ENDED_WITHIN_S: Final = 300.0
"""How long a stopped execution, and the function that records its end, may take."""
POLL_S: Final = 1.0
BATCH: Final = 1000
"""Most objects per DeleteObjects request (S3's API reference)."""
UNFINISHED: Final = (None, "processing")

Step = Callable[[], None]


@dataclass(frozen=True)
class Version:
    """An object version or delete marker."""

    key: str
    version: str
    is_marker: bool = False


@dataclass
class Cleaned:
    """What a clean-up has removed, by kind, and what it had to leave, each with its reason."""

    removed: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)


class Cleaner:
    """Cleans up after the run with this device."""

    def __init__(
        self,
        environment: Environment,
        device: str,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not device.startswith(DEVICE_PREFIX) or len(device) <= len(DEVICE_PREFIX):
            raise ValueError(f"{device!r} is not the device of a smoke run")
        self._environment = environment
        self._device = device
        self._lookup = Lookup(environment)
        self._now, self._sleep = now, sleep
        self._bucket = str(environment.outputs["ingest_bucket"])
        self._s3 = environment.client("s3")
        self._unrecorded: set[Version] = set()  # originals whose execution may still write something
        self.result = Cleaned()

    def clean(self) -> Cleaned:
        """Stop what still runs, then remove everything. What AWS refuses is in `left`."""
        self._try("the queue of alerts", AlertQueue(self._environment, self._device).close)
        self._try("unfinished uploads", self._abort_uploads)
        try:
            versions = [version for prefix in self._prefixes() for version in self._versions(self._bucket, prefix)]
        except (ClientError, BotoCoreError) as error:
            self.result.left.append(f"s3://{self._bucket}/originals/*/{self._device}/: {error}")
            return self.result
        originals = [v for v in versions if v.key.startswith(keys.ORIGINALS) and not v.is_marker]
        executions: dict[Version, Execution | None] = dict.fromkeys(originals)
        before = len(self.result.left)
        self._try("executions", partial(self._stop_all, originals, executions))
        for original in executions.keys() - self._unrecorded:
            self._try(f"results of {original.key}", partial(self._remove_results, original, executions[original]))
        if len(self.result.left) == before:  # the originals lead to the rest
            self._try(f"s3://{self._bucket}", partial(self._delete, "originals", self._bucket, versions))
        else:
            self.result.left.append(f"{len(versions)} object versions in s3://{self._bucket}, to find the rest by")
        return self.result

    # --- what still runs ---

    def _stop_all(self, originals: list[Version], executions: dict[Version, Execution | None]) -> None:
        """Fill in the executions of these originals, and wait until all of them have ended."""
        claimed = self._claimed(originals)
        executions |= claimed
        running = self._unrecorded
        running |= {original for original, execution in claimed.items() if not execution.has_ended}
        for original in running:
            self._try(f"execution {claimed[original].arn}", partial(self._stop, claimed[original].arn))
        deadline = self._now() + ENDED_WITHIN_S
        while running and self._now() < deadline:
            for original in list(running):
                claimed[original] = self._lookup.refreshed(claimed[original])
                is_over = claimed[original].has_ended and self._is_recorded(original, claimed[original])
                if is_over and not self._is_transcribing(original, claimed[original]):
                    running.discard(original)
            if running:
                self._sleep(POLL_S)
        self.result.left += [f"an execution whose end is not recorded: {claimed[o].link}" for o in running]

    def _claimed(self, originals: list[Version]) -> dict[Version, Execution]:
        """The execution of each original; those whose event is still under way are waited for."""
        executions: dict[Version, Execution] = {}
        deadline = self._now() + CLAIMED_WITHIN_S
        while True:
            for original in originals:
                claim = {} if original in executions else self._claim(original)
                if "execution" in claim:
                    executions[original] = self._lookup.refreshed(Execution(claim["execution"], "RUNNING"))
            if len(executions) == len(originals) or self._now() > deadline:
                return executions
            self._sleep(POLL_S)

    def _claim(self, original: Version) -> dict[str, Any]:
        return self._lookup.item(keys.catalog_claim(self._bucket, original.key, original.version))

    def _stop(self, arn: str) -> None:
        self._environment.client("stepfunctions").stop_execution(executionArn=arn, cause="the smoke run cleans up")
        self.result.removed["executions stopped"] += 1

    def _is_recorded(self, original: Version, execution: Execution) -> bool:
        """Whether the `failure` function has recorded the end: what it writes must not come after the clean-up."""
        asset = self._claim(original).get("asset")
        item = self._lookup.item(keys.catalog_asset(asset)) if asset else {}
        return item.get("execution") != execution.arn or item.get("state") not in UNFINISHED

    def _is_transcribing(self, original: Version, execution: Execution) -> bool:
        """Whether its job still runs. Transcribe deletes no job that does (its API reference, BadRequestException), so
        the job writes its transcript although nobody waits for it."""
        asset = self._claim(original).get("asset")
        if asset is None:
            return False
        name = job_name(asset, execution.arn)
        try:
            job = self._environment.client("transcribe").get_transcription_job(TranscriptionJobName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("BadRequestException", "NotFoundException"):
                return False
            raise
        return job["TranscriptionJob"]["TranscriptionJobStatus"] in ("QUEUED", "IN_PROGRESS")

    # --- what it has made ---

    def _remove_results(self, original: Version, execution: Execution | None) -> None:
        outputs = self._environment.outputs
        head = self._s3.head_object(Bucket=self._bucket, Key=original.key, VersionId=original.version)
        for asset in self._assets(original, head["Metadata"].get("impp-sha256")):
            item = self._lookup.item(keys.catalog_asset(asset))
            if item and item.get("key") != original.key:
                continue  # somebody else's asset, or another file's of this run
            for kind, bucket, prefix in (
                ("delivered files", outputs["delivery_bucket"], keys.delivery(asset, "")),
                ("work files", outputs["work_bucket"], keys.work(asset, "")),
            ):
                self._delete(kind, bucket, self._versions(bucket, prefix))
            if item:
                self._remove_item(keys.catalog_asset(asset))
                self._remove_entry(asset, item)
            if execution:
                self._remove_item(keys.catalog_token(job_name(asset, execution.arn)))
        # The device's spending and alerts of the day, which may have changed meanwhile; those of the day and the month
        # stay.
        for day in (f"{head['LastModified'] + timedelta(days=later):%Y-%m-%d}" for later in (0, 1)):
            owner = keys.owner(original.key)
            self._remove_item(keys.catalog_spend(f"{day}#{owner}"))
            self._remove_item(keys.catalog_alerts(owner, day))
        self._remove_item(keys.catalog_claim(self._bucket, original.key, original.version))

    def _assets(self, original: Version, sha256: str | None) -> set[str]:
        """The ids that an original may have given to its results."""
        own, by_content = (keys.asset_id(self._bucket, original.key, original.version, s) for s in (None, sha256))
        return {own, by_content, str(self._claim(original).get("asset", own))}

    def _remove_item(self, pk: str) -> None:
        table = self._environment.outputs["catalog_table"]
        deleted = self._environment.client("dynamodb").delete_item(
            TableName=table, Key={"pk": {"S": pk}}, ReturnValues="ALL_OLD"
        )
        self.result.removed["catalog items"] += bool(deleted.get("Attributes"))

    def _remove_entry(self, asset: str, item: Mapping[str, Any]) -> None:
        """Remove an asset from the index, now that the catalog no longer has it."""
        if place := place_of(item):
            Documents(self._s3, str(self._environment.outputs["delivery_bucket"])).index.remove(place, asset)
            self.result.removed["index entries"] += 1

    def _prefixes(self) -> Iterator[str]:
        yield from (f"{root}{source}/{self._device}/" for root in ROOTS for source in SOURCES)

    def _versions(self, bucket: str, prefix: str) -> list[Version]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        return [
            Version(entry["Key"], entry["VersionId"], kind == "DeleteMarkers")
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for entry in page.get(kind, ())
        ]

    def _delete(self, kind: str, bucket: str, versions: Iterable[Version]) -> None:
        versions = list(versions)
        for at in range(0, len(versions), BATCH):
            batch = [{"Key": v.key, "VersionId": v.version} for v in versions[at : at + BATCH]]
            response = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            errors = response.get("Errors", [])
            self.result.removed[kind] += len(batch) - len(errors)
            self.result.left += [f"s3://{bucket}/{e['Key']} ({e['VersionId']}): {e['Message']}" for e in errors]

    def _abort_uploads(self) -> None:
        for prefix in self._prefixes():
            listed = self._s3.list_multipart_uploads(Bucket=self._bucket, Prefix=prefix)
            for upload in listed.get("Uploads", ()):
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _try(self, what: str, step: Step) -> None:
        try:
            step()
        except (ClientError, BotoCoreError, Contended) as error:
            self.result.left.append(f"{what}: {error}")
