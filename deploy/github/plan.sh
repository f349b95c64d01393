#!/bin/sh
# Import, plan, comment: the steps of workflow.yml as plain shell, to be tried anywhere.
#
#   TEMPLATE=template.yaml FORM=sam OBJECTIVES=objectives.toml sh plan.sh
#
# Leaves forewarm.md (the comment) and forewarm.diff (the recommended change) in the current folder.
set -eu

: "${FOREWARM:=forewarm}"          # the program
: "${TEMPLATE:=template.yaml}"     # the infrastructure file
: "${FORM:=sam}"                   # sam, cloudformation, serverless, kubernetes, terraform
: "${TRAFFIC:=}"                   # what `forewarm fit` wrote; or give RPS, P50, P99
: "${OBJECTIVES:=objectives.toml}" # [[objective]] and [plan], kept beside the template

rm -f forewarm.md forewarm.diff
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "$TRAFFIC" ]; then
    "$FOREWARM" import "$TEMPLATE" --traffic "$TRAFFIC" --out "$work/service.toml" --quiet
else
    "$FOREWARM" import "$TEMPLATE" --rps "$RPS" --p50 "$P50" --p99 "$P99" --out "$work/service.toml" --quiet
fi
# The origins stand last; a table after them would belong to no one else.
cat "$OBJECTIVES" >> "$work/service.toml"

code=0
"$FOREWARM" plan "$work/service.toml" --export "$FORM" --patch "$TEMPLATE" --comment forewarm.md \
    --out "$work/results" --no-progress > forewarm.diff 2> "$work/messages" || code=$?
cat "$work/messages" >&2
# 1: no configuration is shown to meet every objective. The comment says so.
# With a comment and 2: the file has no place for a recommended value. The messages say which.
[ "$code" -le 1 ] || [ -s forewarm.md ] || exit "$code"
if [ "$code" -gt 1 ]; then
    { printf '\nThe change cannot be made automatically:\n\n```text\n'; cat "$work/messages"; printf '```\n'; } >> forewarm.md
fi

if [ -s forewarm.diff ]; then
    { printf '\n<details><summary>Recommended change</summary>\n\n```diff\n'; cat forewarm.diff; printf '```\n\n</details>\n'; } >> forewarm.md
fi
