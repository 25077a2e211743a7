package compare

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/itchyny/gojq"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var update = flag.Bool("update", false, "rewrite what comes out in testdata")

// scenario is a file of testdata:
//
//	-- rules --     pointer P | jq E | manager M | known FIELD TYPE | respect | webhooks,
//	                by MANAGER, former MANAGER, label NAME, annotation NAME,
//	                of GROUP KIND [NAMESPACE [NAME]]: whose fields the lines below ignore
//	-- live --      -- after --  -- desired --   objects; without one, there is none
//	-- owners --    MANAGER Apply|Update[:SUBRESOURCE] HH:MM FIELD...: of live, and
//	-- owners after -- of after, where that differs
//
// and what comes out, of what the file has a part for: diff, judge, respect,
// replace, rivals, rivals in, released.
type scenario struct {
	differ               Differ
	live, after, desired map[string]any
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := readScenario(t, ar)
			shown := 0
			for i, f := range ar.Files {
				out, ok := outcomes[f.Name]
				if !ok {
					continue
				}
				shown++
				got := out(t, s)
				if *update {
					ar.Files[i].Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
			}
			if shown == 0 {
				t.Error("the file says nothing of what comes out")
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var outcomes = map[string]func(*testing.T, scenario) string{
	"diff": func(t *testing.T, s scenario) string {
		found, err := s.differ.Diff(t.Context(), s.live, s.after)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		var b strings.Builder
		for _, d := range found {
			fmt.Fprintf(&b, "%s (%s): %s -> %s\n", d.Field, d.Path, compact(t, d.Live), compact(t, d.After))
		}
		return b.String()
	},
	"judge": func(t *testing.T, s scenario) string {
		j, err := s.differ.Judge(t.Context(), s.live, s.after)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		return fmt.Sprintf("same=%t owned=%t\n", j.Same, j.Owned)
	},
	"respect": func(t *testing.T, s scenario) string {
		out, err := s.differ.Respect(t.Context(), compactBytes(t, s.desired), s.live)
		return asYAML(t, out, err)
	},
	"replace": func(t *testing.T, s scenario) string {
		out, err := s.differ.RespectReplacing(t.Context(), compactBytes(t, s.desired), s.live)
		return asYAML(t, out, err)
	},
	"rivals": func(t *testing.T, s scenario) string {
		var b strings.Builder
		for _, r := range Rivals(s.live, s.differ.Manager, compactBytes(t, s.desired)) {
			fmt.Fprintf(&b, "%s %s\n", r.Time.Format("15:04"), r)
		}
		return b.String()
	},
	"rivals in": func(t *testing.T, s scenario) string {
		var b strings.Builder
		for _, r := range RivalsIn(s.live, s.live, s.after, s.differ.Manager, compactBytes(t, s.desired)) {
			fmt.Fprintf(&b, "%s %s\n", r.Time.Format("15:04"), r)
		}
		return b.String()
	},
	"released": func(t *testing.T, s scenario) string {
		out := s.differ.Released(s.live, s.after)
		if out == nil {
			return "nothing\n"
		}
		return asYAML(t, compactBytes(t, out), nil)
	},
}

func compact(t *testing.T, v any) string { t.Helper(); return string(compactBytes(t, v)) }

func compactBytes(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asYAML(t *testing.T, b []byte, err error) string {
	t.Helper()
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	out, err := yaml.JSONToYAML(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func readScenario(t *testing.T, ar *txtar.Archive) scenario {
	t.Helper()
	s := scenario{differ: Differ{Manager: "me", Paths: jqPaths}}
	rules, owners, ownersAfter := "", "", ""
	for _, f := range ar.Files {
		switch f.Name {
		case "rules":
			rules = string(f.Data)
		case "live":
			s.live = object(t, f.Data)
		case "after":
			s.after = object(t, f.Data)
		case "desired":
			s.desired = object(t, f.Data)
			s.differ.Desired = compactBytes(t, s.desired)
		case "owners":
			owners = string(f.Data)
		case "owners after":
			ownersAfter = string(f.Data)
		default:
			if outcomes[f.Name] == nil {
				t.Fatalf("unknown part %q", f.Name)
			}
		}
	}
	if ownersAfter == "" {
		ownersAfter = owners
	}
	setOwners(t, s.live, owners)
	setOwners(t, s.after, ownersAfter)
	readRules(t, &s, rules)
	return s
}

func object(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func readRules(t *testing.T, s *scenario, text string) {
	t.Helper()
	key := keyOf(s.live, s.after, s.desired)
	c := model.Comparison{KnownTypes: map[string]map[string]string{}}
	ignored := model.IgnoredFields{Group: "*", Kind: "*"}
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
		case "of":
			c.Ignore = append(c.Ignore, ignored)
			f := append(strings.Fields(rest), "", "")
			ignored = model.IgnoredFields{Group: strings.Trim(f[0], `"`), Kind: f[1], Namespace: f[2], Name: f[3]}
		case "pointer":
			ignored.Pointers = append(ignored.Pointers, rest)
		case "jq":
			ignored.JQ = append(ignored.JQ, rest)
		case "manager":
			ignored.Managers = append(ignored.Managers, rest)
		case "known":
			f := strings.Fields(rest)
			name := key.Group + "_" + key.Kind
			if c.KnownTypes[name] == nil {
				c.KnownTypes[name] = map[string]string{}
			}
			c.KnownTypes[name][f[0]] = f[1]
		case "respect":
			c.Respect = true
		case "webhooks":
			c.KeepWebhooks = true
		case "by":
			s.differ.Manager = rest
		case "former":
			s.differ.Former = append(s.differ.Former, rest)
		case "label":
			s.differ.Labels = append(s.differ.Labels, rest)
		case "annotation":
			s.differ.Annotations = append(s.differ.Annotations, rest)
		default:
			t.Fatalf("unknown rule %q", line)
		}
	}
	c.Ignore = append(c.Ignore, ignored)
	s.differ.Rules = For(c, key)
}

func keyOf(objects ...map[string]any) model.ObjectKey {
	for _, o := range objects {
		if o == nil {
			continue
		}
		meta, _ := o["metadata"].(map[string]any)
		group, _, found := strings.Cut(fmt.Sprint(o["apiVersion"]), "/")
		if !found {
			group = ""
		}
		name, _ := meta["name"].(string)
		namespace, _ := meta["namespace"].(string)
		return model.ObjectKey{Group: group, Kind: fmt.Sprint(o["kind"]), Namespace: namespace, Name: name}
	}
	return model.ObjectKey{}
}

func setOwners(t *testing.T, obj map[string]any, text string) {
	t.Helper()
	if obj == nil || text == "" {
		return
	}
	var entries []any
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		set := fieldpath.NewSet()
		for _, p := range f[3:] {
			insertPath(set, parsePath(t, p))
		}
		raw, err := set.ToJSON()
		if err != nil {
			t.Fatal(err)
		}
		op, sub, _ := strings.Cut(f[1], ":")
		entries = append(entries, map[string]any{"manager": f[0], "operation": op, "subresource": sub,
			"time": "2026-11-21T" + f[2] + ":00Z", "fieldsV1": object(t, raw)})
	}
	obj["metadata"].(map[string]any)["managedFields"] = entries
}

// insertPath adds a path, and the elements of lists on the way, as the API server
// does.
func insertPath(set *fieldpath.Set, p place) {
	for i, step := range p {
		if step.Key != nil {
			set.Insert(p[:i+1])
			for _, f := range *step.Key {
				set.Insert(with(p[:i+1], field(f.Name)))
			}
		}
	}
	set.Insert(p)
}

// parsePath reads what text writes.
func parsePath(t *testing.T, s string) place {
	t.Helper()
	var out place
	for s != "" {
		if s[0] != '[' {
			end := strings.IndexAny(s+".", ".[")
			out = append(out, field(s[:end]))
			s = strings.TrimPrefix(s[end:], ".")
			continue
		}
		inner, rest, ok := strings.Cut(s[1:], "]")
		if !ok {
			t.Fatalf("path %q", s)
		}
		s = strings.TrimPrefix(rest, ".")
		switch {
		case strings.HasPrefix(inner, "="):
			out = append(out, fieldpath.ValueElement(value.NewValueInterface(inner[1:])))
		case !strings.Contains(inner, "="):
			out = append(out, field(inner))
		default:
			var parts []any
			for kv := range strings.SplitSeq(inner, ",") {
				k, v, _ := strings.Cut(kv, "=")
				var n int64
				if _, err := fmt.Sscan(v, &n); err == nil {
					parts = append(parts, k, n)
				} else {
					parts = append(parts, k, v)
				}
			}
			out = append(out, fieldpath.KeyElementByFields(parts...))
		}
	}
	return out
}

// jqPaths evaluates in the test's own process.
func jqPaths(ctx context.Context, exprs []string, obj map[string]any) ([][]any, error) {
	var out [][]any
	for _, e := range exprs {
		q, err := gojq.Parse("path(" + e + ")")
		if err != nil {
			return nil, model.Invalidf("jq %q: %w", e, err)
		}
		for it := q.RunWithContext(ctx, plain(obj)); ; {
			v, more := it.Next()
			if p, ok := v.([]any); ok && more {
				out = append(out, p)
				continue
			}
			break
		}
	}
	return out, nil
}

// plain is v with the numbers that gojq takes.
func plain(v any) any {
	b, _ := json.Marshal(v)
	var out any
	_ = json.Unmarshal(b, &out)
	return out
}
