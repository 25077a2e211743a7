package view

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Age is how long ago from was, in at most two units: "42s", "5m", "3h10m", "3d2h",
// "45d", "2y30d". It is "0s" of what is yet to come and "" of the zero time.
func Age(from, now time.Time) string {
	if from.IsZero() {
		return ""
	}
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	d := max(0, now.Sub(from))
	switch {
	case d < time.Minute:
		return units(d, time.Second, "s", 0, "")
	case d < time.Hour:
		return units(d, time.Minute, "m", 0, "")
	case d < 10*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	case d < day:
		return units(d, time.Hour, "h", 0, "")
	case d < 10*day:
		return units(d, day, "d", time.Hour, "h")
	case d < year:
		return units(d, day, "d", 0, "")
	}
	return units(d, year, "y", day, "d")
}

// units are how many of big there are in d, and of small in the rest if there are any;
// small 0 is none.
func units(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	out := strconv.FormatInt(int64(d/big), 10) + bigName
	if small > 0 && d%big >= small {
		out += strconv.FormatInt(int64(d%big/small), 10) + smallName
	}
	return out
}

// ShortRevision is a revision as people say it: the first seven digits of a commit or
// digest, with the name before it if there is one ("main@1a2b3c4"), each of several
// that are joined by commas. Versions stay as they are.
func ShortRevision(revision string) string {
	if !strings.Contains(revision, ",") {
		return shortOne(revision)
	}
	var parts []string
	for p := range strings.SplitSeq(revision, ",") {
		if short := shortOne(p); !slices.Contains(parts, short) { // several sources of one repository
			parts = append(parts, short)
		}
	}
	return strings.Join(parts, ", ")
}

func shortOne(revision string) string {
	name, id := "", revision
	if i := strings.LastIndexByte(revision, '@'); i >= 0 {
		name, id = revision[:i+1], revision[i+1:]
	}
	kind, digits, hasKind := strings.Cut(id, ":")
	switch {
	case !hasKind && (len(id) == 40 || len(id) == 64) && isHex(id):
		return name + id[:7]
	case kind == "sha1" && isHex(digits) && len(digits) >= 7:
		return name + digits[:7]
	case hasKind && isHex(digits) && len(digits) > 12:
		return name + kind + ":" + digits[:7]
	}
	return revision
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
