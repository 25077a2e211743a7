package history

import (
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestTrailSmoke(t *testing.T) {
	s := open(t, Config{})
	ctx := t.Context()
	for range 3 {
		if err := s.Audit(ctx, view.Audit{Who: "a", Action: "sync"}); err != nil {
			t.Fatal(err)
		}
		if err := s.Note(ctx, view.Activity{App: appOf(1), Kind: "synced", Message: "50%_x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.VerifyAudit(ctx); err != nil {
		t.Fatal(err)
	}
	a, err := s.Audits(ctx, view.AuditQuery{Who: "a"})
	if err != nil || len(a) != 3 || a[0].ID != 3 {
		t.Fatal(a, err)
	}
	b, err := s.Activities(ctx, view.ActivityQuery{Search: "0%_X"})
	if err != nil || len(b) != 3 {
		t.Fatal(b, err)
	}
	if err := s.Revoke(ctx, "x", day.AddDate(10, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Revoked(ctx, "x"); err != nil || !ok {
		t.Fatal(ok, err)
	}
}
