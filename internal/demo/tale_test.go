package demo

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/examples"
)

// TestTales: the commits of a sample repository lead to the files as they are.
func TestTales(t *testing.T) {
	var names []string
	for _, tale := range tales {
		names = append(names, tale.repository)
		t.Run(tale.repository, func(t *testing.T) {
			end, err := textFiles(examples.Repository(tale.repository))
			if err != nil {
				t.Fatal(err)
			}
			changes, err := tale.unfold(end)
			if err != nil {
				t.Fatal(err)
			}
			want, got := map[string]string{}, map[string]string{}
			for name, text := range end {
				want[name] = *text
			}
			for i, changed := range changes {
				if len(changed) == 0 {
					t.Errorf("%q changes nothing", tale.chapters[i].title)
				}
				maps.Copy(got, changed)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files at the end (-want +got):\n%s", diff)
			}
			if !slices.IsSortedFunc(tale.chapters, func(a, b chapter) int { return int(b.age - a.age) }) {
				t.Error("the chapters are not in the order of time")
			}
		})
	}
	if diff := cmp.Diff(examples.Samples(), names); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
}

// TestUnfoldMistaken: an edit that does not fit is an error, not a repository that
// is other than the example.
func TestUnfoldMistaken(t *testing.T) {
	text := "a: 1\n"
	for name, chapters := range map[string][]chapter{
		"what is not there":    {{title: "x", edits: []edit{{"f", "a: 0", "a: 2"}}}},
		"a file that is not":   {{title: "x", edits: []edit{{"g", "a: 0", "a: 1"}}}},
		"after a later change": {{title: "x", edits: []edit{{"f", "a: 0", "a: 1"}}}, {title: "y", edits: []edit{{"f", "a: 3", "a: 1"}}}},
	} {
		if _, err := (tale{"r", chapters}).unfold(map[string]*string{"f": &text}); err == nil || !strings.Contains(err.Error(), "x") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTell commits as the teams do, and goes on where an earlier demo has ended.
func TestTell(t *testing.T) {
	dir := t.TempDir()
	h := &host{}
	if err := startHost(t.Context(), filepath.Join(dir, "git"), h); err != nil {
		t.Fatal(err)
	}
	defer h.server.Close()
	d := &demo{Options: Options{Dir: dir}, host: h}
	log := func() string {
		out, err := runGit(t.Context(), h.server.Path(tales[1].repository), "log", "--reverse", "--format=%an: %s%d", "main")
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(out, "HEAD -> main, ", "")
	}
	line := func(c chapter) string { return c.team + ": " + c.title }
	var past, all []string
	for _, c := range tales[1].chapters {
		if all = append(all, line(c)); c.age > 0 {
			past = append(past, line(c))
		}
	}

	_, fresh, err := d.tellers(t.Context())
	if err != nil || !fresh {
		t.Fatalf("fresh: %v, %v", fresh, err)
	}
	past[len(past)-1] += " (tag: v3.1.0)"
	if diff := cmp.Diff(strings.Join(past, "\n"), strings.ReplaceAll(log(), "(HEAD -> main, ", "(")); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}

	// Another demo has the server's repositories, and no clones.
	if err := os.RemoveAll(d.path("clone-samples")); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		tellers, fresh, err := d.tellers(t.Context())
		if err != nil || fresh != (i == 0) {
			t.Fatalf("fresh: %v, %v", fresh, err)
		}
		for _, to := range tellers {
			if err := to.goOn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := len(strings.Split(log(), "\n")), len(all); got != want {
		t.Errorf("there are %d commits at the end, want %d:\n%s", got, want, log())
	}
	for name, file := range mustFiles(t, tales[1].repository) {
		got, err := runGit(t.Context(), h.server.Path(tales[1].repository), "show", "main:"+name)
		if err != nil || got != strings.TrimSpace(file) {
			t.Errorf("%s is other than the example: %v", name, err)
		}
	}
}

func mustFiles(t *testing.T, repository string) map[string]string {
	t.Helper()
	files, err := textFiles(examples.Repository(repository))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, text := range files {
		out[name] = *text
	}
	return out
}
