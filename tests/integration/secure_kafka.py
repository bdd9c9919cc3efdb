"""A Kafka of its own with users, certificates and access lists, as an operator would set it up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from infra import local_kafka
from infra.kafka import admin
from infra.processes import free_ports, stop
from infra.settings import Settings
from infra.topics import make_topics
from tests.integration import certificates
from tests.integration.certificates import Certificates

#: The inner door is the administrator's; SCRAM asks for a password, MUTUAL for a certificate.
_PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{{broker}},SCRAM://127.0.0.1:{scram},MUTUAL://127.0.0.1:{mutual},\\
  CONTROLLER://127.0.0.1:{{controller}}
advertised.listeners=PLAINTEXT://127.0.0.1:{{broker}},SCRAM://127.0.0.1:{scram},MUTUAL://127.0.0.1:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_SSL,MUTUAL:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


@dataclass(frozen=True)
class SecureKafka:
    """Settings of the administrator, and of a user through either door."""

    root: Settings
    scram_port: int
    mutual_port: int
    made: Certificates

    def user(self, name: str, home: Path, password: str | None = None) -> Settings:
        """With a password; the user is made unless a (wrong) password is given."""
        if password is None:
            password = f"hush-{name}"
            info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
            client = admin(self.root)  # held until it has answered
            asked = client.alter_user_scram_credentials(
                [UserScramCredentialUpsertion(name, info, password.encode())]
            )
            for future in asked.values():
                future.result(20)
        return Settings(
            home=home,
            kafka=f"127.0.0.1:{self.scram_port}",
            kafka_security="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-512",
            kafka_username=name,
            kafka_password=SecretStr(password),
            kafka_ca_file=self.made.authority,
        )

    def holder(self, name: str, home: Path) -> Settings:
        """With a certificate in that name."""
        own = certificates.client(self.made, name)
        return Settings(
            home=home,
            kafka=f"127.0.0.1:{self.mutual_port}",
            kafka_security="SSL",
            kafka_ca_file=self.made.authority,
            kafka_cert_file=own.certificate,
            kafka_key_file=own.key,
        )

    def allow(self, rights: Iterable[tuple[str, str, str]]) -> None:
        """(principal, `topic:NAME` or `group:NAME` with a * at the end for a prefix, operations)."""
        bindings = [one for right in rights for one in _bindings(*right)]
        client = admin(self.root)
        for future in client.create_acls(bindings).values():
            future.result(20)


def _bindings(name: str, resource: str, operations: str) -> list[AclBinding]:
    kind, _, pattern = resource.partition(":")
    form = ResourcePatternType.PREFIXED if pattern.endswith("*") else ResourcePatternType.LITERAL
    return [
        AclBinding(
            ResourceType[kind.upper()],
            pattern.rstrip("*"),
            form,
            f"User:{name}",
            "*",
            AclOperation[operation.upper()],
            AclPermissionType.ALLOW,
        )
        for operation in operations.split()
    ]


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """The broker with every topic of gridcast."""
    made = certificates.make(folder)
    scram, mutual = free_ports(2)
    more = _PROPERTIES.format(scram=scram, mutual=mutual, keystore=made.both, authority=made.authority)
    running, address = local_kafka.start(folder / "kafka", folder / "kafka.log", None, more)
    try:
        root = Settings(home=folder, kafka=address)
        make_topics(root)
        yield SecureKafka(root, scram, mutual, made)
    finally:
        stop(running)
