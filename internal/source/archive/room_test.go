package archive

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestHash(t *testing.T) {
	tree := func(members ...member) *Tree {
		t.Helper()
		tree, err := room(t, Limits{}).unpack(tarOf(t, members...), false)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	hash := func(tree *Tree, name string) string {
		t.Helper()
		h, err := tree.Hash(name)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	a := tree(member{name: "one/a", body: "x"}, member{name: "two/a", body: "x"}, member{name: "b", body: "1"})
	b := tree(member{name: "b", body: "2"}, member{name: "two/a", body: "x"}, member{name: "one/a", body: "x", mode: 0o755})
	if hash(a, "one") != hash(a, "two") {
		t.Error("equal folders have different hashes")
	}
	if hash(a, "two") != hash(b, "two") {
		t.Error("the hash of a folder depends on what is beside it")
	}
	for _, name := range []string{".", "b", "one", "one/a"} {
		if hash(a, name) == hash(b, name) {
			t.Errorf("%s has the same hash with another content or mode", name)
		}
	}
	if _, err := a.Hash("three"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the hash of nothing: %v", err)
	}
	if _, err := a.Hash("../one"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("the hash of a name that leads out: %v", err)
	}
}

func TestRoomKeepsTrees(t *testing.T) {
	r := room(t, Limits{})
	data := tarOf(t, member{name: "dir/a", body: "one"}, member{name: "b", body: "two"}, member{name: "dir.b", body: "sorted"}, member{name: "dir-c/x", body: "differently"})
	tree, err := r.unpack(data, false)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.unpack(data, false); err != nil || again.ID() != tree.ID() {
		t.Fatalf("again: %v", err)
	}
	ids, err := r.IDs()
	if diff := cmp.Diff([]string{tree.ID()}, ids); diff != "" || err != nil {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	if st, err := os.Stat(filepath.Join(r.Dir, tree.ID())); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", st.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "tmp-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := OpenRoom(r.Dir, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(r.Dir); len(left) != 1 {
		t.Fatalf("files in the room: %v", left)
	}
	opened, err := next.Open(tree.ID())
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Remove(tree.ID()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(contents(t, tree), contents(t, opened)); diff != "" {
		t.Errorf("after its removal: (-want +got)\n%s", diff)
	}
	if _, err := next.Open(tree.ID()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opening what was removed: %v", err)
	}
	for _, id := range []string{"", "..", "../../etc/passwd", strings.ToUpper(tree.ID())} {
		if _, err := next.Open(id); err == nil {
			t.Errorf("%q was opened", id)
		}
	}
}

// TestDamage changes each byte of a stored tree: no other content is ever served.
func TestDamage(t *testing.T) {
	r := room(t, Limits{})
	tree, err := r.unpack(tarOf(t, member{name: "dir/a", body: "one"}, member{name: "b", body: "two"}), false)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(r.Dir, tree.ID())
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := append([]byte{}, good...)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := r.Open(tree.ID())
		if err != nil {
			continue
		}
		told := 0
		opened.OnDamage(func() { told++ })
		for name, want := range map[string]string{"dir/a": "one", "b": "two"} {
			data, err := opened.ReadFile(name)
			if err == nil && string(data) != want {
				t.Fatalf("byte %d: %s is %q", i, name, data)
			}
			if err != nil && !errors.Is(err, model.ErrTransient) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		if inContent := i < len("onetwo"); inContent && (!opened.Damaged() || told != 1) {
			t.Fatalf("byte %d: the damage was not noticed, or told %d times", i, told)
		}
	}
}

func TestCopy(t *testing.T) {
	r := room(t, Limits{})
	old, err := r.unpack(tarOf(t, member{name: "dir/a", body: "one", mode: 0o755}, member{name: "b", body: "two"}), false)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Copy(old, "dir/a"); err != nil {
		t.Fatal(err)
	}
	if err := b.Add("c", false, strings.NewReader("three")); err != nil {
		t.Fatal(err)
	}
	tree, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"dir/a*": "one", "c": "three"}, contents(t, tree)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
