package health

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// caseGroup is an element of testdata/rules/*.yaml: cases that hold for each of
// some kinds.
type caseGroup struct {
	APIVersion string     `json:"apiVersion"`
	Kind       names      `json:"kind"`
	Cases      []ruleCase `json:"cases"`
}

type ruleCase struct {
	Name   string         `json:"name"`
	Object map[string]any `json:"object"`
	Want   verdictWanted  `json:"want"`
}

type verdictWanted struct {
	Status  model.HealthStatus `json:"status"`
	Message string             `json:"message"`
}

func readCases(t *testing.T) map[string][]caseGroup {
	t.Helper()
	files, err := filepath.Glob("testdata/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata/rules: %v", err)
	}
	cases := map[string][]caseGroup{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []caseGroup
		if err := yaml.UnmarshalStrict(data, &groups); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases[file] = groups
	}
	return cases
}

func (g caseGroup) object(name string, c ruleCase) map[string]any {
	obj := maps.Clone(c.Object)
	if obj == nil {
		obj = map[string]any{}
	}
	obj["apiVersion"], obj["kind"] = g.APIVersion, name
	return obj
}

// TestRules judges the objects of testdata/rules.
func TestRules(t *testing.T) {
	for file, groups := range readCases(t) {
		for _, g := range groups {
			for _, name := range g.Kind {
				for _, c := range g.Cases {
					got := Of(g.object(name, c))
					if diff := cmp.Diff(model.Health(c.Want), got); diff != "" {
						t.Errorf("%s: %s %s: %s (-want +got):\n%s", file, g.APIVersion, name, c.Name, diff)
					}
				}
			}
		}
	}
}

// TestRulesHaveCases counts the kinds with rules of their own, and asks of each
// for a case of every status that its rules can give, and for one that meets each
// of its own rules.
func TestRulesHaveCases(t *testing.T) {
	judged := map[*ruleset]map[string]map[model.HealthStatus]bool{}
	hit := map[*ruleset]uint64{} // bit i: a case meets rule i
	for _, groups := range readCases(t) {
		for _, g := range groups {
			for _, name := range g.Kind {
				set := declaredRules().find(kind{groupOf(g.APIVersion), name})
				if set == nil {
					t.Errorf("cases for %s %s, which has no rules", g.APIVersion, name)
					continue
				}
				if judged[set] == nil {
					judged[set] = map[string]map[model.HealthStatus]bool{}
				}
				if judged[set][name] == nil {
					judged[set][name] = map[model.HealthStatus]bool{}
				}
				for _, c := range g.Cases {
					judged[set][name][c.Want.Status] = true
					hit[set] |= 1 << firstOf(set.compiled(), input{g.object(name, c), set.with})
				}
			}
		}
	}
	own := len(builtin)
	for k, set := range declaredRules().exact {
		if !set.none {
			own++
		}
		wantCases(t, k, set, judged[set][k.name])
		wantHits(t, k, set, hit[set])
	}
	for _, p := range declaredRules().patterns {
		if p.set.none {
			continue
		}
		own++
		all := map[model.HealthStatus]bool{}
		for _, statuses := range judged[p.set] {
			maps.Copy(all, statuses)
		}
		wantCases(t, p.kind, p.set, all)
		wantHits(t, p.kind, p.set, hit[p.set])
	}
	t.Logf("%d kinds have rules of their own", own)
	if own < leastKinds {
		t.Errorf("%d kinds have rules of their own, want at least %d", own, leastKinds)
	}
}

// leastKinds is how many kinds must have rules.
const leastKinds = 700

func wantCases(t *testing.T, k kind, set *ruleset, judged map[model.HealthStatus]bool) {
	t.Helper()
	if set.none && !judged[""] {
		t.Errorf("%s %s: no case says that it has no health", k.group, k.name)
	}
	for _, r := range set.rules {
		if s := model.HealthStatus(r.Status); !judged[s] {
			t.Errorf("%s %s: no case is %s", k.group, k.name, s)
			judged = maps.Clone(judged)
			if judged == nil {
				judged = map[model.HealthStatus]bool{}
			}
			judged[s] = true
		}
	}
}

func wantHits(t *testing.T, k kind, set *ruleset, hit uint64) {
	t.Helper()
	for i, r := range set.rules[:set.own] {
		if hit&(1<<i) == 0 {
			t.Errorf("%s %s: no case meets rule %d: %s when %s", k.group, k.name, i+1, r.Status, r.When)
		}
	}
}

// TestRulesCompile compiles each rule, which happens otherwise when the first
// object of a kind comes.
func TestRulesCompile(t *testing.T) {
	table, err := loadTable()
	if err != nil {
		t.Fatal(err)
	}
	compileAll := func(k kind, set *ruleset) {
		for _, r := range set.rules {
			if _, err := r.compile(); err != nil {
				t.Errorf("%s %s: %s: %v", k.group, k.name, r.Status, err)
			}
		}
	}
	for k, set := range table.exact {
		compileAll(k, set)
	}
	for _, p := range table.patterns {
		compileAll(p.kind, p.set)
	}
}

