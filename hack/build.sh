#!/bin/sh
# Builds one program of a Go module and shows how far it is.
#
#   hack/build.sh MODULE PACKAGE OUTPUT [NOTE]
#
# MODULE is the folder of the module, PACKAGE what to build in it, OUTPUT the
# file to write, relative to the repository. NOTE is printed once it turns out
# that there is much to compile. Nothing is printed when nothing has changed.
set -eu
cd "$(dirname "$0")/.."

module=$1 package=$2 output=$3 note=${4:-}
case $output in */*) mkdir -p "${output%/*}" ;; esac
started=$(date +%s)

# show prints a state: over the last one on a terminal, else now and then.
show() {
	if [ -t 2 ]; then
		printf '\r  %s: %s, %d s   ' "$output" "$1" $(($(date +%s) - started)) >&2
	elif [ $(($2 % 200)) -eq 1 ]; then
		printf '  %s: %s, %d s\n' "$output" "$1" $(($(date +%s) - started)) >&2
	fi
}

# progress reads what the go command says: a line for each module that it
# downloads and each package that it compiles, and whatever goes wrong.
progress() {
	compiled=0 downloaded=0 total=
	while IFS= read -r line; do
		case $line in
		'go: downloading '*)
			downloaded=$((downloaded + 1))
			show "downloaded $downloaded modules" "$downloaded"
			;;
		*[!A-Za-z0-9_./~+-]* | '')
			printf '%s\n' "$line" >&2
			;;
		*)
			compiled=$((compiled + 1))
			if [ -z "$total" ]; then
				total=$(go -C "$module" list -deps "$package" 2>/dev/null | wc -l | tr -d ' ')
			fi
			if [ "$compiled" -eq 20 ] && [ -n "$note" ]; then
				printf '\r%s\n' "$note" >&2
			fi
			show "compiled $compiled of at most $total packages" "$compiled"
			;;
		esac
	done
	if [ $((compiled + downloaded)) -gt 0 ]; then
		if [ -t 2 ]; then printf '\r' >&2; fi
		printf '  %s: done after %d s, %d packages compiled      \n' \
			"$output" $(($(date +%s) - started)) "$compiled" >&2
	fi
}

# The status goes around the pipe on file descriptor 3.
status=$({ {
	code=0
	go -C "$module" build -v -ldflags="-s -w" -o "$PWD/$output" "$package" 2>&1 || code=$?
	echo "$code" >&3
} | progress; } 3>&1)
exit "$status"
