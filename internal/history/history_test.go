package history

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestKeep: what is kept comes back as it was, in its order, across a restart.
func TestKeep(t *testing.T) { onBoth(t, testKeep) }

func testKeep(t *testing.T, at Config) {
	s := open(t, at)
	want := revisionOf(7, 40, 3)
	want.Objects = append(want.Objects, want.Objects[5], deployment(3, 9)) // the same twice, and out of order
	keep(t, s, appOf(1), want, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, at)
	for name, read := range map[string]func() (model.Deployed, error){
		"Kept":   func() (model.Deployed, error) { return s.Kept(appOf(1), want.Revision, want.Spec) },
		"Newest": func() (model.Deployed, error) { return s.Newest(appOf(1)) },
	} {
		got, err := read()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, app := range []model.AppKey{appOf(2), {Dialect: "flux", Namespace: "argocd", Name: "app-1"}} {
		if _, err := s.Newest(app); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("Newest of %s: %v", app, err)
		}
	}
	for _, d := range []model.Deployed{{Revision: want.Revision}, {Revision: "x", Spec: want.Spec}} {
		if _, err := s.Kept(appOf(1), d.Revision, d.Spec); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("Kept of another: %v", err)
		}
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space?and#sign", "history.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, open(t, Config{Path: path}), appOf(1), revisionOf(1, 1, 0), 1)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the file is %v (%v)", info, err)
	}
}

// TestLimit: the oldest go, with what nobody else has.
func TestLimit(t *testing.T) { onBoth(t, testLimit) }

func testLimit(t *testing.T, at Config) {
	s := open(t, at)
	for n := 1; n <= 6; n++ {
		keep(t, s, appOf(1), revisionOf(n, 30, 1), 3)
		checkWhole(t, s)
	}
	keep(t, s, appOf(2), revisionOf(0, 30, 0), 3) // 29 of these objects are app 1's too
	if got, want := [...]int{count(t, s, "history_entry"), count(t, s, "history_object")}, [...]int{4, 29 + 3 + 1}; got != want {
		t.Errorf("%v entries and objects, want %v", got, want)
	}
	for n, there := range map[int]bool{1: false, 3: false, 4: true, 6: true} {
		if _, err := s.Kept(appOf(1), revisionOf(n, 0, 0).Revision, revisionOf(n, 0, 0).Spec); (err == nil) != there {
			t.Errorf("revision %d: %v", n, err)
		}
	}
	// The same again is the newest, and takes no place of another.
	keep(t, s, appOf(1), revisionOf(4, 30, 1), 3)
	if d, err := s.Newest(appOf(1)); err != nil || d.Revision != revisionOf(4, 0, 0).Revision || count(t, s, "history_entry") != 4 {
		t.Errorf("newest is %s (%v), of %d", d.Revision, err, count(t, s, "history_entry"))
	}
	// A lower limit holds at once; 0 is nothing.
	keep(t, s, appOf(1), revisionOf(9, 30, 1), 1)
	if n := count(t, s, "history_entry"); n != 2 {
		t.Errorf("%d entries are left, want 2", n)
	}
	keep(t, s, appOf(1), revisionOf(10, 30, 1), 0)
	if _, err := s.Newest(appOf(1)); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("with limit 0: %v", err)
	}
	checkWhole(t, s)
	if err := s.Forget(appOf(2)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "history_object") + count(t, s, "history_entry") + count(t, s, "history_span"); n != 0 {
		t.Errorf("%d rows are left of nothing", n)
	}
}

// TestHealthy: a revision stays healthy once it was seen so.
func TestHealthy(t *testing.T) { onBoth(t, testHealthy) }

func testHealthy(t *testing.T, at Config) {
	s := open(t, at)
	d := revisionOf(1, 2, 0)
	healthy := func() bool {
		got, err := s.Kept(appOf(1), d.Revision, d.Spec)
		if err != nil {
			t.Fatal(err)
		}
		return got.Healthy
	}
	keep(t, s, appOf(1), d, 2)
	if healthy() {
		t.Error("it is healthy before anybody said so")
	}
	for range 2 {
		if err := s.Healthy(appOf(1), d.Revision, d.Spec); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, s, appOf(1), d, 2)
	if !healthy() {
		t.Error("it is not healthy any more")
	}
	if err := s.Healthy(appOf(2), "unknown", d.Spec); err != nil {
		t.Errorf("of what is not kept: %v", err)
	}
}

