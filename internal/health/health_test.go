package health_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/health"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "rewrite the verdicts in testdata")

// TestOf judges every NAME.yaml of testdata; NAME.health is the verdict.
func TestOf(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		judged := txtar.Archive{Comment: archive.Comment}
		for _, f := range archive.Files {
			name, isCase := strings.CutSuffix(f.Name, ".yaml")
			if !isCase {
				continue
			}
			verdict := line(health.Of(decode(t, file, f)))
			judged.Files = append(judged.Files, f, txtar.File{Name: name + ".health", Data: []byte(verdict)})
		}
		compare(t, file, archive, &judged)
	}
}

func compare(t *testing.T, file string, want, got *txtar.Archive) {
	t.Helper()
	wanted, judged := txtar.Format(want), txtar.Format(got)
	if bytes.Equal(wanted, judged) {
		return
	}
	if *update {
		if err := os.WriteFile(file, judged, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(string(wanted), string(judged)))
}

// decode makes of YAML what the API machinery hands over: whole numbers are int64.
func decode(t *testing.T, file string, f txtar.File) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSON(f.Data)
	if err != nil {
		t.Fatalf("%s: %s: %v", file, f.Name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var obj map[string]any
	if err := dec.Decode(&obj); err != nil {
		t.Fatalf("%s: %s: %v", file, f.Name, err)
	}
	return withInt64(obj).(map[string]any)
}

func withInt64(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = withInt64(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withInt64(v[i])
		}
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			f, _ := v.Float64()
			return f
		}
		return n
	}
	return v
}

func line(h model.Health) string {
	switch {
	case h == model.Health{}:
		return "no rule\n"
	case h.Message == "":
		return string(h.Status) + "\n"
	}
	return string(h.Status) + ": " + h.Message + "\n"
}

func TestOfReadsNumbersAsFloats(t *testing.T) {
	var obj map[string]any
	manifest := `{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"generation":2},` +
		`"spec":{"replicas":3},"status":{"observedGeneration":2,"availableReplicas":3}}`
	if err := json.Unmarshal([]byte(manifest), &obj); err != nil {
		t.Fatal(err)
	}
	if got := health.Of(obj).Status; got != model.Healthy {
		t.Errorf("got %s, want Healthy", got)
	}
}

func TestOfToleratesWhatTheAPINeverSends(t *testing.T) {
	for _, manifest := range []string{
		`{}`,
		`{"apiVersion":7,"kind":[]}`,
		`{"apiVersion":"v1","kind":"Pod","status":"x","spec":null}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":[],"status":{"conditions":[1,null]}}`,
		`{"apiVersion":"example.org/v1","kind":"X","status":{"conditions":{"type":"Ready"}}}`,
	} {
		var obj map[string]any
		if err := json.Unmarshal([]byte(manifest), &obj); err != nil {
			t.Fatal(err)
		}
		if got := health.Of(obj); got.Status == model.Degraded {
			t.Errorf("%s: got %v, want no failure made up", manifest, got)
		}
	}
}

func TestNeedsContent(t *testing.T) {
	tests := map[string]struct {
		group, kind string
		want        bool
	}{
		"a kind with a rule":                    {"apps", "Deployment", true},
		"a core kind with a rule":               {"", "Pod", true},
		"a kind with a rule outside Kubernetes": {"argoproj.io", "Workflow", true},
		"a custom resource":                     {"example.org", "Widget", true},
		"a custom resource with a known name":   {"example.org", "Secret", true},
		"a kind with declared rules":            {"cert-manager.io", "Certificate", true},
		"a kind of a pattern":                   {"s3.aws.upbound.io", "Bucket", true},
		"a kind that is said to have no health": {"monitoring.coreos.com", "ServiceMonitor", false},
		"a child application":                   {"argoproj.io", "Application", false},
		"an extension group of Kubernetes":      {"gateway.networking.k8s.io", "Gateway", true},
		"configuration":                         {"", "ConfigMap", false},
		"secrets":                               {"", "Secret", false},
		"accounts":                              {"", "ServiceAccount", false},
		"namespaces":                            {"", "Namespace", false},
		"endpoints":                             {"", "Endpoints", false},
		"roles":                                 {"rbac.authorization.k8s.io", "ClusterRoleBinding", false},
		"network policies":                      {"networking.k8s.io", "NetworkPolicy", false},
		"ingress classes":                       {"networking.k8s.io", "IngressClass", false},
		"storage classes":                       {"storage.k8s.io", "StorageClass", false},
		"priorities":                            {"scheduling.k8s.io", "PriorityClass", false},
		"webhook configurations":                {"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", false},
		"events":                                {"events.k8s.io", "Event", false},
	}
	for reason, tt := range tests {
		if got := health.NeedsContent(tt.group, tt.kind); got != tt.want {
			t.Errorf("%s: NeedsContent(%q, %q) = %t, want %t", reason, tt.group, tt.kind, got, tt.want)
		}
	}
}

func TestAggregate(t *testing.T) {
	of := func(statuses ...model.HealthStatus) []model.Health {
		var objects []model.Health
		for _, s := range statuses {
			objects = append(objects, model.Health{Status: s, Message: "why"})
		}
		return objects
	}
	tests := map[string]struct {
		objects []model.Health
		want    model.HealthStatus
	}{
		"nothing to judge":                        {nil, model.Healthy},
		"no rule counts as healthy":               {of(""), model.Healthy},
		"suspended is worse than healthy":         {of(model.Healthy, model.Suspended), model.Suspended},
		"progressing is worse than suspended":     {of(model.Progressing, model.Suspended), model.Progressing},
		"degraded is worse than progressing":      {of(model.Degraded, model.Progressing), model.Degraded},
		"unknown is the worst":                    {of(model.Degraded, model.Unknown, model.Healthy), model.Unknown},
		"missing does not count beside live ones": {of(model.Missing, model.Healthy), model.Healthy},
		"nor beside one without a rule":           {of(model.Missing, ""), model.Healthy},
		"all missing":                             {of(model.Missing, model.Missing), model.Missing},
	}
	for reason, tt := range tests {
		want := model.Health{Status: tt.want}
		if got := health.Aggregate(tt.objects...); got != want {
			t.Errorf("%s: got %v, want %v", reason, got, want)
		}
	}
}
