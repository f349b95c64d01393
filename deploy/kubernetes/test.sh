#!/usr/bin/env bash
# Checks the Indexed Job against the schema that Kubernetes publishes, and what the schema does not know.
#   deploy/kubernetes/test.sh PYTHON      PYTHON has what requirements.txt names
set -euo pipefail
cd "$(dirname "$0")"
python=$1
"$(dirname "$python")/kubernetes-validate" --strict --quiet sweep.yaml
# A misspelt field must not pass: else the check proves nothing.
if sed 's/completionMode/completionsMode/' sweep.yaml | "$(dirname "$python")/kubernetes-validate" --strict --quiet - >/dev/null 2>&1; then
    echo "a misspelt field passes"
    exit 1
fi
"$python" - <<'PYTHON'
import yaml

job = yaml.safe_load(open("sweep.yaml"))["spec"]
pod = job["template"]["spec"]
environment = {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}
assert pod["restartPolicy"] == "Never", "podFailurePolicy and backoffLimitPerIndex ask for it"
assert job["completionMode"] == "Indexed"
assert job["completions"] == job["maxFailedIndexes"] == int(environment["SHARDS"]), "the number of shards"
assert job["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"] == pod["containers"][0]["name"]
assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
PYTHON
echo "kubernetes: the job keeps to the schema"
