"""The table [request_log]: what the model server logs, how safely, and how long it is kept."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from pipeline.settings.sections.section import ConfigSection, Names

if TYPE_CHECKING:
    from serving.request_log.settings import LogSettings

MEGABYTE = 1 << 20


class RequestLogSection(ConfigSection):
    """Log of requests and answers of `plumbline serve`; see docs/request-log.md."""

    sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the requests that are logged, chosen by a hash of the request id: all rows of a request and both answers
    of a shadow pair are logged or none. 0 disables the log."""
    synchronous: bool = False
    """Whether an answer is sent only after its rows are on disk: then a killed process loses no answered row."""
    every_rows: Annotated[int, Field(ge=1)] = 1000
    """Number of waiting rows at which they are written to disk: about so many rows a killed process loses at most."""
    every_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Time in seconds after which waiting rows are written to disk, however few they are."""
    queue_rows: Annotated[int, Field(ge=1)] = 100_000
    """Maximum number of waiting rows. Where the disk is slower than the requests, further rows are dropped and counted;
    answers never wait."""
    queue_mb: Annotated[int, Field(ge=1)] = 64
    """Maximum memory of waiting rows, in MB (2^20 bytes)."""
    segment_mb: Annotated[int, Field(ge=1, le=1024)] = 64
    """Size in MB at which a process begins a new segment, and the full one becomes Parquet. It also does so when the
    hour (UTC) ends."""
    excluded: Names = ()
    """Features that are not logged."""
    hashed: Names = ()
    """Features of which a keyed hash (BLAKE2b) is logged instead of the value."""
    hash_key_file: str = ""
    """File with the key of the hash, at least 16 bytes; a relative path is relative to the working directory."""
    hash_key_variable: Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """Environment variable with the key of the hash, instead of a file."""
    keep_days: Annotated[float, Field(ge=0)] = 90.0
    """Age in days at which logged rows are deleted; 0 keeps them."""
    keep_gb: Annotated[float, Field(ge=0)] = 0.0
    """Maximum size of the sealed files in GB (2^30 bytes); the oldest are deleted first. 0 is no limit."""

    @model_validator(mode="after")
    def _hash_has_a_key(self) -> "RequestLogSection":
        if both := sorted(set(self.excluded) & set(self.hashed)):
            raise ValueError(f"{both[0]} is excluded and hashed; take it out of one of the two")
        keys = [key for key in (self.hash_key_file, self.hash_key_variable) if key]
        if self.hashed and len(keys) != 1:
            raise ValueError("hashed: needs a key; set either hash_key_file or hash_key_variable")
        if keys and not self.hashed:
            raise ValueError("a key of the hash without hashed features; set hashed, or take the key out")
        return self

    def settings(self) -> "LogSettings":
        """The settings as the server takes them."""
        from serving.request_log.settings import LogSettings

        return LogSettings(
            sample=self.sample,
            synchronous=self.synchronous,
            every_rows=self.every_rows,
            every_seconds=self.every_seconds,
            queue_rows=self.queue_rows,
            queue_bytes=self.queue_mb * MEGABYTE,
            segment_bytes=self.segment_mb * MEGABYTE,
            excluded=self.excluded,
            hashed=self.hashed,
            hash_key_file=self.hash_key_file,
            hash_key_variable=self.hash_key_variable,
            keep_days=self.keep_days,
            keep_bytes=int(self.keep_gb * 1024 * MEGABYTE),
        )
