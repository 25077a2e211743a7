#!/bin/sh
# Runs every fuzz target for a while: $FUZZTIME, which is 10 seconds. In CI those
# that read what strangers send (manifests, substitution, archives, webhooks) run
# for a minute. What a run finds is written into testdata/fuzz of its package, and
# is a test case from then on.
set -eu
cd "$(dirname "$0")/.."
long='internal/render/manifest internal/render/substitute internal/source/archive internal/webhook'
grep -rEl --include='*_test.go' '^func Fuzz' internal cmd api | sort | while read -r file; do
	dir=$(dirname "$file")
	time=${FUZZTIME:-10s}
	case "${CI:-}: $long " in "true:"*" $dir "*) time=60s ;; esac
	sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file" | while read -r name; do
		echo "$name in $dir, for $time"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 2s "./$dir" </dev/null
	done
done