// TestLastHealthy: the newest that was healthy, other than what is deployed.
func TestLastHealthy(t *testing.T) { onBoth(t, testLastHealthy) }

func testLastHealthy(t *testing.T, at Config) {
	s := open(t, at)
	last := func(but model.Deployed) string {
		d, err := s.LastHealthy(appOf(1), but.Revision, but.Spec)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			t.Fatal(err)
		}
		if err == nil && (!d.Healthy || len(d.Objects) != 2) {
			t.Errorf("%s is not what was kept: %v, %d objects", d.Revision, d.Healthy, len(d.Objects))
		}
		return strings.TrimLeft(d.Revision, "0")
	}
	for n := range 5 {
		d := revisionOf(n+1, 2, 0)
		d.Healthy = n == 0 || n == 2 || n == 3
		keep(t, s, appOf(1), d, 9)
		keep(t, s, appOf(2), d, 9)
	}
	for but, want := range map[int]string{5: "4", 4: "3", 9: "4"} {
		if got := last(revisionOf(but, 0, 0)); got != want {
			t.Errorf("but for %d it is %q, want %s", but, got, want)
		}
	}
	keep(t, s, appOf(1), revisionOf(1, 2, 0), 1)
	if got := last(revisionOf(1, 0, 0)); got != "" {
		t.Errorf("of nothing else it is %q", got)
	}
	// Other sources at the same revision are something else.
	if got := last(model.Deployed{Revision: revisionOf(1, 0, 0).Revision}); got != "1" {
		t.Errorf("but for other sources it is %q", got)
	}
}

// TestOtherKey: what another key has encrypted is not there, and why is said.
func TestOtherKey(t *testing.T) { onBoth(t, testOtherKey) }

func testOtherKey(t *testing.T, at Config) {
	d := revisionOf(1, 5, 0)
	first := open(t, at)
	keep(t, first, appOf(1), d, 2)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	other := at
	other.Key = Key{9}
	s := open(t, other)
	_, newest := s.Newest(appOf(1))
	_, kept := s.Kept(appOf(1), d.Revision, d.Spec)
	for _, err := range []error{newest, kept} {
		if !errors.Is(err, model.ErrNotFound) || !strings.Contains(err.Error(), "the history was encrypted with another key: restore the key with the id "+keyText(first.seal.id[:])) {
			t.Errorf("error %v", err)
		}
	}
	// From now on this key's; with the first one's back, both are there or not by theirs.
	keep(t, s, appOf(1), d, 3)
	if got, err := s.Newest(appOf(1)); err != nil || len(got.Objects) != 5 {
		t.Errorf("with its own key: %v", err)
	}
	again := open(t, at)
	if _, err := again.Kept(appOf(1), d.Revision, d.Spec); err != nil {
		t.Errorf("with the first key back: %v", err)
	}
	checkWhole(t, s)
}

// TestNothingInTheClear: neither values nor names of objects, nor anything that
// lets one try out a value.
func TestNothingInTheClear(t *testing.T) { onBoth(t, testNothingInTheClear) }

