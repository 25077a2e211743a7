package api

import "github.com/fixpoint-cd/fixpoint/internal/view"

// Diff is what a sync would change.
type Diff struct {
	Revision  string       `json:"revision" doc:"what was rendered"`
	Commit    *Commit      `json:"commit,omitempty"`
	Objects   []ObjectDiff `json:"objects"`
	Unchanged int          `json:"unchanged" doc:"how many others there are"`
	Blocked   string       `json:"blocked,omitempty" doc:"why nothing may be synced"`
	Warnings  []string     `json:"warnings"`
}

// ObjectDiff is what a sync would change of an object. Values of Secrets are masked:
// equal ones by equal texts.
type ObjectDiff struct {
	Object  Object         `json:"object"`
	Action  string         `json:"action" doc:"what a sync would do: create, update, delete, keep, leave, refuse"`
	Reason  string         `json:"reason,omitempty"`
	Error   string         `json:"error,omitempty" doc:"why it would fail"`
	Before  map[string]any `json:"before,omitempty" doc:"what is there"`
	After   map[string]any `json:"after,omitempty" doc:"what a sync would make of it"`
	Hunks   []Hunk         `json:"hunks" doc:"the differing parts of both, as YAML"`
	SetBy   []Owner        `json:"setBy" doc:"who besides the app set what differs in the cluster, the newest first"`
	Noise   bool           `json:"noise" doc:"only what is ignored differs"`
	Added   int            `json:"added" doc:"lines"`
	Removed int            `json:"removed" doc:"lines"`
}

// Hunk is a run of lines with their surroundings.
type Hunk struct {
	Lines []Line `json:"lines"`
}

// Line is one of a diff.
type Line struct {
	Op   string `json:"op" doc:"a space of what stays, or + or -"`
	Text string `json:"text"`
	Old  int    `json:"old,omitempty" doc:"its number before, from 1"`
	New  int    `json:"new,omitempty" doc:"its number after, from 1"`
}

func diff(d view.Diff) Diff {
	return Diff{
		Revision: d.Revision, Commit: commit(d.Commit), Objects: list(d.Objects, objectDiff),
		Unchanged: d.Unchanged, Blocked: d.Blocked, Warnings: texts(d.Warnings),
	}
}

func objectDiff(o view.ObjectDiff) ObjectDiff {
	return ObjectDiff{
		Object: object(o.Ref), Action: string(o.Action), Reason: o.Reason, Error: o.Err, Before: o.Before, After: o.After,
		Hunks: list(o.Hunks, hunk), SetBy: list(o.SetBy, owner), Noise: o.Noise, Added: o.Added, Removed: o.Removed,
	}
}

func hunk(h view.Hunk) Hunk {
	return Hunk{Lines: list(h.Lines, func(l view.Line) Line {
		return Line{Op: string(l.Op), Text: l.Text, Old: l.Old, New: l.New}
	})}
}
