package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// all does one of everything.
func all(ctx context.Context, s *Store) map[string]error {
	errs := map[string]error{}
	errs["Keep"] = s.Keep(appOf(1), revisionOf(1, 5, 0), 2)
	_, errs["Newest"] = s.Newest(appOf(1))
	_, errs["Kept"] = s.Kept(appOf(1), revisionOf(1, 0, 0).Revision, revisionOf(1, 0, 0).Spec)
	errs["Healthy"] = s.Healthy(appOf(1), revisionOf(1, 0, 0).Revision, revisionOf(1, 0, 0).Spec)
	errs["Forget"] = s.Forget(appOf(2))
	errs["Note"] = s.Note(ctx, activityOf(1))
	_, errs["Activities"] = s.Activities(ctx, view.ActivityQuery{})
	errs["Audit"] = s.Audit(ctx, auditOf(1))
	_, errs["Audits"] = s.Audits(ctx, view.AuditQuery{})
	errs["Export"] = s.Export(ctx, view.AuditQuery{}, func(view.Audit) error { return nil })
	_, errs["VerifyAudit"] = s.VerifyAudit(ctx)
	errs["Revoke"] = s.Revoke(ctx, "a", time.Time{})
	_, errs["Revoked"] = s.Revoked(ctx, "a")
	return errs
}

func checkAll(t *testing.T, s *Store, when string, kind error) {
	t.Helper()
	for name, err := range all(t.Context(), s) {
		if !errors.Is(err, kind) {
			t.Errorf("%s: %s: %v, want %v", when, name, err, kind)
		}
		if err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %s shows the password: %v", when, name, err)
		}
	}
}

// TestRestart: while the server is down everything fails as what passes, and once it
// is back everything goes on, on whatever connections there were.
func TestRestart(t *testing.T) {
	at := Config{URL: emptySchema(t), Key: testKey}
	s := open(t, at)
	checkAll(t, s, "before", nil)
	var g errgroup.Group
	for range 8 { // several connections
		g.Go(func() error { return s.Export(t.Context(), view.AuditQuery{}, func(view.Audit) error { return nil }) })
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	// A restart that nobody sees.
	postgresServer.stop()
	if err := postgresServer.start(); err != nil {
		t.Fatal(err)
	}
	checkAll(t, s, "after a restart", nil)

	postgresServer.stop()
	checkAll(t, s, "down", model.ErrTransient)
	late := open(t, at)
	checkAll(t, late, "opened while it is down", model.ErrTransient)
	if err := postgresServer.start(); err != nil {
		t.Fatal(err)
	}
	checkAll(t, s, "back", nil)
	checkAll(t, late, "opened before it was back", nil)
}

// TestSilence: a server that takes connections and says nothing holds nobody for
// ever, and those who wait for it neither.
func TestSilence(t *testing.T) {
	folder := filepath.Dir(filepath.Join(t.TempDir(), "x"))
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	at := Config{URL: "postgres://fixpoint:planted@/db?" + url.Values{"host": {folder}, "sslmode": {"disable"}}.Encode(), Key: testKey, patience: 50 * time.Millisecond}
	s := open(t, at)
	var g errgroup.Group
	for range 20 {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			for name, err := range all(ctx, s) {
				if !errors.Is(err, model.ErrTransient) {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// TestStuck: another writer that does not end its transaction holds nobody for ever.
func TestStuck(t *testing.T) {
	at := Config{URL: emptySchema(t), Key: testKey}
	s := open(t, at)
	s.config.patience = 50 * time.Millisecond
	other, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.kind.exclude(session{t.Context(), other}, lockAudit); err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range 20 {
		g.Go(func() error {
			if err := s.Audit(t.Context(), auditOf(1)); !errors.Is(err, model.ErrTransient) {
				return fmt.Errorf("want a transient error, got %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	s.config.patience = time.Minute
	if _, err := s.Audits(t.Context(), view.AuditQuery{}); err != nil {
		t.Errorf("reading meanwhile: %v", err)
	}
	if err := s.Note(t.Context(), activityOf(1)); err != nil {
		t.Errorf("writing something else meanwhile: %v", err)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Audit(t.Context(), auditOf(1)); err != nil {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Audit(canceled, auditOf(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestConnectionString: what can't be used is refused at once, and nothing shows the
// password.
func TestConnectionString(t *testing.T) {
	good, err := url.Parse(emptySchema(t))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*url.URL)) string {
		u := *good
		change(&u)
		return u.String()
	}
	for name, test := range map[string]struct{ url, want string }{
		"not a string":       {"postgres://u:planted-secret@[::1/x", "the connection string can't be read"},
		"a bad port":         {"postgres://u:planted-secret@localhost:x/db", "the connection string can't be read"},
		"a password's slash": {"postgres://u:planted/secret@localhost/db", "the connection string can't be read"},
		"a missing file":     {"postgres://u:planted-secret@localhost/db?sslmode=verify-full&sslrootcert=/nowhere", "the connection string can't be read"},
		"key and value":      {"host=localhost password='planted-secret port=x", "the connection string can't be read"},
		"a wrong password":   {with(func(u *url.URL) { u.User = url.UserPassword("fixpoint", "planted-secret") }), "password authentication failed"},
		"no database":        {with(func(u *url.URL) { u.Path = "/nothing" }), `database "nothing" does not exist`},
		"no schema": {with(func(u *url.URL) {
			u.RawQuery = strings.Replace(u.RawQuery, "search_path=test_", "search_path=none_", 1)
		}), "no schema has been selected"},
	} {
		s, err := Open(Config{URL: test.url, Key: testKey})
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, model.ErrTransient) {
			t.Errorf("%s: error %v", name, err)
		}
		for _, form := range []string{"%v", "%+v", "%#v", "%q"} {
			if text := fmt.Sprintf(form+form, err, s); strings.Contains(text, "planted") {
				t.Errorf("%s shows the password: %s", name, text)
			}
		}
	}
	config := Config{URL: good.String(), Key: testKey}
	text, err := json.Marshal(config)
	if shown := fmt.Sprintf("%v %+v %#v %s", config, config, &config, text); err != nil || strings.Contains(shown, "planted") {
		t.Errorf("a config prints as %s (%v)", shown, err)
	}
	s := open(t, config)
	if shown := fmt.Sprintf("%v %+v %#v", s.config, s.kind, s.config); strings.Contains(shown, "planted") {
		t.Errorf("an open store prints as %s", shown)
	}
}

// TestNoListener: the tests' server is reached by its socket alone.
func TestNoListener(t *testing.T) {
	s := open(t, Config{URL: emptySchema(t)})
	var addresses string
	if err := s.raw().row([]any{&addresses}, `SHOW listen_addresses`); err != nil || addresses != "" {
		t.Errorf("it listens on %q: %v", addresses, err)
	}
}
