package overlay

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// tree is a model.Tree of files in memory; "name -> target" is a link.
type tree struct {
	fstest.MapFS
	hashes int
}

func (t *tree) Hash(name string) (string, error) {
	t.hashes++
	h := sha256.New()
	err := fs.WalkDir(t.MapFS, name, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f := t.MapFS[p]
		if f == nil {
			f = &fstest.MapFile{}
		}
		fmt.Fprintf(h, "%s %s %q\n", strings.TrimPrefix(p, name), e.Type(), f.Data)
		return nil
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

func files(lines ...string) *tree {
	t := &tree{MapFS: fstest.MapFS{}}
	for _, line := range lines {
		if name, to, ok := strings.Cut(line, " -> "); ok {
			t.MapFS[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		name, data, _ := strings.Cut(line, "=")
		t.MapFS[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(data, `\n`, "\n")), Mode: 0o444}
	}
	return t
}

// list is every file that can be seen.
func list(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out = append(out, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const defaults = "*.jpg\n.github/\n**/.sops.yaml"

func flux(rules string) *model.Ignore {
	return &model.Ignore{Rules: rules, Files: ".sourceignore", Defaults: defaults, Always: ".git/\n.gitignore"}
}

func TestSees(t *testing.T) {
	base := []string{"a.yaml", "b.jpg", ".gitignore", ".github/x", "d/.sops.yaml", "d/e/c.yaml", "d/e/f.md", "only/g.jpg"}
	with := func(more ...string) []string { return slices.Concat(base, more) }
	other := files("h.yaml", "sub/i.yaml", "sub/j.jpg")
	cases := map[string]struct {
		base []string
		o    Options
		want string
	}{
		"everything":            {base: base, want: ".github/x .gitignore a.yaml b.jpg d/.sops.yaml d/e/c.yaml d/e/f.md only/g.jpg"},
		"defaults":              {base: base, o: Options{Ignore: flux("")}, want: "a.yaml d/e/c.yaml d/e/f.md"},
		"own rules":             {base: base, o: Options{Ignore: flux("*.md")}, want: ".github/x a.yaml b.jpg d/.sops.yaml d/e/c.yaml only/g.jpg"},
		"a comment is no rule":  {base: base, o: Options{Ignore: flux("# none\n")}, want: "a.yaml d/e/c.yaml d/e/f.md"},
		"a file":                {base: with(".sourceignore=*.yaml\n!c.yaml"), o: Options{Ignore: flux("")}, want: ".github/x .sourceignore b.jpg d/e/c.yaml d/e/f.md only/g.jpg"},
		"an empty file":         {base: with(".sourceignore=# none"), o: Options{Ignore: flux("")}, want: ".sourceignore a.yaml d/e/c.yaml d/e/f.md"},
		"a file further down":   {base: with("d/.sourceignore=/e/*.md\na.yaml\n.sourceignore"), o: Options{Ignore: flux("")}, want: ".github/x a.yaml b.jpg d/.sops.yaml d/e/c.yaml only/g.jpg"},
		"own rules are last":    {base: with("d/.sourceignore=*"), o: Options{Ignore: flux("/*\n!/d\n*.md")}, want: "d/.sops.yaml d/.sourceignore d/e/c.yaml"},
		"all but":               {base: base, o: Options{Ignore: flux("/*\n!/d/e")}, want: "d/e/c.yaml d/e/f.md"},
		"a file in an ignored":  {base: with("d/e/.sourceignore=!*.yaml"), o: Options{Ignore: &model.Ignore{Rules: "nothing", Always: "d/", Files: ".sourceignore"}}, want: ".github/x .gitignore a.yaml b.jpg d/e/c.yaml only/g.jpg"},
		"a link is no file":     {base: with(".sourceignore -> d/e/f.md"), o: Options{Ignore: flux("")}, want: ".sourceignore a.yaml d/e/c.yaml d/e/f.md"},
		"sparse":                {base: base, o: Options{Sparse: []string{"./d/e/", "only"}}, want: "d/e/c.yaml d/e/f.md only/g.jpg"},
		"sparse of all":         {base: []string{"a", "b/c"}, o: Options{Sparse: []string{"b", "."}}, want: "a b/c"},
		"rules outside sparse":  {base: with(".sourceignore=*.yaml"), o: Options{Sparse: []string{"d"}, Ignore: flux("")}, want: "d/e/c.yaml d/e/f.md"},
		"include":               {base: []string{"a"}, o: Options{Include: []Include{{Name: "o", Tree: other, To: "x/y"}}}, want: "a x/y/h.yaml x/y/sub/i.yaml x/y/sub/j.jpg"},
		"include of a folder":   {base: []string{"d/e/f"}, o: Options{Include: []Include{{Name: "o", Tree: other, From: "./sub", To: "./d/e/g/"}}}, want: "d/e/f d/e/g/i.yaml d/e/g/j.jpg"},
		"include and sparse":    {base: base, o: Options{Sparse: []string{"d/e"}, Include: []Include{{Name: "o", Tree: other, To: "o"}}}, want: "d/e/c.yaml d/e/f.md o/h.yaml o/sub/i.yaml o/sub/j.jpg"},
		"include and rules":     {base: base, o: Options{Ignore: flux(""), Include: []Include{{Name: "o", Tree: other, To: "o"}}}, want: "a.yaml d/e/c.yaml d/e/f.md o/h.yaml o/sub/i.yaml"},
		"include in an include": {base: []string{"a"}, o: Options{Include: []Include{{Name: "o", Tree: other, To: "o"}, {Name: "p", Tree: other, From: "sub", To: "o/p"}}}, want: "a o/h.yaml o/p/i.yaml o/p/j.jpg o/sub/i.yaml o/sub/j.jpg"},
	}
	for name, c := range cases {
		tr, err := New(files(c.base...), c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(strings.Fields(c.want), list(t, tr)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := fstest.TestFS(tr, strings.Fields(c.want)...); err != nil && !strings.Contains(name, "link") {
			t.Errorf("%s: %v", name, err)
		}
		for _, all := range [][]string{base, {".github", "only", "only/g.jpg"}} {
			for _, p := range all {
				seen := slices.ContainsFunc(strings.Fields(c.want), func(w string) bool { return w == p || strings.HasPrefix(w, p+"/") })
				if _, err := tr.Stat(p); (err == nil) != seen {
					t.Errorf("%s: %s can be seen: %v (%v), want %v", name, p, !seen, err, seen)
				}
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	other := files("h", "sub/i")
	at := func(from, to string) Options {
		return Options{Include: []Include{{Name: "other", Tree: other, From: from, To: to}}}
	}
	cases := map[string]struct {
		o      Options
		kind   error
		saying string
	}{
		"sparse without":    {Options{Sparse: []string{"none"}}, model.ErrNotFound, `"none"`},
		"sparse of a file":  {Options{Sparse: []string{"a"}}, model.ErrNotFound, `"a"`},
		"sparse of a link":  {Options{Sparse: []string{"l"}}, model.ErrNotFound, `"l"`},
		"sparse up":         {Options{Sparse: []string{"../x"}}, model.ErrInvalid, "../x"},
		"sparse absolute":   {Options{Sparse: []string{"/d"}}, model.ErrInvalid, "/d"},
		"include at none":   {at("", ""), model.ErrInvalid, "directory"},
		"include at .":      {at("", "."), model.ErrInvalid, "directory"},
		"include up":        {at("", "x/../../y"), model.ErrInvalid, "y"},
		"include absolute":  {at("", "/etc"), model.ErrInvalid, "/etc"},
		"include from up":   {at("../sub", "x"), model.ErrInvalid, "../sub"},
		"include from none": {at("none", "x"), model.ErrNotFound, "none"},
		"include of a file": {at("h", "x"), model.ErrNotFound, "h"},
		"include over":      {at("", "d"), model.ErrInvalid, "exists"},
		"include in a file": {at("", "a/b"), model.ErrInvalid, "a exists"},
		"include in a link": {at("", "l/x"), model.ErrInvalid, "l exists"},
	}
	for name, c := range cases {
		_, err := New(files("a", "d/b", "l -> d"), c.o)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.saying) {
			t.Errorf("%s: error %v, want %q saying %q", name, err, c.kind, c.saying)
		}
	}
}

func TestLinks(t *testing.T) {
	base := files("a=a", "d/b=b", "d/up -> ../a", "dir -> d", "out -> ../x", "d/far -> ../../x", "abs -> /etc/passwd",
		"to hidden -> x.jpg", "x.jpg=x", "round -> round", "into -> o/h")
	tr, err := New(base, Options{Ignore: flux("*.jpg"), Include: []Include{{Name: "o", Tree: files("h=h", "back -> ../a"), To: "o"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"d/up": "a", "dir/b": "b", "dir/up": "a", "into": "h", "o/back": "a"} {
		if data, err := tr.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for name, kind := range map[string]error{
		"out": fs.ErrInvalid, "d/far": fs.ErrInvalid, "abs": fs.ErrInvalid, "round": fs.ErrInvalid, "../x": fs.ErrInvalid,
		"to hidden": fs.ErrNotExist, "d/none": fs.ErrNotExist, "a/b": fs.ErrNotExist,
	} {
		if _, err := tr.ReadFile(name); !errors.Is(err, kind) {
			t.Errorf("%s: error %v, want %v", name, err, kind)
		}
	}
	if to, err := tr.ReadLink("dir"); err != nil || to != "d" {
		t.Errorf("ReadLink: %q, %v", to, err)
	}
}

func TestHash(t *testing.T) {
	base := map[string]string{"d/a.yaml": "1", "d/e/b.yaml": "1", "d/e/x.md": "1", "f/c.yaml": "1", "f/up": "-> ../g/s", "g/s": "1", "h/i.md": "1"}
	other := files("o.yaml=1", "o.md=1")
	hashes := func(base map[string]string, other *tree, rules string) map[string]string {
		var lines []string
		for name, data := range base {
			if to, ok := strings.CutPrefix(data, "-> "); ok {
				lines = append(lines, name+" -> "+to)
			} else {
				lines = append(lines, name+"="+data)
			}
		}
		tr, err := New(files(lines...), Options{Ignore: flux(rules), Include: []Include{{Name: "o", Tree: other, To: "inc"}}})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, name := range []string{".", "d", "d/e", "f", "g", "inc"} {
			if out[name], err = tr.Hash(name); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	first := hashes(base, other, "*.md")
	// The link in f leads above it, so f depends on all that can be seen.
	cases := map[string]struct {
		change map[string]string
		other  *tree
		rules  string
		want   string
	}{
		"nothing":           {},
		"an ignored file":   {change: map[string]string{"d/e/x.md": "2"}},
		"a new one":         {change: map[string]string{"d/e/y.md": "2", "new/z.md": "2"}},
		"a file":            {change: map[string]string{"d/e/b.yaml": "2"}, want: ". d d/e f"},
		"behind a link":     {change: map[string]string{"g/s": "2"}, want: ". f g"},
		"of the include":    {other: files("o.yaml=2", "o.md=1"), want: ". f inc"},
		"ignored there":     {other: files("o.yaml=1", "o.md=2")},
		"a rule":            {rules: "*.md\n/h\n/d/a.yaml", want: ". d f"},
		"a rule of no file": {rules: "*.md\n*.none"},
	}
	for name, c := range cases {
		changed := maps.Clone(base)
		maps.Copy(changed, c.change)
		if c.other == nil {
			c.other = other
		}
		if c.rules == "" {
			c.rules = "*.md"
		}
		var got []string
		for p, hash := range hashes(changed, c.other, c.rules) {
			if first[p] != hash {
				got = append(got, p)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(strings.Join(got, " "), c.want); diff != "" {
			t.Errorf("%s: hashes that changed (-got +want):\n%s", name, diff)
		}
	}
}

// Where nothing is hidden, a folder has the hash that it has without rules.
func TestHashOfWhatIsWhole(t *testing.T) {
	base := files("d/a.yaml", "d/e/b.yaml", "x.jpg")
	tr, err := New(base, Options{Ignore: flux("")})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "d/e", "d/a.yaml"} {
		want, _ := base.Hash(name)
		if got, err := tr.Hash(name); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	want, _ := base.Hash(".")
	if got, err := tr.Hash("."); err != nil || got == want {
		t.Errorf("a file is hidden but the hash is %s, %v", got, err)
	}
}

// With a shared cache a new snapshot costs what is new in it.
func TestHashIsRemembered(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("d%d/a.yaml=%d", i, i), fmt.Sprintf("d%d/b.jpg=%d", i, i))
	}
	cache := NewCache()
	hash := func(lines []string) (string, int) {
		base := files(lines...)
		tr, err := New(base, Options{Ignore: flux(""), Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		h, err := tr.Hash(".")
		if err != nil {
			t.Fatal(err)
		}
		return h, base.hashes
	}
	before, cold := hash(lines)
	lines[0] = "d0/a.yaml=changed"
	after, warm := hash(lines)
	if before == after || path.Base(after) == "" {
		t.Error("a change is not seen")
	}
	// One for each folder, to see that it is known, and few more.
	if warm > 700 || cold < warm+200 {
		t.Errorf("%d hashes cold, %d warm", cold, warm)
	}
}
