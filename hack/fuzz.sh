#!/bin/sh
# Runs every fuzz target for a while: a minute each in CI, else $FUZZTIME, which
# is 10 seconds. What a run finds is written into testdata/fuzz of its package,
# and is a test case from then on.
set -eu
time=${FUZZTIME:-10s}
if [ "${CI:-}" = true ]; then time=${FUZZTIME:-60s}; fi
grep -rEl --include='*_test.go' '^func Fuzz' internal cmd api 2>/dev/null | sort | while read -r file; do
	sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file" | while read -r name; do
		echo "$name in $(dirname "$file"), for $time"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./$(dirname "$file")" </dev/null
	done
done
