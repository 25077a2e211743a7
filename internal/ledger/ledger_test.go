package ledger

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var me = model.AppKey{Dialect: "argo", Namespace: "argocd", Name: "me"}

func key(name string) model.ObjectKey {
	return model.ObjectKey{Kind: "ConfigMap", Namespace: "web", Name: name}
}

func pair(n byte) model.Pair {
	return model.Pair{
		Desired: model.Digest{n}, Fields: model.Digest{n, n}, Time: int64(n), UID: "u", ResourceVersion: "7", Differs: n%2 == 0,
	}
}

func open(t *testing.T, path string) *Ledger {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func load(t *testing.T, l *Ledger, app model.AppKey) (map[model.ObjectKey]model.Pair, []model.ObjectRef) {
	t.Helper()
	pairs, kinds, err := l.Load(app)
	if err != nil {
		t.Fatal(err)
	}
	return pairs, kinds
}

// TestRoundTrip: what was saved is there after a restart, as recalled, of its
// app alone.
func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	kinds := []model.ObjectRef{{ObjectKey: model.ObjectKey{Kind: "ConfigMap"}, Version: "v1"}}
	other := model.AppKey{Dialect: "flux", Namespace: "argocd", Name: "me"}
	l := open(t, path)
	for _, err := range []error{
		l.Save(me, map[model.ObjectKey]model.Pair{key("a"): pair(1), key("b"): pair(2), key("c"): pair(3)}, nil),
		l.Save(me, map[model.ObjectKey]model.Pair{key("b"): pair(4)}, []model.ObjectKey{key("c"), key("never")}),
		l.SaveKinds(me, kinds),
		l.Save(other, map[model.ObjectKey]model.Pair{key("a"): pair(9)}, nil),
		l.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	pairs, got := load(t, open(t, path), me)
	want := map[model.ObjectKey]model.Pair{key("a"): pair(1), key("b"): pair(4)}
	for k, p := range want {
		p.Recalled = true
		want[k] = p
	}
	if diff := cmp.Diff(want, pairs); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(kinds, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestUnknownApp(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"))
	pairs, kinds := load(t, l, me)
	if pairs == nil || len(pairs) != 0 || kinds != nil {
		t.Errorf("pairs %v, kinds %v of an app that was never seen", pairs, kinds)
	}
	if err := l.Save(me, nil, nil); err != nil {
		t.Error(err)
	}
	if err := l.Forget(me); err != nil {
		t.Error(err)
	}
}

func TestForget(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger.db"))
	if err := l.Save(me, map[model.ObjectKey]model.Pair{key("a"): pair(1)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Forget(me); err != nil {
		t.Fatal(err)
	}
	if pairs, kinds := load(t, l, me); len(pairs) != 0 || kinds != nil {
		t.Errorf("pairs %v, kinds %v after Forget", pairs, kinds)
	}
}

// TestDamaged: a file that can't be read is set aside, and a new one begun.
func TestDamaged(t *testing.T) {
	junk := bytes.Repeat([]byte("not a ledger "), 4096)
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, junk, 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, path)
	if err := l.Save(me, map[model.ObjectKey]model.Pair{key("a"): pair(1)}, nil); err != nil {
		t.Fatal(err)
	}
	if pairs, _ := load(t, l, me); len(pairs) != 1 {
		t.Errorf("pairs %v", pairs)
	}
	aside, err := os.ReadFile(path + ".damaged")
	if err != nil || !bytes.Equal(aside, junk) {
		t.Errorf("the damaged file is not set aside: %v", err)
	}
}

// TestDamagedInside: pages that were overwritten beneath a sound head give an
// error or a new file, never a panic.
func TestDamagedInside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, path)
	many := map[model.ObjectKey]model.Pair{}
	for i := range byte(200) {
		many[key("object-"+strings.Repeat("x", int(i)))] = pair(i)
	}
	if err := l.Save(me, many, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := 2 * os.Getpagesize() // the two meta pages
	for i := range data[head:] {
		data[head+i] = 0xA5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	l = open(t, path)
	pairs, _, err := l.Load(me)
	if err == nil && len(pairs) == len(many) {
		t.Error("the damaged file was read as if it were sound")
	}
}

// TestHeld: a second process is told what to do.
func TestHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	open(t, path)
	_, err := Open(path)
	if err == nil || !strings.Contains(err.Error(), "another process holds it") || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(path + ".damaged"); err == nil {
		t.Error("the file that is held was set aside")
	}
}

// TestNoFolder: what can't be opened and is no damage is an error.
func TestNoFolder(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing", "ledger.db")); err == nil {
		t.Error("no error")
	}
}
