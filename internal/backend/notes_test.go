package backend

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestNewContent: a revision is news of an app if it changes something of it.
func TestNewContent(t *testing.T) {
	type state struct {
		revision string
		content  byte
		sync     model.SyncStatus
	}
	tests := map[string]struct {
		reason string
		states []state
		want   int
	}{
		"changed":          {"its objects are others", []state{{"c1", 1, model.Synced}, {"c2", 2, model.OutOfSync}}, 1},
		"elsewhere":        {"the commit is of another app", []state{{"c1", 1, model.Synced}, {"c2", 1, model.Synced}}, 0},
		"repaired":         {"the second of two commits is its", []state{{"c1", 1, model.Synced}, {"c2", 1, model.Synced}, {"c3", 2, model.Synced}}, 1},
		"unreadable":       {"nothing could be rendered of it", []state{{"c1", 1, model.Synced}, {"c2", 0, model.SyncUnknown}}, 0},
		"after unreadable": {"what counts is what was there before", []state{{"c1", 1, model.Synced}, {"c2", 0, model.SyncUnknown}, {"c3", 1, model.Synced}}, 0},
		"drift":            {"the revision is the same", []state{{"c1", 1, model.Synced}, {"c1", 1, model.OutOfSync}}, 0},
		"the first":        {"there was nothing before", []state{{"", 0, model.SyncUnknown}, {"c1", 1, model.OutOfSync}}, 0},
		"after a start":    {"what it had is not known, but it was in sync with that", []state{{"c1", 0, model.Synced}, {"c2", 1, model.OutOfSync}}, 1},
		"and unchanged":    {"it is in sync as before", []state{{"c1", 0, model.Synced}, {"c2", 1, model.Synced}}, 0},
	}
	for name, tt := range tests {
		b := &Backend{contents: map[model.AppKey]model.Digest{}}
		noted, before := 0, view.App{}
		for i, s := range tt.states {
			now := view.App{Revision: s.revision, Sync: s.sync}
			r := model.Report{}
			if s.content != 0 {
				r.Content = model.Digest{s.content}
			}
			if i == 0 {
				before = now
				b.isNewContent(now, now, r)
				continue
			}
			if b.isNewContent(before, now, r) {
				noted++
			}
			before = now
		}
		if noted != tt.want {
			t.Errorf("%s: noted %d times, want %d: %s", name, noted, tt.want, tt.reason)
		}
	}
}
