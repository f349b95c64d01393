#!/bin/sh
# Tries plan.sh on a template: a comment and a change that applies, on one machine and without GitHub.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${FOREWARM:=$here/../../target/release/forewarm}"
export FOREWARM

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$here/../../tests/import/sam.yaml" template.yaml
cp "$here/objectives.toml" .
RPS=20 P50=100ms P99=600ms sh "$here/plan.sh"
grep -q 'forewarm: service' forewarm.md
grep -q 'concurrency.provisioned' forewarm.md
if [ -s forewarm.diff ]; then git apply forewarm.diff; fi
cat forewarm.md
echo "ok"