// TestRulesTolerateAnything judges objects of each kind that no API would send.
func TestRulesTolerateAnything(t *testing.T) {
	var shapes []map[string]any
	for _, manifest := range []string{
		`{}`, `{"spec":null,"status":"x","metadata":[]}`, `{"status":{"conditions":{"type":"Ready"},"phase":7}}`,
		`{"spec":[],"status":{"conditions":[1,null,{"type":[]},{"type":"Ready","status":true}],"parents":7}}`,
	} {
		var obj map[string]any
		if err := json.Unmarshal([]byte(manifest), &obj); err != nil {
			t.Fatal(err)
		}
		shapes = append(shapes, obj)
	}
	for k := range declaredRules().exact {
		for _, obj := range shapes {
			obj["apiVersion"], obj["kind"] = k.group+"/v1", k.name
			if got := Of(obj); got.Status == model.Degraded {
				t.Errorf("%s %s: %v is %v, want no failure made up", k.group, k.name, obj, got)
			}
		}
	}
}

// TestRuleErrors shows what is refused when the table is read.
func TestRuleErrors(t *testing.T) {
	presets := map[string]preset{"ready": {With: map[string]any{"type": "Ready"}, Rules: []rule{{Status: "Healthy"}}}}
	tests := map[string]struct {
		entry entry
		want  string
	}{
		"no group":             {entry{Kind: names{"A"}, Use: "ready"}, "group and kind are needed"},
		"no kind":              {entry{Group: names{"a.org"}, Use: "ready"}, "group and kind are needed"},
		"no rules":             {entry{Group: names{"a.org"}, Kind: names{"A"}}, "either rules or a preset"},
		"rules besides none":   {entry{Group: names{"a.org"}, Kind: names{"A"}, Use: "none", Rules: []rule{{Status: "Healthy"}}}, "either rules or a preset"},
		"an unknown preset":    {entry{Group: names{"a.org"}, Kind: names{"A"}, Use: "redy"}, `no preset "redy"`},
		"an unknown parameter": {entry{Group: names{"a.org"}, Kind: names{"A"}, Use: "ready", With: map[string]any{"typ": "X"}}, `no parameter "typ"`},
		"an unknown status":    {entry{Group: names{"a.org"}, Kind: names{"A"}, Rules: []rule{{Status: "Fine"}}}, `"Fine"`},
		"a missing object":     {entry{Group: names{"a.org"}, Kind: names{"A"}, Rules: []rule{{Status: "Missing"}}}, `"Missing"`},
		"a kind of Go":         {entry{Group: names{"apps"}, Kind: names{"Deployment"}, Use: "ready"}, "rules already"},
		"two stars":            {entry{Group: names{"*.a.*"}, Kind: names{"A"}, Use: "ready"}, "one * only"},
		"a kind twice":         {entry{Group: names{"a.org"}, Kind: names{"A", "A"}, Use: "ready"}, "rules already"},
	}
	for reason, tt := range tests {
		err := (&table{exact: map[kind]*ruleset{}}).add(tt.entry, presets)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", reason, err, tt.want)
		}
	}
}

func TestRuleCompileErrors(t *testing.T) {
	for _, r := range []rule{
		{Status: "Healthy", When: "isTrue("},
		{Status: "Healthy", When: "stattus.phase == 'x'"},
		{Status: "Healthy", When: "reason('Ready')"},
		{Status: "Healthy", Message: "{why('Ready')"},
		{Status: "Healthy", Message: "{wy('Ready')}"},
	} {
		if _, err := r.compile(); err == nil {
			t.Errorf("%+v compiles", r)
		}
	}
}

// TestRulesAreBounded shows that an expression ends that would take too long.
func TestRulesAreBounded(t *testing.T) {
	p, err := compile("status.a.all(x, status.a.all(y, status.a.all(z, x + y + z >= 0)))", cel.BoolType)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]any, 1000)
	for i := range list {
		list[i] = int64(i)
	}
	_, _, err = p.Eval(input{object: object{"status": map[string]any{"a": list}}})
	if err == nil || !strings.Contains(err.Error(), "cost limit") {
		t.Errorf("got %v, want an end at the limit of cost", err)
	}
}

// TestPatternsComeLast shows that a kind's own rules win over those of its group.
func TestPatternsComeLast(t *testing.T) {
	table := &table{exact: map[kind]*ruleset{}}
	for _, e := range []entry{
		{Group: names{"*.a.org"}, Kind: names{"*"}, Rules: []rule{{Status: "Degraded"}}},
		{Group: names{"x.a.org"}, Kind: names{"B"}, Rules: []rule{{Status: "Healthy"}}},
	} {
		if err := table.add(e, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		kind kind
		want []string
	}{
		{kind{"x.a.org", "B"}, []string{"Healthy"}},
		{kind{"x.a.org", "C"}, []string{"Degraded"}},
		{kind{"y.x.a.org", "B"}, []string{"Degraded"}},
		{kind{"a.org", "B"}, nil},
	} {
		var got []string
		if set := table.find(tt.kind); set != nil {
			for _, r := range set.rules {
				got = append(got, r.Status)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.kind, got, tt.want)
		}
	}
}
