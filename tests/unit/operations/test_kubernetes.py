"""Manifests of Kubernetes hold to its schemas, and name commands, settings, ports and topics that are."""

from __future__ import annotations

import re
from typing import Any, Final

import click
import kubernetes_validate
import pytest
import yaml

from cli.main import group
from infra.settings import PREFIX, Settings
from infra.topics import JOURNAL
from tests.promql_names import ROOT

BASE: Final = ROOT / "infra/kubernetes/base"
LISTED: Final = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
DOCUMENTS: Final[list[dict[str, Any]]] = [
    document for name in LISTED for document in yaml.safe_load_all((BASE / name).read_text())
]
PODS: Final = {
    document["metadata"]["name"]: document
    for document in DOCUMENTS
    if document["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob")
}
FIELDS: Final = Settings.model_fields


def named(document: dict[str, Any]) -> str:
    return f"{document['kind']}-{document['metadata']['name']}"


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    spec = document["spec"]
    spec = spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec
    found: dict[str, Any] = spec["template"]
    return found


def pods() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", sorted(PODS))


def one(kind: str) -> dict[str, Any]:
    (found,) = [document for document in DOCUMENTS if document["kind"] == kind]
    return found


def test_every_manifest_is_listed() -> None:
    assert {*LISTED, "kustomization.yaml"} == {path.name for path in BASE.iterdir()}


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d["kind"] != "ScaledObject"], ids=named)
def test_a_manifest_holds_to_the_schema_of_its_kind(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, "1.30", strict=True)


def test_the_checker_refuses_what_the_schema_does_not_know() -> None:
    wrong = {**one("Ingress"), "spec": {"rule": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.30", strict=True)


@pods()
def test_a_pod_runs_a_command_of_ours_in_the_image_that_can(name: str) -> None:
    (container,) = pod_of(PODS[name])["spec"]["containers"]
    word, *rest = container["args"]
    command = group.get_command(click.Context(group), word)
    assert command is not None
    assert {x for x in rest if x.startswith("--")} <= {x for one in command.params for x in one.opts}
    assert container["image"] == ("gridcast-train" if word == "schedule" else "gridcast")


@pods()
def test_a_pod_may_do_little_and_take_so_much(name: str) -> None:
    spec = pod_of(PODS[name])["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
    assert spec["automountServiceAccountToken"] is False
    closed = container["securityContext"]
    assert closed["readOnlyRootFilesystem"] and not closed["allowPrivilegeEscalation"]
    assert closed["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= set(container["resources"]["requests"]) and "memory" in container[
        "resources"
    ]["limits"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    claimed = {claim["metadata"]["name"] for claim in PODS[name]["spec"].get("volumeClaimTemplates", [])}
    assert mounted == {volume["name"] for volume in spec["volumes"]} | claimed
    assert {"/tmp", "/home/gridcast/.gridcast"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("name", ["worker", "sink", "alerts", "weather", "api"])
def test_a_part_is_asked_on_its_port_whether_it_is_well_and_ready(name: str) -> None:
    (container,) = pod_of(PODS[name])["spec"]["containers"]
    port = FIELDS["api_port"].default if name == "api" else 9400
    assert container["ports"][0]["containerPort"] == port
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert asked["liveness"] == asked["startup"] == {"path": "/health", "port": port}
    assert asked["readiness"] == {"path": "/ready", "port": port}
    # A probe ends nothing before the process would end itself.
    probe = container["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= FIELDS["stall_s"].default


@pods()
def test_a_pod_is_found_by_what_speaks_of_it(name: str) -> None:
    labels = pod_of(PODS[name])["metadata"]["labels"]
    assert labels == {"app.kubernetes.io/component": name}
    if "selector" in PODS[name]["spec"]:
        assert PODS[name]["spec"]["selector"]["matchLabels"] == labels


def test_of_each_part_that_runs_more_than_once_one_may_go_at_a_time() -> None:
    budgets = {d["metadata"]["name"]: d["spec"] for d in DOCUMENTS if d["kind"] == "PodDisruptionBudget"}
    assert set(budgets) == {"worker", "sink", "alerts", "api"}
    for name, spec in budgets.items():
        assert spec["maxUnavailable"] == 1
        assert spec["selector"]["matchLabels"] == {"app.kubernetes.io/component": name}


def test_policies_speak_of_parts_that_are_there() -> None:
    policies = [d for d in DOCUMENTS if d["kind"] == "NetworkPolicy"]
    assert {"Ingress", "Egress"} == set(policies[0]["spec"]["policyTypes"]) and policies[0]["spec"][
        "podSelector"
    ] == {}
    for policy in policies[1:]:
        selector = policy["spec"]["podSelector"]
        parts = set(selector.get("matchLabels", {}).values())
        parts |= {value for one in selector.get("matchExpressions", []) for value in one["values"]}
        assert parts and parts <= set(PODS)


def test_who_asks_for_weather_or_tells_others_has_a_way_out() -> None:
    (policy,) = [d for d in DOCUMENTS if d["kind"] == "NetworkPolicy" and d["metadata"]["name"] == "outside"]
    (selected,) = policy["spec"]["podSelector"]["matchExpressions"]
    # `schedule` runs bulk jobs, which ask for weather, and sends the callbacks of jobs.
    assert set(selected["values"]) == {"weather", "alerts", "api", "schedule"}


def test_each_night_a_backup_goes_into_a_volume_that_stays() -> None:
    job, claim = PODS["backup"], one("PersistentVolumeClaim")
    spec = pod_of(job)["spec"]
    (container,) = spec["containers"]
    _, folder, *options = container["args"]
    assert {"--dated", "--keep-days"} <= set(options)
    (name,) = [m["name"] for m in container["volumeMounts"] if m["mountPath"] == folder]
    (volume,) = [v for v in spec["volumes"] if v["name"] == name]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert job["spec"]["schedule"] < PODS["retention"]["spec"]["schedule"]  # before rows go


def test_settings_are_settings_and_no_secret_stands_here() -> None:
    told = one("ConfigMap")["data"]
    known = {PREFIX + name.upper() for name in FIELDS} | {f"{PREFIX}POSTGRES_FILE"}
    assert set(told) <= known
    secrets = {
        PREFIX + name.upper() for name, field in FIELDS.items() if "SecretStr" in str(field.annotation)
    }
    assert not set(told) & secrets
    assert not [d for d in DOCUMENTS if d["kind"] == "Secret"]


def test_workers_grow_with_the_lag_of_their_group_to_as_many_as_partitions() -> None:
    scaled, told = one("ScaledObject"), one("ConfigMap")["data"]
    assert re.fullmatch(r"keda\.sh/v1alpha1", scaled["apiVersion"])
    spec = scaled["spec"]
    assert spec["scaleTargetRef"]["name"] in PODS
    assert "replicas" not in PODS["worker"]["spec"]  # or each apply would undo what was scaled
    assert 1 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] == int(told["GRIDCAST_PARTITIONS"])
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "kafka"
    asked = trigger["metadata"]
    assert asked["topic"] == JOURNAL and asked["consumerGroup"] == FIELDS["worker_group"].default
    assert asked["bootstrapServers"] == told["GRIDCAST_KAFKA"] and int(asked["lagThreshold"]) > 0


def test_the_ingress_leads_to_the_api_and_gathers_no_events() -> None:
    ingress, service = one("Ingress"), one("Service")
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] == service["spec"]["ports"][0]["name"]
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert ingress["spec"]["tls"]
