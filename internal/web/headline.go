package web

import "github.com/fixpoint-cd/fixpoint/internal/view"

// headlines say what the conditions of a type are about, for those whose word alone
// leaves that open.
var headlines = map[string]string{
	"Declaration": "The declaration can’t be used",
	"Source":      "The source can’t be read",
	"Dependency":  "It waits for another app",
	"Render":      "It can’t be rendered",
	"Policy":      "Not permitted",
	"Cluster":     "The cluster can’t be worked with",
	"Sync":        "The sync failed",
	"Prune":       "Not everything could be pruned",
	"Health":      "It is not healthy",
	"Deletion":    "The deletion is held up",
}

// warnings are those of conditions that are no errors.
var warnings = map[string]string{
	"Shared":   "Another app has it, too",
	"Repeated": "Declared twice",
	"Excluded": "Left out",
	"Field":    "Not honoured",
	"Render":   "From the renderer",
	"Prune":    "Not pruned",
	"Fight":    "Somebody else writes it, too",
	"Rollback": "Gone back",
	"Health":   "Not healthy yet",
	"Revision": "A newer revision is not used",
}

// headline is what a condition is about, in a few words.
func headline(c view.Condition) string {
	words := headlines
	if c.Severity != view.SeverityError {
		words = warnings
	}
	for _, of := range []map[string]string{words, headlines} {
		if text, ok := of[c.Type]; ok {
			return text
		}
	}
	return c.Type
}
