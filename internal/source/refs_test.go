package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func TestRefs(t *testing.T) {
	git := server(t)
	ctx := t.Context()
	ids := map[string]string{}
	for _, name := range []string{"first", "second", "third"} {
		ids[name] = commit(t, git, "main", map[string]*string{"f": text(name)})
	}
	ids["side"] = commit(t, git, "side", map[string]*string{"f": text("side")})
	ids["tagged branch"] = commit(t, git, "v1.0.0", map[string]*string{"f": text("a branch named as a tag")})
	if err := git.SetRef(ctx, "app", "refs/heads/7.x", ids["side"]); err != nil {
		t.Fatal(err)
	}
	for tag, id := range map[string]string{
		"v1.0.0": "first", "v1.2.0": "second", "v2.0.0-rc.1": "third", "nightly": "third",
		"app/v1.4.0": "first", "app/v1.10.0": "second", "app/v2.0.0": "third", "api/v9.0.0": "third", "1.1.0-debian": "first", "1.1.0": "third",
	} {
		if err := git.Tag(ctx, "app", tag, ids[id], "release"); err != nil {
			t.Fatal(err)
		}
	}
	if err := git.SetRef(ctx, "app", "refs/tags/light", ids["second"]); err != nil {
		t.Fatal(err)
	}
	if err := git.SetRef(ctx, "app", "refs/pull/7/head", ids["side"]); err != nil {
		t.Fatal(err)
	}
	if err := git.SetRef(ctx, "app", "refs/heads/--upload-pack=x", ids["side"]); err != nil {
		t.Fatal(err)
	}
	r := store(t, Config{}).run(t)
	cases := map[string]struct {
		ref    model.Ref
		want   string // a name in ids
		name   string
		err    error
		saying string
	}{
		"head":                     {ref: model.Ref{}, want: "third", name: "main"},
		"HEAD":                     {ref: model.Ref{Any: "HEAD"}, want: "third", name: "main"},
		"branch":                   {ref: model.Ref{Branch: "side"}, want: "side", name: "side"},
		"annotated tag":            {ref: model.Ref{Tag: "v1.0.0"}, want: "first", name: "v1.0.0"},
		"light tag":                {ref: model.Ref{Tag: "light"}, want: "second", name: "light"},
		"name":                     {ref: model.Ref{Name: "refs/pull/7/head"}, want: "side", name: "refs/pull/7/head"},
		"commit":                   {ref: model.Ref{Commit: "second"}, want: "second"},
		"commit is first":          {ref: model.Ref{Commit: "second", Branch: "side"}, want: "second"},
		"semver":                   {ref: model.Ref{SemVer: ">=1.0.0"}, want: "second", name: "v1.2.0"},
		"semver pre":               {ref: model.Ref{SemVer: ">=1.0.0-0"}, want: "third", name: "v2.0.0-rc.1"},
		"semver prefix":            {ref: model.Ref{SemVer: "1.x", TagPrefix: "app/v"}, want: "second", name: "app/v1.10.0"},
		"semver filter":            {ref: model.Ref{SemVer: ">=1.0.0-0 <2", SemVerFilter: "-debian$"}, want: "first", name: "1.1.0-debian"},
		"semver both":              {ref: model.Ref{SemVer: "*", TagPrefix: "app/", SemVerFilter: `v1\.4`}, want: "first", name: "app/v1.4.0"},
		"any range":                {ref: model.Ref{Any: "1.*"}, want: "second", name: "v1.2.0"},
		"any range signs":          {ref: model.Ref{Any: ">= 1.0, < 1.2"}, want: "third", name: "1.1.0"},
		"any range prefix":         {ref: model.Ref{Any: "~1.4", TagPrefix: "app/v"}, want: "first", name: "app/v1.4.0"},
		"any pin prefix":           {ref: model.Ref{Any: "2.0.0", TagPrefix: "app/v"}, want: "third", name: "app/v2.0.0"},
		"any not a range":          {ref: model.Ref{Any: "main", TagPrefix: "app/v"}, want: "third", name: "main"},
		"any no tag, but a branch": {ref: model.Ref{Any: "7.x"}, want: "side", name: "7.x"},
		"any branch first":         {ref: model.Ref{Any: "v1.0.0"}, want: "tagged branch", name: "v1.0.0"},
		"any tag":                  {ref: model.Ref{Any: "nightly"}, want: "third", name: "nightly"},
		"any full":                 {ref: model.Ref{Any: "refs/tags/light"}, want: "second", name: "refs/tags/light"},
		"any commit":               {ref: model.Ref{Any: "first"}, want: "first"},
		"any short commit":         {ref: model.Ref{Any: "first:9"}, want: "first"},

		"no branch":      {ref: model.Ref{Branch: "none"}, err: model.ErrNotFound, saying: `branch "none"`},
		"no tag":         {ref: model.Ref{Tag: "side"}, err: model.ErrNotFound, saying: `tag "side"`},
		"no any":         {ref: model.Ref{Any: "none"}, err: model.ErrNotFound, saying: `"none"`},
		"no commit":      {ref: model.Ref{Commit: strings.Repeat("1", 40)}, err: model.ErrNotFound, saying: "1111"},
		"no short":       {ref: model.Ref{Any: "1111111"}, err: model.ErrNotFound, saying: "1111111"},
		"no version":     {ref: model.Ref{SemVer: ">=3"}, err: model.ErrNotFound, saying: `">=3"`},
		"no any version": {ref: model.Ref{Any: "^8"}, err: model.ErrNotFound, saying: `"^8"`},
		"no prefix":      {ref: model.Ref{SemVer: "1.x", TagPrefix: "web/"}, err: model.ErrNotFound, saying: `"web/"`},
		"bad filter":     {ref: model.Ref{SemVer: "1.x", SemVerFilter: "("}, err: model.ErrInvalid, saying: "regular expression"},
		"bad version":    {ref: model.Ref{SemVer: "three"}, err: model.ErrInvalid, saying: "three"},
		"option":         {ref: model.Ref{Branch: "--upload-pack=x"}, err: model.ErrInvalid, saying: "dash"},
		"any option":     {ref: model.Ref{Any: "-x"}, err: model.ErrInvalid, saying: "dash"},
		"control":        {ref: model.Ref{Tag: "a\nb"}, err: model.ErrInvalid, saying: "control"},
		"expression":     {ref: model.Ref{Any: "main@{1}"}, err: model.ErrInvalid},
		"short id":       {ref: model.Ref{Commit: "1234567"}, err: model.ErrInvalid, saying: "40"},
		"short name":     {ref: model.Ref{Name: "main"}, err: model.ErrInvalid, saying: "full name"},
	}
	for name, c := range cases {
		if id, ok := ids[c.ref.Commit]; ok {
			c.ref.Commit = id
		}
		if word, cut, _ := strings.Cut(c.ref.Any, ":"); ids[word] != "" {
			c.ref.Any = ids[word]
			if cut != "" {
				c.ref.Any = ids[word][:9]
			}
		}
		key := model.SourceKey(name)
		r.Set(key, model.Source{URL: git.URL("app"), Ref: c.ref})
		st := r.refresh(t, key)
		if c.err != nil {
			if !errors.Is(st.Err, c.err) || !strings.Contains(st.Err.Error(), c.saying) || !strings.Contains(st.Err.Error(), git.URL("app")) {
				t.Errorf("%s: error %v, want %q saying %q", name, st.Err, c.err, c.saying)
			}
			continue
		}
		if st.Err != nil {
			t.Errorf("%s: %v", name, st.Err)
			continue
		}
		if st.Snapshot.Commit.ID != ids[c.want] || st.Snapshot.Ref != c.name {
			t.Errorf("%s: %s as %q, want %s as %q", name, st.Snapshot.Commit.ID, st.Snapshot.Ref, ids[c.want], c.name)
		}
		if _, err := st.Snapshot.Tree.ReadFile("f"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyRepository(t *testing.T) {
	git := server(t)
	r := store(t, Config{}).run(t)
	r.Set("app", model.Source{URL: git.URL("app")})
	st := r.bad(t, "app", model.ErrNotFound)
	if !strings.Contains(st.Err.Error(), "empty") {
		t.Errorf("error %v", st.Err)
	}
	id := commit(t, git, "main", map[string]*string{"f": text("1")})
	if snap := r.good(t, "app"); snap.Commit.ID != id {
		t.Errorf("got %s, want %s", snap.Commit.ID, id)
	}
}

func TestBranchNamedLikeAnOptionIsHarmless(t *testing.T) {
	git := server(t)
	id := commit(t, git, "main", map[string]*string{"f": text("1")})
	if err := git.SetRef(t.Context(), "app", "refs/heads/--upload-pack=x", id); err != nil {
		t.Fatal(err)
	}
	if err := git.SetHead(t.Context(), "app", "--upload-pack=x"); err != nil {
		t.Fatal(err)
	}
	r := store(t, Config{}).run(t)
	r.Set("head", model.Source{URL: git.URL("app")})
	if snap := r.good(t, "head"); snap.Commit.ID != id || snap.Ref != "--upload-pack=x" {
		t.Errorf("got %s as %q", snap.Commit.ID, snap.Ref)
	}
	r.Set("name", model.Source{URL: git.URL("app"), Ref: model.Ref{Name: "refs/heads/--upload-pack=x"}})
	if snap := r.good(t, "name"); snap.Commit.ID != id {
		t.Errorf("got %s", snap.Commit.ID)
	}
}

// A push between two lines of an advertisement does not make HEAD another commit
// than its branch.
func TestHeadIsItsBranch(t *testing.T) {
	old, fresh := strings.Repeat("a", 40), strings.Repeat("b", 40)
	a, err := parseAdvert([]byte("ref: refs/heads/main\tHEAD\n" + old + "\tHEAD\n" + fresh + "\trefs/heads/main\n"))
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := a.commit("HEAD"); id != fresh {
		t.Errorf("HEAD is %s", id)
	}
	a, err = parseAdvert([]byte(old + "\tHEAD\n" + fresh + "\trefs/heads/main\n"))
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := a.commit("HEAD"); id != old {
		t.Errorf("a detached HEAD is %s", id)
	}
}
