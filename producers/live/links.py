"""The tables `[mqtt]` and `[opcua]` of a mapping file: where the other side is, and who we are to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, model_validator

from schemas.errors import InputError


class Strict(BaseModel):
    """Nothing unknown, nothing converted in silence, no value in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _from_folder(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    return Path(folder, path.expanduser())


FilePath = Annotated[Path, AfterValidator(_from_folder)]


class Link(Strict):
    """What both ways have. The password stands in a file, or in the setting `telemetry_password`."""

    endpoint: str
    user: str | None = None
    password_file: FilePath | None = None
    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None

    def password(self, setting: SecretStr) -> str | None:
        """The password of `user`; None where there is no user.

        Raises:
            InputError: it is nowhere, or its file cannot be read.
        """
        if self.user is None:
            return None
        if self.password_file is None:
            if not setting.get_secret_value():
                raise InputError(
                    f"the password of {self.user} is missing: give password_file, or set telemetry_password"
                )
            return setting.get_secret_value()
        try:
            return self.password_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"password_file {self.password_file} cannot be read: {error}") from error

    def _check(self, schemes: tuple[str, ...]) -> None:
        found = urlsplit(self.endpoint)
        if found.scheme not in schemes or not found.hostname:
            raise ValueError(f"endpoint {found.scheme}://... : give it as {schemes[0]}://host:port")
        if found.username or found.password:
            raise ValueError("endpoint holds a user or a password: use user and password_file")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")


class MqttLink(Link):
    """A broker: `mqtt://host:1883`, or `mqtts://host:8883` with TLS.

    `client_id` names the session that the broker keeps for us: one process, one name, for ever.
    `in_flight`: messages that wait for Kafka at most.
    """

    client_id: str = Field(min_length=1)
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    keepalive_s: int = Field(30, ge=1, le=65535)
    session_days: float = Field(7, gt=0, description="How long the broker keeps the session (protocol 5).")
    in_flight: int = Field(500, ge=1, le=65535)

    @model_validator(mode="after")
    def _sound(self) -> MqttLink:
        self._check(("mqtt", "mqtts"))
        return self

    @property
    def encrypted(self) -> bool:
        """Whether the endpoint asks for TLS."""
        return urlsplit(self.endpoint).scheme == "mqtts"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        found = urlsplit(self.endpoint)
        assert found.hostname is not None
        return found.hostname, found.port or (8883 if self.encrypted else 1883)


class OpcuaLink(Link):
    """A server: `opc.tcp://host:4840/path`, with `security` as policy and mode where it is not None.

    `queue`: values that the server keeps of each node while we are not looking. `straggler_s`: how long a
    scan waits for its last values. `first_history_s`: how far back the first start reads.
    """

    security: Literal["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = "None"
    mode: Literal["Sign", "SignAndEncrypt"] = "SignAndEncrypt"
    server_cert_file: FilePath | None = None
    publish_s: float = Field(0.5, gt=0)
    queue: int = Field(1000, ge=1)
    straggler_s: float = Field(2.0, gt=0)
    history: bool = True
    first_history_s: float = Field(86_400.0, ge=0)
    timeout_s: float = Field(10.0, gt=0)

    @model_validator(mode="after")
    def _sound(self) -> OpcuaLink:
        self._check(("opc.tcp",))
        if self.security != "None" and self.cert_file is None:
            raise ValueError(f"security {self.security} needs cert_file and key_file")
        return self
