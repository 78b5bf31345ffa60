"""Every overlay: built, held against Kubernetes' own schemas, and against what the gateway itself does."""

from __future__ import annotations

import copy
import functools
import re
import shutil
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from engine.config import VllmConfig
from gateway.errors import GatewayError
from gateway.jobs.scripts import QUEUE
from gateway.media.addresses import check
from gateway.settings import FetchSettings, Settings, load_settings
from tests.deploy.promql import alerts, metrics
from tests.servers import ROOT

K8S = ROOT / "deploy/k8s"
OVERLAYS = sorted(path.name for path in (K8S / "overlays").iterdir())
MINORS = ("1.35", "1.36", "1.37")
EXTENSIONS = {"PodMonitor", "LeaderWorkerSet", "ScaledObject"}
Object = dict[str, Any]

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@functools.cache
def built(overlay: str) -> tuple[Object, ...]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(K8S / "overlays" / overlay)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of(overlay: str, *kinds: str) -> list[Object]:
    return [copy.deepcopy(one) for one in built(overlay) if one["kind"] in kinds]


def pods(overlay: str) -> list[Object]:
    """Every pod template of the overlay."""
    found = [one["spec"]["template"] for one in of(overlay, "Deployment", "StatefulSet")]
    for group in of(overlay, "LeaderWorkerSet"):
        template = group["spec"]["leaderWorkerTemplate"]
        found += [template["leaderTemplate"], template["workerTemplate"]]
    return found


