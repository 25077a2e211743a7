package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/history"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// TestSecurityHistoryErrorsAreDiscreet: whoever asks for a page hears that the history
// fails, and the log why.
func TestSecurityHistoryErrorsAreDiscreet(t *testing.T) {
	dir := t.TempDir()
	key, err := history.KeyFile(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := history.Open(history.Config{Path: filepath.Join(dir, "history.db"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d := discreetHistory{store, slog.New(slog.NewTextHandler(&log, nil))}
	if err := d.Audit(t.Context(), view.Audit{Who: "ann", Action: "sync"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	_, activities := d.Activities(t.Context(), view.ActivityQuery{})
	_, audits := d.Audits(t.Context(), view.AuditQuery{})
	for name, err := range map[string]error{
		"audit": d.Audit(t.Context(), view.Audit{Who: "ann"}), "activities": activities, "audits": audits,
	} {
		if !errors.Is(err, model.ErrTransient) || strings.Contains(err.Error(), "sql") || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := strings.Count(log.String(), "the history fails"); n != 3 {
		t.Errorf("the log has %d lines of it: %s", n, &log)
	}
	if err := d.discreet(context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone hears %v", err)
	}
}
