package access

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what the tests get into testdata")

// TestDecisions reads the policies of testdata. Lines of ask are "who resource action
// object"; the decision and the line that made it are added to them in -- got --.
func TestDecisions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := section(ar, "got")
			got := decisions(t, ar)
			if *update {
				ar.Files = append(without(ar, "got"), txtar.File{Name: "got", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func section(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func without(ar *txtar.Archive, name string) (out []txtar.File) {
	for _, f := range ar.Files {
		if f.Name != name {
			out = append(out, f)
		}
	}
	return out
}

// decisions is what is said of all lines of ask, and of the policy.
func decisions(t *testing.T, ar *txtar.Archive) string {
	t.Helper()
	var cm map[string]string
	if err := yaml.UnmarshalStrict([]byte(section(ar, "cm")), &cm); err != nil {
		t.Fatal(err)
	}
	var projects []Project
	if err := yaml.UnmarshalStrict([]byte(section(ar, "projects")), &projects); err != nil {
		t.Fatal(err)
	}
	set, problems := Read(cm, projects)
	set.Accounts = strings.Fields(section(ar, "accounts"))
	for _, f := range ar.Files {
		set.Inherit = set.Inherit || f.Name == "inherit"
	}
	var e Enforcer
	problems = append(problems, e.Use(set)...)
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimSpace(section(ar, "ask")), "\n") {
		ask := strings.Fields(line)
		if len(ask) != 4 {
			t.Fatalf("%q: want who, resource, action, object", line)
		}
		id := identity(ask[0])
		may := e.May(id, ask[1], ask[2], ask[3])
		fmt.Fprintf(&b, "%-4s%s%s\n", map[bool]string{true: "yes", false: "no"}[may], line, because(t, &e, id, ask, may))
	}
	for _, p := range problems {
		fmt.Fprintf(&b, "problem: %v\n", p)
	}
	for _, d := range set.Doubts() {
		if section(ar, "doubts") == "" {
			break
		}
		fmt.Fprintf(&b, "doubt: %v\n", d)
	}
	return b.String()
}

// because is the line that decides, where the name in question can be explained.
func because(t *testing.T, e *Enforcer, id Identity, ask []string, may bool) string {
	t.Helper()
	if !id.Local || strings.HasPrefix(id.Subject, "role:") {
		return ""
	}
	d := e.Explain(id.Subject, nil, ask[1], ask[2], ask[3])
	if d.Allowed != may {
		t.Errorf("%v: May says %t, Explain %t", ask, may, d.Allowed)
	}
	if d.Rule == nil {
		return ""
	}
	return "   # " + d.Voice + ", " + d.Rule.Place
}

// identity reads "local:name", "sso:name+group+group", "anonymous" or "zero".
func identity(text string) Identity {
	kind, name, _ := strings.Cut(text, ":")
	parts := strings.Split(name, "+")
	switch kind {
	case "local":
		return Identity{Subject: name, Local: true}
	case "anonymous":
		return Identity{Subject: name, Anonymous: true}
	case "zero":
		return Identity{}
	}
	return Identity{Subject: parts[0], Groups: parts[1:]}
}
