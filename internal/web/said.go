package web

import (
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// part is a part of a message: its text, and Whole where the text is a shortened
// revision.
type part struct{ Text, Whole string }

// revisionIn matches the whole name of a commit or of an artifact's content.
var revisionIn = regexp.MustCompile(`\b(?:sha1:|sha256:)?(?:[0-9a-f]{64}|[0-9a-f]{40})\b`)

// formulas are what Argo CD's operations say in all cases: the state beside them says it.
var formulas = regexp.MustCompile(`^successfully synced \(all tasks run\)$|^one or more synchronization tasks completed unsuccessfully: `)

// brief is a message without formulas; it may be empty.
func brief(message string) string { return formulas.ReplaceAllString(message, "") }

// said divides a brief message so that the revisions in it can be shown as people say
// them.
func said(message string) []part {
	message = brief(message)
	var parts []part
	end := 0
	for _, at := range revisionIn.FindAllStringIndex(message, -1) {
		whole := message[at[0]:at[1]]
		parts = append(parts, part{Text: message[end:at[0]]}, part{view.ShortRevision(whole), whole})
		end = at[1]
	}
	return append(parts, part{Text: message[end:]})
}

// steps divides an address after each slash of its path, where it may be broken into lines.
func steps(address string) []string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return strings.SplitAfter(address, "/")
	}
	out := strings.SplitAfter(rest, "/")
	out[0] = scheme + "://" + out[0]
	return out
}
