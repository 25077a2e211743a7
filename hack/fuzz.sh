#!/bin/sh
# Runs every fuzz target for a while: $FUZZTIME, which is 10 seconds. In CI those
# that read what strangers send (manifests, substitution, archives, webhooks) run
# for a minute. What a run finds is written into testdata/fuzz of its package, and
# is a test case from then on.
set -eu
cd "$(dirname "$0")/.."
# fuzz runs one target. Go's fuzzer sometimes ends with "context deadline exceeded", and
# nothing else, when its time is over in the middle of an input: then the target has had its
# time, and nothing was found.
fuzz() {
	go test -run '^$' -fuzz "^$1\$" -fuzztime "$2" -fuzzminimizetime 2s "./$3" >"$log" 2>&1 </dev/null && found= || found=$?
	cat "$log"
	[ -z "$found" ] || late
}
# late reports whether all that went wrong is that the time was over.
late() {
	grep -qx '    context deadline exceeded' "$log" && ! grep -q 'Failing input written\|failure while testing seed' "$log" &&
		echo "Nothing was found."
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
long='internal/render/manifest internal/render/substitute internal/source/archive internal/webhook'
grep -rEl --include='*_test.go' '^func Fuzz' internal cmd api | sort | while read -r file; do
	dir=$(dirname "$file")
	time=${FUZZTIME:-10s}
	case "${CI:-}: $long " in "true:"*" $dir "*) time=60s ;; esac
	sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$file" | while read -r name; do
		echo "$name in $dir, for $time"
		fuzz "$name" "$time" "$dir"
	done
done
