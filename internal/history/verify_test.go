package history

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// unguard lets statements change the audit trail, as somebody may who owns the
// database.
func unguard(t *testing.T, s *Store) {
	t.Helper()
	statements := []string{`ALTER TABLE audit_record DISABLE TRIGGER USER`, `ALTER TABLE audit_chain DISABLE TRIGGER USER`}
	if s.kind.name() == "sqlite" {
		statements = nil
		for _, name := range []string{"record_insert", "record_update", "record_delete", "chain_insert", "chain_update", "chain_delete"} {
			statements = append(statements, `DROP TRIGGER audit_`+name)
		}
	}
	for _, statement := range statements {
		if err := s.raw().exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAppendOnly: the database itself refuses to change the trail.
func TestAppendOnly(t *testing.T) { onBoth(t, testAppendOnly) }

func testAppendOnly(t *testing.T, at Config) {
	s := open(t, at)
	audit(t, s, 0, 5)
	copied := `SELECT id, at, 'nobody', address, via, action, object, target, revision, outcome, detail, key_id, mac FROM audit_record WHERE id = 2`
	statements := []string{
		`UPDATE audit_record SET actor = 'nobody' WHERE id = 2`,
		`DELETE FROM audit_record WHERE id = 2`,
		`DELETE FROM audit_record`,
		`INSERT INTO audit_record ` + copied + ` ON CONFLICT (id) DO UPDATE SET actor = 'nobody'`,
		`INSERT INTO audit_record ` + strings.Replace(copied, "id", "id - 10", 1),
		`UPDATE audit_chain SET last_id = 3`,
		`DELETE FROM audit_chain`,
	}
	if at.URL != "" {
		statements = append(statements, `TRUNCATE audit_record`, `TRUNCATE audit_chain`)
	} else {
		statements = append(statements, `INSERT OR REPLACE INTO audit_record `+copied, `UPDATE OR REPLACE audit_record SET id = 1 WHERE id = 2`,
			`INSERT OR REPLACE INTO audit_chain SELECT * FROM audit_chain`)
	}
	for _, statement := range statements {
		if err := s.raw().exec(statement); err == nil || !strings.Contains(err.Error(), "the audit trail is append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTampering: whatever was changed is found, at the first place.
func TestTampering(t *testing.T) { onBoth(t, testTampering) }

func testTampering(t *testing.T, at Config) {
	for name, test := range map[string]struct {
		statements []string
		want       string
	}{
		"a changed record":             {[]string{`UPDATE audit_record SET actor = 'nobody' WHERE id = 4`}, "record 4 ("},
		"a changed time":               {[]string{`UPDATE audit_record SET at = at + 1 WHERE id = 1`}, "record 1 ("},
		"text moved to the next field": {[]string{`UPDATE audit_record SET target = target || detail, detail = '' WHERE id = 6`}, "record 6 ("},
		"a removed record":             {[]string{`DELETE FROM audit_record WHERE id = 4`}, "record 4 is missing"},
		"the first removed":            {[]string{`DELETE FROM audit_record WHERE id <= 2`}, "record 1 is missing"},
		"the last removed":             {[]string{`DELETE FROM audit_record WHERE id > 8`}, "record 9 is missing, and those up to 10"},
		"all removed":                  {[]string{`DELETE FROM audit_record`}, "record 1 is missing"},
		"all removed, and the chain":   {[]string{`DELETE FROM audit_record`, `DELETE FROM audit_chain`}, "record 1 is missing, and those up to 10"},
		"exchanged records":            {[]string{`UPDATE audit_record SET id = 99 WHERE id = 4`, `UPDATE audit_record SET id = 4 WHERE id = 5`, `UPDATE audit_record SET id = 5 WHERE id = 99`}, "record 4 ("},
		"an older one put back":        {[]string{`INSERT INTO audit_record SELECT 0, at, actor, address, via, action, object, target, revision, outcome, detail, key_id, mac FROM audit_record WHERE id = 1`}, "record 0 was not there"},
		"one too many":                 {[]string{`INSERT INTO audit_record SELECT 11, at, actor, address, via, action, object, target, revision, outcome, detail, key_id, mac FROM audit_record WHERE id = 10`}, "record 11 ("},
		"as if too old": {[]string{`UPDATE audit_chain SET start_id = 2, start_mac = (SELECT mac FROM audit_record WHERE id = 2)`,
			`DELETE FROM audit_record WHERE id <= 2`}, "record 3 was not the first one"},
		"a shorter chain": {[]string{`UPDATE audit_chain SET last_id = 8, last_mac = (SELECT mac FROM audit_record WHERE id = 8)`,
			`DELETE FROM audit_record WHERE id > 8`}, "record 9 is missing, and those up to 10"},
		"another key": {[]string{`UPDATE audit_record SET key_id = mac WHERE id = 3`}, "record 3 ("},
	} {
		t.Run(name, func(t *testing.T) {
			at := at
			if at.URL != "" {
				at.URL = emptySchema(t)
			} else {
				at.Path += name
			}
			s := open(t, at)
			audit(t, s, 0, 10)
			good, err := s.VerifyAudit(t.Context())
			if err != nil || good.Records != 10 || good.FirstID != 1 || good.LastID != 10 || !good.First.Before(good.Last) {
				t.Fatalf("%+v, %v", good, err)
			}
			unguard(t, s)
			for _, statement := range test.statements {
				if err := s.raw().exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			check := func(when string, s *Store, want string) {
				t.Helper()
				good, err := s.VerifyAudit(t.Context())
				if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, want %q", when, err, want)
				}
				if first, ok := strings.CutSuffix(want, " is missing"); ok {
					at, _ := strconv.Atoi(strings.TrimPrefix(first, "record "))
					if good.Records != at-1 || int(good.LastID) != at-1 {
						t.Errorf("%s: %q, and before it %+v", when, want, good)
					}
				}
			}
			check("at once", s, test.want)
			// What is added does not hide it, and can be added.
			audit(t, s, 10, 12)
			check("later", s, "record")
			check("after a restart", open(t, at), "record")
		})
	}
}

// TestShorterChain: a process that was not there before finds a chain that was cut by
// its seal, and what it adds is marked.
func TestShorterChain(t *testing.T) { onBoth(t, testShorterChain) }

func testShorterChain(t *testing.T, at Config) {
	s := open(t, at)
	audit(t, s, 0, 10)
	unguard(t, s)
	for _, statement := range []string{`UPDATE audit_chain SET last_id = 8, last_mac = (SELECT mac FROM audit_record WHERE id = 8)`, `DELETE FROM audit_record WHERE id > 8`} {
		if err := s.raw().exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, at)
	if _, err := again.VerifyAudit(t.Context()); !errors.Is(err, ErrAltered) {
		t.Errorf("before anything is added: %v", err)
	}
	for range 2 {
		audit(t, again, 8, 9)
		if _, err := again.VerifyAudit(t.Context()); !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), "before record 9") {
			t.Errorf("after it: %v", err)
		}
	}
}

// TestAuditOfOtherKey: records of another key are told.
func TestAuditOfOtherKey(t *testing.T) { onBoth(t, testAuditOfOtherKey) }

func testAuditOfOtherKey(t *testing.T, at Config) {
	s := open(t, at)
	audit(t, s, 0, 3)
	other := at
	other.Key = Key{9}
	o := open(t, other)
	audit(t, o, 3, 5)
	if _, err := o.VerifyAudit(t.Context()); !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), "record 1 (2026-03-04 05:06:07 UTC) is of the key with the id "+keyText(s.seal.id[:])) {
		t.Errorf("error %v", err)
	}
	if got, err := o.Audits(t.Context(), view.AuditQuery{}); err != nil || len(got) != 5 {
		t.Errorf("%d are there: %v", len(got), err)
	}
}

// TestKeepAudit: records go by their age, from the oldest on, and the rest is still
// a chain.
func TestKeepAudit(t *testing.T) { onBoth(t, testKeepAudit) }

func testKeepAudit(t *testing.T, at Config) {
	audit(t, open(t, at), 0, 10)
	now := day.Add(11 * time.Hour)
	at.Now, at.KeepAudit = func() time.Time { return now }, 5*time.Hour
	s := open(t, at)
	check := func(want ...int64) {
		t.Helper()
		var got []int64
		err := s.Export(t.Context(), view.AuditQuery{}, func(a view.Audit) error { got = append(got, a.ID); return nil })
		if err != nil || len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%v are there, want %v: %v", got, want, err)
		}
		if _, err := s.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	}
	check(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	audit(t, s, 10, 11) // record 11; 7 is 5 hours old
	check(7, 8, 9, 10, 11)
	now = day.AddDate(0, 1, 0)
	if err := s.Audit(t.Context(), view.Audit{Action: "login"}); err != nil {
		t.Fatal(err)
	}
	check(12)
	// One that is new and bears an old time stays until it is not the newest.
	audit(t, s, 0, 2)
	check(12, 13, 14)
}
