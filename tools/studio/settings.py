"""What the tests were asked to run with, and the one browser they share."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Settings:
    server: str = ""
    monge: str = ""
    models: list = field(default_factory=list)
    page: Path | None = None
    screenshots: Path | None = None
    browser: object = None
    # The folder of maps that servers are started with; None where they are not the tests' own.
    maps: object = None
    # The server that most tests share.
    url: str = ""


settings = Settings()
