"""Writes KServe's InferenceService for the versions and the share in labels.json of a registry.

    python deploy/kubernetes/kserve-canary/inference_service.py s3://bucket/registry flights | kubectl apply -f -

KServe splits the traffic between the last revision that had all of it and the newest one. The live version is therefore
applied first; then, with a canary, its version with canaryTrafficPercent. The split is by request, not by request key.
"""

import argparse
import json
import sys
from typing import Any

from components.registry.registry import Aliases, Registry
from components.shared.errors import PlumblineError, UsageError


def inference_service(aliases: Aliases, registry: str, name: str) -> dict[str, Any]:
    """Returns the InferenceService as a JSON object.

    Args:
      aliases: labels.json.
      registry: URL of the registry.
      name: Name of the InferenceService, and of the model in requests.

    Raises:
      UsageError: No version is live.
    """
    version = aliases.live if aliases.canary is None else aliases.canary
    if aliases.live is None or version is None:
        raise UsageError(f"{registry}: has no live version")
    predictor: dict[str, Any] = {
        "minReplicas": 1,
        "maxReplicas": 6,
        "serviceAccountName": "plumbline-kserve-canary",
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "model": {
            "modelFormat": {"name": "plumbline"},
            "runtime": "plumbline-tensorflow-serving",
            # With the slash: without it, version 1 would include the objects of versions 10 to 19.
            "storageUri": f"{registry.rstrip('/')}/{version}/",
            "env": [{"name": "VERSION", "value": str(version)}],
        },
    }
    if aliases.canary is not None:
        predictor["canaryTrafficPercent"] = traffic_percent(aliases.share)
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "kubeflow",
            "labels": {"app.kubernetes.io/name": "plumbline", "app.kubernetes.io/component": "kserve-canary"},
            "annotations": {"serving.kserve.io/deploymentMode": "Serverless"},
        },
        "spec": {"predictor": predictor},
    }


def traffic_percent(share: float) -> int:
    """Returns canaryTrafficPercent, an integer, for a share from 0 to 1; at least 1 unless the share is 0."""
    return 0 if share == 0 else max(1, round(100 * share))


def main() -> int:
    """Prints the InferenceService; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write KServe's InferenceService for a registry.")
    parser.add_argument("registry", metavar="URL", help="s3:// or gs:// URL of the registry")
    parser.add_argument("name", metavar="NAME", help="name of the InferenceService")
    given = parser.parse_args()
    try:
        if "://" not in given.registry:
            raise UsageError(f"{given.registry}: is no URL; KServe reads a bucket")
        aliases = Registry(given.registry).labels() or Aliases(id="")
        service = inference_service(aliases, given.registry, given.name)
    except PlumblineError as error:
        print(f"inference_service: {error}", file=sys.stderr)
        return error.exit_code
    if aliases.canary is not None and traffic_percent(aliases.share) != 100 * aliases.share:
        percent = traffic_percent(aliases.share)
        print(f"inference_service: warning: share {aliases.share:g} is rounded to {percent} %", file=sys.stderr)
    print(json.dumps(service, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