def configurations(overlay: str, folder: Path) -> list[Settings]:
    found = []
    for one in of(overlay, "ConfigMap"):
        file = folder / "gateway.yaml"
        file.write_text(one["data"]["gateway.yaml"])
        found.append(load_settings(file))
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.filterwarnings("ignore")
def test_an_overlay_is_valid_for_the_last_three_minors(overlay: str, minor: str) -> None:
    objects = [one for one in built(overlay) if one["kind"] not in EXTENSIONS]
    bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    for one in (*objects, *(bare | {"spec": pod["spec"]} for pod in pods(overlay))):
        kubernetes_validate.validate(one, minor, strict=True)
    assert {one["kind"] for one in built(overlay)} >= {"Service", "PodDisruptionBudget", "NetworkPolicy"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_locked_down_and_pinned(overlay: str) -> None:
    for pod in pods(overlay):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert ":" in container["image"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "cpu" not in container["resources"]["limits"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_drain_has_its_time_and_probes_mean_what_they_should(overlay: str, tmp_path: Path) -> None:
    drain = max(one.server.drain_timeout_s for one in configurations(overlay, tmp_path))
    gateways = [
        c | pod["spec"] for pod in pods(overlay) for c in pod["spec"]["containers"] if "lifecycle" in c
    ]
    assert gateways
    for one in gateways:
        wait = one["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert one["terminationGracePeriodSeconds"] >= wait + drain + 20
        startup, ready, live = (one[f"{probe}Probe"] for probe in ("startup", "readiness", "liveness"))
        assert startup["httpGet"]["path"] == ready["httpGet"]["path"] == "/ready"
        assert live["httpGet"]["path"] == "/health"
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 900
        assert ready["periodSeconds"] * ready["failureThreshold"] <= 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_mount_and_services_select_is_there(overlay: str) -> None:
    there = {(one["kind"], one["metadata"]["name"]) for one in built(overlay)}
    labels = [pod["metadata"]["labels"] for pod in pods(overlay)]
    for pod in pods(overlay):
        for volume in pod["spec"].get("volumes", ()):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
    for service in of(overlay, "Service"):
        assert [one for one in labels if service["spec"]["selector"].items() <= one.items()]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.filterwarnings("ignore")  # of importing vLLM
def test_the_configurations_are_valid_and_their_flags_are_vllms(overlay: str, tmp_path: Path) -> None:
    from engine import torchvision_cpu, vllm_boot

    torchvision_cpu.install()
    services = {one["metadata"]["name"] for one in of(overlay, "Service")}
    for settings in configurations(overlay, tmp_path):
        for name, model in settings.models.items():
            for engine in (model.engine, *model.pools.values()):
                if isinstance(engine, VllmConfig):
                    args = vllm_boot.arguments(name, engine)
                    assert args.tensor_parallel_size == engine.tensor_parallel
                elif engine.kind == "remote":
                    assert engine.base_url.split("/")[2].split(":")[0] in services


def test_both_halves_of_a_group_have_the_same_flags(tmp_path: Path) -> None:
    (settings,) = configurations("multi-node", tmp_path)
    engine = settings.models["qwen3-vl-235b"].engine
    assert isinstance(engine, VllmConfig)
    (group,) = of("multi-node", "LeaderWorkerSet")
    template = group["spec"]["leaderWorkerTemplate"]
    args = template["workerTemplate"]["spec"]["containers"][0]["args"]
    worker = dict(word.removeprefix("--").partition("=")[::2] for word in args if word.startswith("--"))
    assert args[1] == engine.model
    for flag in ("nnodes", "pipeline-parallel-size", "mm-encoder-tp-mode", "gpu-memory-utilization"):
        assert worker[flag] == str(engine.args[flag])
    assert int(worker["tensor-parallel-size"]) == engine.tensor_parallel
    assert int(worker["nnodes"]) == template["size"]
    name = group["metadata"]["name"]
    assert engine.args["master-addr"] == f"{name}-0.{name}.{group['metadata']['namespace']}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_autoscalers_scale_what_is_there_by_metrics_that_the_adapter_gives(overlay: str) -> None:
    given = {rule["name"]["as"] for rule in adapter_rules()}
    deployments = {one["metadata"]["name"] for one in of(overlay, "Deployment")}
    scalers = of(overlay, "HorizontalPodAutoscaler")
    for one in (*scalers, *of(overlay, "ScaledObject")):
        assert one["spec"]["scaleTargetRef"]["name"] in deployments
    for one in scalers:
        assert {metric["external"]["metric"]["name"] for metric in one["spec"]["metrics"]} == given
    assert not (scalers and of(overlay, "ScaledObject"))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_number_of_what_an_autoscaler_scales_is_its_alone(overlay: str) -> None:
    scalers = of(overlay, "HorizontalPodAutoscaler", "ScaledObject")
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in scalers}
    for one in of(overlay, "Deployment"):
        assert one["metadata"]["name"] not in scaled or "replicas" not in one["spec"]


def test_every_trigger_is_of_the_type_that_keda_has_a_fallback_for() -> None:
    for one in of("lanes-keda", "ScaledObject"):
        types = {trigger.get("metricType") for trigger in one["spec"]["triggers"]}
        assert types == {"AverageValue"}, one["metadata"]["name"]


def test_keda_starts_the_batch_pool_from_nothing_by_the_stream_of_jobs() -> None:
    (pool,) = (one for one in of("lanes-keda", "ScaledObject") if one["metadata"]["name"] == "gateway-batch")
    assert pool["spec"]["minReplicaCount"] == 0
    stream, *rest = (trigger["metadata"] for trigger in pool["spec"]["triggers"])
    assert stream["stream"] == QUEUE
    assert int(stream["streamLength"]) > 0
    host, port = stream["address"].split(":")
    services = {f"{one['metadata']['name']}.{one['metadata']['namespace']}" for one in of("lanes", "Service")}
    assert (host in services, port) == (True, "6379")
    for trigger in rest:
        assert (trigger["ignoreNullValues"], trigger["activationThreshold"]) == ("true", "0")
        assert trigger["query"].rstrip(")").endswith("vector(0")


def adapter_rules() -> list[Object]:
    text = (K8S / "components/hpa/prometheus-adapter.yaml").read_text()
    rules: list[Object] = yaml.safe_load(text)["rules"]["external"]
    return rules


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_gateway_asks_for_keys_or_is_asked_by_gateways_alone(overlay: str) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of(overlay, "NetworkPolicy")}
    assert policies["front"]["podSelector"] == {"matchLabels": {"qwen-vl/pool": "gateway"}}
    assert all("from" in rule for rule in policies["gateway"]["ingress"])
    secret = {"secretKeyRef": {"name": "gateway-admin", "key": "key"}}
    for pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            if "lifecycle" not in container:
                continue
            env = {one["name"]: one.get("value") or one["valueFrom"] for one in container["env"]}
            if pod["metadata"]["labels"]["qwen-vl/pool"] == "gateway":
                assert env["QWEN_VL_ACCOUNTS__ADMIN_KEY"] == secret
                assert "QWEN_VL_SERVER__INSECURE" not in env
            else:
                assert env["QWEN_VL_SERVER__INSECURE"] == "true"
                assert env["QWEN_VL_CACHE__URL"] == env["QWEN_VL_STATE__URL"] == "none"
                assert "QWEN_VL_ACCOUNTS__ADMIN_KEY" not in env
    (monitor,) = of(overlay, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["authorization"]["credentials"] == secret["secretKeyRef"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_job_that_alerts_ask_for_is_the_one_that_is_scraped(overlay: str) -> None:
    asked = {job for alert in alerts().values() for job in re.findall(r'job="([^"]*)"', alert["expr"])}
    (monitor,) = of(overlay, "PodMonitor")
    assert "jobLabel" not in monitor["spec"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert [{"targetLabel": "job", "replacement": job} for job in asked] == endpoint["relabelings"]


def test_the_network_lets_out_what_the_fetcher_lets_out() -> None:
    (policy,) = (one for one in of("cpu-demo", "NetworkPolicy") if one["metadata"]["name"] == "gateway")
    settings = FetchSettings()
    blocks = [
        (rule, to["ipBlock"]) for rule in policy["spec"]["egress"] for to in rule["to"] if "ipBlock" in to
    ]
    assert len(blocks) == 2
    for rule, block in blocks:
        assert [port["port"] for port in rule["ports"]] == settings.ports
        for network in map(ip_network, block["except"]):
            with pytest.raises(GatewayError):
                check(network[min(1, network.num_addresses - 1)], settings)
    excepted = [ip_network(text) for _, block in blocks for text in block["except"]]
    for inside in ("10.0.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1", "192.168.1.1", "172.31.0.1"):
        assert any(ip_network(inside).subnet_of(n) for n in excepted if n.version == 4), inside  # type: ignore[arg-type]


def test_the_adapter_reads_what_the_gateway_exposes() -> None:
    for rule in adapter_rules():
        assert {name for name in metrics(rule["metricsQuery"]) if name.startswith("gateway_")}
