package history

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// activityOf is the n-th of a trail of them.
func activityOf(n int) view.Activity {
	return view.Activity{
		At: day.Add(time.Duration(n) * time.Hour), App: appOf(n % 3), Project: fmt.Sprintf("team-%d", n%2),
		Kind: []string{view.ActivitySynced, view.ActivityFailed, view.ActivityDrift, view.ActivityAction}[n%4], By: []string{"", "admin"}[n%2],
		Revision: fmt.Sprintf("%040x", n), Commit: model.Commit{ID: fmt.Sprintf("%040x", n), Author: "A User", Time: day, Subject: "Change Ünit " + fmt.Sprint(n)},
		Web: "https://git.example.com/commit/1", Message: fmt.Sprintf("synced %d%% of_it", n), Failed: n%4 == 1,
	}
}

func TestActivities(t *testing.T) { onBoth(t, testActivities) }

func testActivities(t *testing.T, at Config) {
	s := open(t, at)
	var all []view.Activity
	for n := range 12 {
		a := activityOf(n)
		if err := s.Note(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		a.ID = int64(n + 1)
		all = append(all, a)
	}
	app := appOf(1)
	for name, test := range map[string]struct {
		q    view.ActivityQuery
		want []int // of the numbers that activityOf takes
	}{
		"all":                 {view.ActivityQuery{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		"a page":              {view.ActivityQuery{Before: 5, Limit: 2}, []int{3, 2}},
		"an app":              {view.ActivityQuery{App: &app}, []int{10, 7, 4, 1}},
		"an unknown app":      {view.ActivityQuery{App: &model.AppKey{Dialect: "flux", Namespace: "argocd", Name: "app-1"}}, nil},
		"a project":           {view.ActivityQuery{Project: "team-1", Limit: 2}, []int{11, 9}},
		"kinds":               {view.ActivityQuery{Kinds: []string{view.ActivityDrift, view.ActivityAction}, Limit: 3}, []int{11, 10, 7}},
		"a person":            {view.ActivityQuery{By: "admin", Before: 4}, []int{1}},
		"a time":              {view.ActivityQuery{From: day.Add(2 * time.Hour), To: day.Add(4 * time.Hour)}, []int{3, 2}},
		"a message":           {view.ActivityQuery{Search: "SYNCED 7%"}, []int{7}},
		"a wildcard":          {view.ActivityQuery{Search: "1% of_it"}, []int{11, 1}},
		"a wildcard for one":  {view.ActivityQuery{Search: "synced _% of"}, nil},
		"the escape itself":   {view.ActivityQuery{Search: `\`}, nil},
		"a name":              {view.ActivityQuery{Search: "argocd/app-2"}, []int{11, 8, 5, 2}},
		"a commit's title":    {view.ActivityQuery{Search: "ünit 4"}, []int{4}},
		"a revision":          {view.ActivityQuery{Search: fmt.Sprintf("%040x", 9)}, []int{9}},
		"everything together": {view.ActivityQuery{App: &app, Project: "team-1", Kinds: []string{view.ActivityAction}, By: "admin", Search: "7", From: day}, []int{7}},
	} {
		got, err := s.Activities(t.Context(), test.q)
		var want []view.Activity
		for _, n := range test.want {
			want = append(want, all[n])
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
	}
}

func TestMaxActivities(t *testing.T) { onBoth(t, testMaxActivities) }

func testMaxActivities(t *testing.T, at Config) {
	at.MaxActivities = 5
	s := open(t, at)
	for n := range 9 {
		if err := s.Note(t.Context(), activityOf(n)); err != nil {
			t.Fatal(err)
		}
		if got := count(t, s, "activity"); got != min(n+1, 5) {
			t.Errorf("%d are kept of %d", got, n+1)
		}
	}
	if got, err := s.Activities(t.Context(), view.ActivityQuery{}); err != nil || got[0].ID != 9 || got[4].ID != 5 {
		t.Errorf("%v is left (%v)", got, err)
	}
}

// TestAnyText: whatever is in a text, it is stored, and not more than is of use.
func TestAnyText(t *testing.T) { onBoth(t, testAnyText) }

func testAnyText(t *testing.T, at Config) {
	at.Now = func() time.Time { return day }
	s := open(t, at)
	odd := "zero\x00, half a rune \xe2\x82, '; DROP TABLE activity; -- " + strings.Repeat("€", 5000)
	if err := s.Note(t.Context(), view.Activity{App: model.AppKey{Dialect: odd, Namespace: odd, Name: odd}, Kind: odd, Project: odd, By: odd, Message: odd, Revision: odd, Web: "https://" + odd}); err != nil {
		t.Fatal(err)
	}
	if err := s.Audit(t.Context(), view.Audit{Who: odd, From: odd, Via: odd, Action: odd, Object: odd, Target: odd, Revision: odd, Outcome: odd, Detail: odd}); err != nil {
		t.Fatal(err)
	}
	happened, err := s.Activities(t.Context(), view.ActivityQuery{Search: "HALF A RUNE , '; drop"})
	if err != nil || len(happened) != 1 {
		t.Fatalf("%d activities: %v", len(happened), err)
	}
	audits, err := s.Audits(t.Context(), view.AuditQuery{Outcome: bounded(odd, maxName)})
	if err != nil || len(audits) != 1 {
		t.Fatalf("%d records: %v", len(audits), err)
	}
	h, a := happened[0], audits[0]
	for text, limit := range map[string]int{h.App.Name: maxName, h.Revision: maxObject, h.Message: maxMessage, a.Who: maxName, a.Object: maxObject, a.Detail: maxMessage} {
		if len(text) > limit || len(text) < limit-8 || !utf8.ValidString(text) || strings.Contains(text, "\x00") || !strings.HasSuffix(text, "€…") {
			t.Errorf("%d bytes of at most %d: %q", len(text), limit, text)
		}
	}
	if h.Web != "" || !h.At.Equal(day) || !a.At.Equal(day) {
		t.Errorf("a part of an address (%q), or no time: %s, %s", h.Web, h.At, a.At)
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Activities(t.Context(), view.ActivityQuery{Kinds: slices.Repeat([]string{"\x00"}, 70_000)}); err != nil && !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a strange query: %v", err)
	}
}

func auditOf(n int) view.Audit {
	return view.Audit{
		At: day.Add(time.Duration(n) * time.Hour), Who: []string{"admin", "alice", ""}[n%3], From: "192.0.2.1", Via: "ui",
		Action: []string{"sync", "logs"}[n%2], Object: fmt.Sprintf("team/app-%d", n%4), Target: "apps/Deployment/shop/web",
		Revision: fmt.Sprintf("%040x", n), Outcome: []string{"allowed", "denied"}[n/6%2], Detail: "prune",
	}
}

func audit(t testing.TB, s *Store, from, to int) (written []view.Audit) {
	t.Helper()
	for n := from; n < to; n++ {
		a := auditOf(n)
		if err := s.Audit(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		a.ID = int64(n + 1)
		written = append(written, a)
	}
	return written
}

func TestAudits(t *testing.T) { onBoth(t, testAudits) }

func testAudits(t *testing.T, at Config) {
	s := open(t, at)
	all := audit(t, s, 0, 12)
	for name, test := range map[string]struct {
		q    view.AuditQuery
		want []int
	}{
		"all":       {view.AuditQuery{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		"a page":    {view.AuditQuery{Before: 4, Limit: 2}, []int{2, 1}},
		"a person":  {view.AuditQuery{Who: "alice"}, []int{10, 7, 4, 1}},
		"an action": {view.AuditQuery{Action: "logs", Limit: 2}, []int{11, 9}},
		"an object": {view.AuditQuery{Object: "team/app-2"}, []int{10, 6, 2}},
		"outcome":   {view.AuditQuery{Outcome: "denied", Limit: 1}, []int{11}},
		"a time":    {view.AuditQuery{From: day.Add(2 * time.Hour), To: day.Add(4 * time.Hour)}, []int{3, 2}},
		"nobody":    {view.AuditQuery{Who: "ali%"}, []int{}},
		"together":  {view.AuditQuery{Who: "alice", Action: "logs", Object: "team/app-3", Outcome: "denied", From: day, To: day.AddDate(1, 0, 0)}, []int{7}},
	} {
		want, exported := []view.Audit{}, []view.Audit{}
		for _, n := range test.want {
			want = append(want, all[n])
		}
		got, err := s.Audits(t.Context(), test.q)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-want +got): %v\n%s", name, err, diff)
		}
		if test.q.Limit > 0 {
			continue
		}
		err = s.Export(t.Context(), test.q, func(a view.Audit) error {
			exported = append(exported, a)
			return nil
		})
		slices.Reverse(want)
		if diff := cmp.Diff(want, exported); diff != "" || err != nil {
			t.Errorf("export of %s (-want +got): %v\n%s", name, err, diff)
		}
	}
}

// TestExport: more than a page of it, in order, and no further than emit likes.
func TestExport(t *testing.T) { onBoth(t, testExport) }

func testExport(t *testing.T, at Config) {
	s := open(t, at)
	fill(t, s, 2*exportPage+1)
	next := int64(1)
	for _, q := range []view.AuditQuery{{Limit: 3}, {Before: 700}} {
		next = 1
		err := s.Export(t.Context(), q, func(a view.Audit) error {
			if a.ID != next {
				t.Fatalf("%d comes in place of %d", a.ID, next)
			}
			next++
			return nil
		})
		if want := max(q.Before, 0); err != nil || want > 0 && next != want || want == 0 && next != 2*exportPage+2 {
			t.Errorf("it has ended before %d: %v", next, err)
		}
	}
	full, calls := errors.New("the disk is full"), 0
	err := s.Export(t.Context(), view.AuditQuery{}, func(view.Audit) error { calls++; return full })
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// fill writes records and activities without a chain.
func fill(t testing.TB, s *Store, rows int) {
	t.Helper()
	bytes := map[string]string{"sqlite": "BLOB", "postgres": "BYTEA"}[s.kind.name()]
	for _, statement := range []string{
		`INSERT INTO audit_record SELECT i, i, 'user-' || (i % 50), 'a', 'ui', 'action-' || (i % 50), 'object-' || (i % 50), '', '', 'outcome-' || (i % 50), '', key, key FROM n`,
		`INSERT INTO activity SELECT i, i, 'argo', 'argocd', 'app-' || (i % 50), 'project-' || (i % 50), 'kind-' || (i % 50), 'user-' || (i % 50), '{}', '' FROM n`,
	} {
		err := s.raw().exec(fmt.Sprintf(`WITH RECURSIVE n(i, key) AS (SELECT 1, CAST('key' AS %s) UNION ALL SELECT i + 1, key FROM n WHERE i < %d) `, bytes, rows) + statement)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestIndexes: no query reads all that is there and sorts it; but a search reads
// what its other conditions leave.
func TestIndexes(t *testing.T) { onBoth(t, testIndexes) }

func testIndexes(t *testing.T, at Config) {
	s := open(t, at)
	fill(t, s, 5000)
	if err := s.raw().exec("ANALYZE"); err != nil {
		t.Fatal(err)
	}
	app, early := appOf(7), time.UnixMilli(100)
	check := func(name, query string, args []any) {
		plan := planOf(t, s, query, args)
		all := strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN") && strings.Contains(plan, "TEMP B-TREE")
		used := strings.Contains(plan, "Index") || strings.Contains(plan, "INDEX") || strings.Contains(plan, "PRIMARY KEY") || strings.Contains(plan, "SCAN")
		if all || !used {
			t.Errorf("%s: %s\n%s", name, query, plan)
		}
	}
	for name, q := range map[string]view.ActivityQuery{
		"all": {}, "a page": {Before: 900}, "app": {App: &app}, "project": {Project: "project-7"}, "kinds": {Kinds: []string{"kind-7", "kind-8"}},
		"by": {By: "user-7"}, "time": {To: early},
	} {
		query, args := selectActivities(q)
		check("activities, "+name, query, args)
	}
	for name, q := range map[string]view.AuditQuery{
		"all": {}, "who": {Who: "user-7"}, "action": {Action: "action-7"}, "object": {Object: "object-7"}, "outcome": {Outcome: "outcome-7"}, "time": {To: early},
	} {
		c := auditClause(q)
		query, args := c.query(`SELECT `+auditColumns+` FROM audit_record`, "id DESC", 100)
		check("audits, "+name, query, args)
	}
}

// planOf is how the database would answer a query.
func planOf(t *testing.T, s *Store, query string, args []any) string {
	t.Helper()
	explain := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN "}[s.kind.name()]
	plan, err := rows(s.raw(), func(r *sql.Rows, text *string) error {
		if s.kind.name() == "postgres" {
			return r.Scan(text)
		}
		var id, parent, unused int
		return r.Scan(&id, &parent, &unused, text)
	}, explain+query, args...)
	if err != nil || len(plan) == 0 {
		t.Fatalf("no plan: %v", err)
	}
	return strings.Join(plan, "\n")
}

func TestRevoked(t *testing.T) { onBoth(t, testRevoked) }

func testRevoked(t *testing.T, at Config) {
	now := day
	at.Now = func() time.Time { return now }
	s := open(t, at)
	revoke := func(id string, until time.Time) {
		t.Helper()
		if err := s.Revoke(t.Context(), id, until); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want map[string]bool) {
		t.Helper()
		for id, want := range want {
			if got, err := s.Revoked(t.Context(), id); err != nil || got != want {
				t.Errorf("%.20q at %s: %v, %v", id, now, got, err)
			}
		}
	}
	long := strings.Repeat("\x00\xff", 100_000)
	check(map[string]bool{"a": false, "": false})
	revoke("a", day.Add(time.Hour))
	revoke("b", day.Add(3*time.Hour))
	revoke("b", day.Add(time.Hour))
	revoke("for ever", time.Time{})
	revoke(long, day.Add(time.Hour))
	check(map[string]bool{"a": true, "b": true, "for ever": true, long: true, "A": false})
	now = day.Add(2 * time.Hour)
	check(map[string]bool{"a": false, "b": true, "for ever": true, long: false})
	revoke("c", day.Add(9*time.Hour))
	if n := count(t, s, "revoked_token"); n != 3 {
		t.Errorf("%d are stored", n)
	}
	if err := s.Revoke(t.Context(), "", day); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("without an id: %v", err)
	}
	again := open(t, at)
	if got, err := again.Revoked(t.Context(), "b"); err != nil || !got {
		t.Errorf("after a restart: %v, %v", got, err)
	}
}

// TestReplicas: several processes write at the same time, and the chain is one.
func TestReplicas(t *testing.T) { onBoth(t, testReplicas) }

func testReplicas(t *testing.T, at Config) {
	const replicas, each = 4, 15
	var g errgroup.Group
	for r := range replicas {
		g.Go(func() error {
			s, err := Open(at) // at the same time: they migrate at the same time
			if err != nil {
				return err
			}
			defer s.Close()
			for n := range each {
				err := errors.Join(s.Audit(t.Context(), auditOf(n)), s.Note(t.Context(), activityOf(n)),
					s.Revoke(t.Context(), fmt.Sprint(n), day.AddDate(50, 0, 0)), s.Keep(appOf(r), revisionOf(n, 20, n), 3))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	s := open(t, at)
	checkWhole(t, s)
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	want := [...]int{replicas * each, replicas * each, each, replicas * 3, 2}
	got := [...]int{count(t, s, "audit_record"), count(t, s, "activity"), count(t, s, "revoked_token"), count(t, s, "history_entry"), count(t, s, "schema_version")}
	if got != want {
		t.Errorf("there are %v, want %v", got, want)
	}
}