func testNothingInTheClear(t *testing.T, at Config) {
	s := open(t, at)
	const password = "hunter2-planted-value"
	encoded := base64.StdEncoding.EncodeToString([]byte(password))
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"planted-name","namespace":"shop"},"data":{"password":%q},"stringData":{"x":%q}}`, encoded, password)
	d := revisionOf(1, 3, 0)
	d.Objects = append(d.Objects, model.Object{
		ObjectRef: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Secret", Namespace: "shop", Name: "planted-name"}, Version: "v1"},
		JSON:      []byte(body), Digest: model.DigestOf([]byte(body)), Annotations: map[string]string{"planted-annotation": "x"},
	})
	keep(t, s, appOf(1), d, 2)
	digest, spec := model.DigestOf([]byte(body)), d.Spec
	hidden := []string{password, encoded, "planted", "registry.example.com", string(digest[:]), digest.String(), string(spec[:]), spec.String(), string(testKey[:])}
	grep(t, at, appOf(1).Name, hidden...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	grep(t, at, appOf(1).Name, hidden...)
	if text := fmt.Sprintf("%v %+v %#v", testKey, s.config, s.config); strings.Contains(text, "1, 2, 3") || !strings.Contains(text, "hidden") {
		t.Errorf("a key prints as %s", text)
	}
}

// TestDamage: rows that were changed count as not kept and are told apart from
// each other's content; a file that is no database is set aside.
func TestDamage(t *testing.T) { onBoth(t, testDamage) }

func testDamage(t *testing.T, at Config) {
	d := revisionOf(1, 5, 0)
	for name, statement := range map[string]string{
		"a lost object":        `DELETE FROM history_object WHERE id = 2`,
		"a changed object":     `UPDATE history_object SET body = address WHERE id = 2`,
		"an exchanged object":  `UPDATE history_object SET body = (SELECT body FROM history_object WHERE id = 3) WHERE id = 2`,
		"an exchanged span":    `UPDATE history_span SET length = 4`,
		"a changed entry":      `UPDATE history_entry SET body = address`,
		"objects of other app": `UPDATE history_span SET first = 6 WHERE entry = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, at)
			for _, app := range []model.AppKey{appOf(1), appOf(2)} {
				if err := s.Forget(app); err != nil {
					t.Fatal(err)
				}
			}
			keep(t, s, appOf(1), d, 2)
			keep(t, s, appOf(2), revisionOf(2, 5, 5), 2)
			if err := s.raw().exec(statement); err != nil {
				t.Fatal(err)
			}
			got, err := s.Kept(appOf(1), d.Revision, d.Spec)
			if !errors.Is(err, model.ErrNotFound) || len(got.Objects) > 0 || !strings.Contains(err.Error(), "can't be read") {
				t.Errorf("error %v with %d objects", err, len(got.Objects))
			}
		})
	}
}

func TestDamagedFile(t *testing.T) {
	at := Config{Path: filepath.Join(t.TempDir(), "history.db")}
	path, d := at.Path, revisionOf(1, 200, 0)
	fill := func(from int64, n int) {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt([]byte(strings.Repeat("x", n)), from)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	fill(0, 10000)
	s := open(t, at)
	keep(t, s, appOf(1), d, 2)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Errorf("it was not set aside: %v", err)
	}
	// Damage that only shows later.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(info.Size()/4096*3/4*4096, int(info.Size()/4)) // behind the schema, which is read when it is opened
	s = open(t, at)
	err = s.Keep(appOf(1), revisionOf(2, 200, 200), 2)
	if err == nil || !strings.Contains(err.Error(), "the history begins anew") {
		t.Errorf("error %v", err)
	}
	keep(t, s, appOf(1), d, 2)
	if got, err := s.Newest(appOf(1)); err != nil || len(got.Objects) != 200 {
		t.Errorf("after it began anew: %v", err)
	}
}

func TestNewerSchema(t *testing.T) { onBoth(t, testNewerSchema) }

func testNewerSchema(t *testing.T, at Config) {
	s := open(t, at)
	if err := s.raw().exec(`INSERT INTO schema_version (version) VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(at); err == nil || !strings.Contains(err.Error(), "newer version of Fixpoint (schema 99, this one knows 2)") {
		t.Errorf("error %v", err)
	}
}

// TestConcurrency: apps come and go at the same time, others read meanwhile.
func TestConcurrency(t *testing.T) { onBoth(t, testConcurrency) }

func testConcurrency(t *testing.T, at Config) {
	s := open(t, at)
	var g errgroup.Group
	for app := range 6 {
		g.Go(func() error {
			for n := range 15 {
				d := revisionOf(n, 25, n%4)
				if err := s.Keep(appOf(app), d, 1+n%3); err != nil {
					return err
				}
				got, err := s.Newest(appOf(app))
				if err != nil || got.Revision != d.Revision || len(got.Objects) != 25 {
					return fmt.Errorf("newest of app %d is %s, want %s: %w", app, got.Revision, d.Revision, err)
				}
				if app == 5 && n%5 == 4 {
					if err := s.Forget(appOf(app)); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	g.Go(func() error {
		for range 60 {
			for app := range 6 {
				if _, err := s.Newest(appOf(app)); err != nil && !errors.Is(err, model.ErrNotFound) {
					return err
				}
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, s)
}
