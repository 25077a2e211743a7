package history

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestFirstSchema: a file of the first schema keeps its content, and goes on being
// used, when several processes open it at the same time. testdata/schema-1.db was
// written by the version that had that schema: revisions 1 to 3 of app 1, of which 2
// was healthy, and revision 1 of app 2.
func TestFirstSchema(t *testing.T) {
	data, err := os.ReadFile("testdata/schema-1.db")
	if err != nil {
		t.Fatal(err)
	}
	at := Config{Path: filepath.Join(t.TempDir(), "history.db"), Key: testKey, patience: patience}
	if err := os.WriteFile(at.Path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for n := range 4 {
		g.Go(func() error {
			s, err := Open(at)
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Audit(t.Context(), auditOf(n))
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := open(t, at)
	for _, kept := range []struct{ app, revision int }{{1, 1}, {1, 2}, {1, 3}, {2, 1}} {
		want := revisionOf(kept.revision, 6, 2)
		want.Healthy = kept == struct{ app, revision int }{1, 2}
		got, err := s.Kept(appOf(kept.app), want.Revision, want.Spec)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got): %v\n%s", kept, err, diff)
		}
	}
	checkSize(t, s)
	keep(t, s, appOf(1), revisionOf(4, 6, 2), 2)
	checkWhole(t, s)
	checkSize(t, s)
	if _, err := s.VerifyAudit(t.Context()); err != nil || count(t, s, "audit_record") != 4 || count(t, s, "schema_version") != 2 {
		t.Errorf("the audit trail: %v", err)
	}
	for _, app := range []model.AppKey{appOf(1), appOf(2)} {
		if err := s.Forget(app); err != nil {
			t.Fatal(err)
		}
	}
	if used, err := bytesUsed(s.raw()); err != nil || used != 0 {
		t.Errorf("%d bytes are used of nothing: %v", used, err)
	}
}

// checkSize fails unless what grow has noted is what is there.
func checkSize(t testing.TB, s *Store) {
	t.Helper()
	var want int64
	err := s.raw().row([]any{&want}, `SELECT (SELECT COALESCE(SUM(LENGTH(body) + $1), 0) FROM history_object) +
		(SELECT COALESCE(SUM(LENGTH(body) + $2), 0) FROM history_entry) + (SELECT COUNT(*) * $3 FROM history_span)`,
		objectOverhead, entryOverhead, spanOverhead)
	used, failed := bytesUsed(s.raw())
	if err := errors.Join(err, failed); err != nil || used != want {
		t.Errorf("%d bytes are said to be used, and %d are: %v", used, want, err)
	}
}
