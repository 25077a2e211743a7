#!/bin/sh
# Runs tests of one Go module: a line for each package, and at the end what failed.
#
#   hack/test.sh MODULE "PACKAGES" [FLAG OF go test]...
#
# A test that fails runs once more, alone: CI's machines are shared, and one unlucky
# test must not keep what a thousand others say from being known. One that passes then
# is told as flaky, here and at the end of make test: its cause is to be found and
# mended all the same. Nothing runs again after a data race, a panic, or more than three
# failures.
set -eu
cd "$(dirname "$0")/.."

module=$1 packages=$2
shift 2
runner=$PWD/.cache/bin/gotestsum
flaky=$PWD/.cache/flaky
hack/build.sh tools gotest.tools/gotestsum .cache/bin/gotestsum
report=$(mktemp)
trap 'rm -f "$report"' EXIT

cd "$module"
"$runner" --format pkgname-and-test-fails --format-hide-empty-pkg --hide-summary skipped \
	--rerun-fails=1 --rerun-fails-max-failures=3 --rerun-fails-run-root-test \
	--rerun-fails-abort-on-data-race --rerun-fails-report "$report" \
	--packages "$packages" -- "$@"
# A line of the report is "PACKAGE.TEST: 2 runs, 1 failures"; a part of a test has its
# test's line, too.
sed -n 's/: [0-9]* runs, .*//p' "$report" | grep -v '\.Test[^/]*/' | while read -r test; do
	echo "FLAKY: $test failed once and passed when it ran again; what it said is above."
done | tee -a "$flaky"
