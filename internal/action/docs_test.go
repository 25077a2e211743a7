package action

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const docs = "../../docs/actions.md"

const intro = `# What can be done with objects

Besides being declared, objects can be restarted, scaled, paused and the like. This
page lists the actions that are built in; ` + "`go test ./internal/action -update`" + ` writes
it. Names are Argo CD's where it has the action.

An action writes the fields that are named here and no others. Where Git declares
such a field otherwise, that is drift, and self-heal takes it back: leave the field
out of Git, or name it in ` + "`ignoreDifferences`" + `. Annotations and the subresources
` + "`scale` and `status`" + ` are hardly ever declared.

An action that can't be done now is listed with the reason. Those marked **!**
interrupt work or can't be undone.

Actions of ` + "`resource.customizations.actions.<group>_<kind>`" + ` in ` + "`argocd-cm`" + ` take the
place of all that are built in for their kind; with ` + "`mergeBuiltinActions: true`" + ` of
those with the same name only. Their scripts run as they are, in processes that have
no files and no network, for a second and in 128 MiB at most.

What needs more than a write or a new object is not here: rolling back a Deployment,
retrying a Workflow, draining a node.

`

// TestDocs keeps docs/actions.md the same as the table.
func TestDocs(t *testing.T) {
	got := intro + "| kind | action | parameters | what it does |\n|---|---|---|---|\n"
	for _, k := range table {
		for i, r := range k.rules {
			kind := ""
			if i == 0 {
				kind = kindCell(k)
			}
			name := "`" + r.name + "`"
			if r.danger {
				name += " **!**"
			}
			got += fmt.Sprintf("| %s | %s | %s | %s |\n", kind, name, paramCell(r), r.help)
		}
	}
	if *update {
		if err := os.WriteFile(docs, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/actions.md is not what the table says; run this test with -update (-docs +table):\n%s", diff)
	}
}

func kindCell(k kinds) string {
	cell := fmt.Sprintf("%s: %s", k.group, strings.Join(k.names, ", "))
	if cell = strings.ReplaceAll(cell, "*", `\*`); len(k.except) > 0 {
		cell += ", but settings"
	}
	return cell
}

func paramCell(r rule) string {
	if r.params == nil {
		return ""
	}
	var cells []string
	for _, p := range r.params(object{}) {
		cells = append(cells, fmt.Sprintf("`%s`: %s", p.Name, p.Help))
	}
	return strings.Join(cells, "; ")
}

var named = regexp.MustCompile("`([^`]+)`")

// TestHelpIsTrue: a patch has what its help names.
func TestHelpIsTrue(t *testing.T) {
	for _, k := range table {
		for _, r := range k.rules {
			o := object{"apiVersion": "x/v1", "kind": "X", "spec": map[string]any{"paused": true, "suspend": true}, "status": map[string]any{
				"pauseConditions": []any{"x"}, "instancesStatus": map[string]any{"healthy": []any{"a"}}, "conditions": []any{},
			}}
			params := map[string]string{}
			if r.params != nil {
				for _, p := range r.params(o) {
					params[p.Name] = "1"
				}
				if r.name == "promote" {
					params["instance"] = "a"
				}
			}
			changes, err := r.run(call{object: o, params: params, now: noon})
			if err != nil || slices.ContainsFunc(changes, func(c Change) bool { return c.Create != nil }) {
				continue // what it makes is in testdata
			}
			text := ""
			for _, c := range changes {
				if !json.Valid(c.Patch) {
					t.Errorf("%v %s: the patch is no JSON: %s", k.names, r.name, c.Patch)
				}
				text += c.Subresource + string(c.Patch)
			}
			first := named.FindStringSubmatch(r.help)
			if first == nil {
				t.Errorf("%v %s: its help names no field", k.names, r.name)
				continue
			}
			field := first[1][strings.LastIndex(first[1], ".")+1:]
			if strings.Contains(first[1], "/") {
				field = first[1] // an annotation
			}
			if !strings.Contains(text, field) {
				t.Errorf("%v %s: %s is not in %s", k.names, r.name, field, text)
			}
		}
	}
}

// TestNamesAreUnique: no kind has an action twice, whatever rows it is in.
func TestNamesAreUnique(t *testing.T) {
	for _, k := range table {
		group := strings.ReplaceAll(k.group, "*", "example")
		for _, kind := range k.names {
			o := object{"apiVersion": group + "/v1", "kind": strings.ReplaceAll(kind, "*", "Example")}
			seen := map[string]bool{}
			for _, r := range rulesOf(o) {
				if seen[r.name] {
					t.Errorf("%s has %s twice", o.kindName(), r.name)
				}
				seen[r.name] = true
			}
			if len(seen) == 0 {
				t.Errorf("%s has no actions", o.kindName())
			}
		}
	}
}
