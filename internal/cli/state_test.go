package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func itemOf(t *testing.T, k kind, text string) item {
	t.Helper()
	var body map[string]any
	if err := yaml.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	return item{k, &unstructured.Unstructured{Object: body}}
}

func TestSummary(t *testing.T) {
	const nobody = "no controller has looked at it yet: is 'fixpoint controller' running?"
	tests := map[string]struct {
		kind kind
		yaml string
		want state
	}{
		"an Application that nobody looked at": {application, `{spec: {}}`, state{"Unknown", "Unknown", "", nobody}},
		"a healthy one": {
			application,
			`{status: {sync: {status: Synced, revision: abc}, health: {status: Healthy}, operationState: {phase: Succeeded, message: done}}}`,
			state{"Synced", "Healthy", "abc", ""},
		},
		"what is degraded is told": {
			application,
			`{status: {sync: {status: Synced, revision: abc}, health: {status: Degraded, message: crash}, operationState: {phase: Succeeded, message: done}}}`,
			state{"Synced", "Degraded", "abc", "crash"},
		},
		"a failed sync is told before its health": {
			application,
			`{status: {sync: {status: OutOfSync, revision: abc}, health: {status: Degraded, message: crash}, operationState: {phase: Failed, message: refused}}}`,
			state{"OutOfSync", "Degraded", "abc", "refused"},
		},
		"an error before everything; warnings don't count": {
			application,
			`{status: {sync: {status: Unknown}, health: {status: Healthy}, operationState: {phase: Failed, message: refused},
			  conditions: [{type: ComparisonError, message: no such path}, {type: ExcludedResourceWarning, message: shared}]}}`,
			state{"Unknown", "Healthy", "", "no such path"},
		},
		"what keeps it from being as declared": {
			application,
			`{status: {sync: {status: OutOfSync, revision: abc}, health: {status: Healthy}, operationState: {phase: Succeeded, message: done},
			  conditions: [{type: UnsupportedFieldWarning, message: spec.x}, {type: ConflictWarning, message: the autoscaler writes spec.replicas}]}}`,
			state{"OutOfSync", "Healthy", "abc", "the autoscaler writes spec.replicas"},
		},
		"several sources": {
			application,
			`{status: {sync: {status: Synced, revisions: [e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2, 1.2.3-rc.1]}, health: {status: Healthy}}}`,
			state{"Synced", "Healthy", "e47ca13, 1.2.3-rc.1", ""},
		},
		"a Kustomization that nobody looked at": {kustomization, `{spec: {}}`, state{"Unknown", "Unknown", "", nobody}},
		"a ready one": {
			kustomization,
			`{status: {lastAppliedRevision: r, lastAttemptedRevision: r, conditions: [{type: Ready, status: "True", message: applied}]}}`,
			state{"Synced", "Ready", "r", "applied"},
		},
		"one that fails at a newer revision": {
			kustomization,
			`{status: {lastAppliedRevision: r, lastAttemptedRevision: s, conditions: [{type: Ready, status: "False", message: bad}]}}`,
			state{"OutOfSync", "NotReady", "r", "bad"},
		},
		"one at work": {
			kustomization,
			`{status: {lastAttemptedRevision: s, conditions: [{type: Ready, status: Unknown, message: wait}]}}`,
			state{"OutOfSync", "Progressing", "", "wait"},
		},
		"a suspended one": {
			kustomization,
			`{spec: {suspend: true}, status: {lastAppliedRevision: r, lastAttemptedRevision: r, conditions: [{type: Ready, status: "True"}]}}`,
			state{"Synced", "Suspended", "r", "spec.suspend is set"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := summary(itemOf(t, tt.kind, tt.yaml))
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(state{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRevision(t *testing.T) {
	for in, want := range map[string]string{
		"e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2": "e47ca13", "v1": "v1",
		"12.10.3-rc.1": "12.10.3-rc.1", "": "", "a/b@sha1:e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2": "a/b@e47ca13",
		"main@sha1:e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2":                                    "main@e47ca13",
		"sha1:e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2":                                         "e47ca13",
		"e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2,e47ca13fba5b429b73bcfeeb4fe7f2e596b316c2,1.2": "e47ca13,1.2",
	} {
		if got := revision(in); got != want {
			t.Errorf("revision(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestGist: a table has room for the cause alone.
func TestGist(t *testing.T) {
	const tasks = "one or more synchronization tasks completed unsuccessfully: "
	for in, want := range map[string]string{
		"": "", "no such path": "no such path",
		tasks + "Job/migrate: failed. Retrying attempt #2":                    "Job/migrate: failed",
		"Failed last sync attempt to [e47ca13 1.2]: " + tasks + "Job: failed": "Job: failed",
		"Failed last sync attempt to [e47ca13]: Operation terminated":         "Operation terminated",
	} {
		if got := gist(in); got != want {
			t.Errorf("gist(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestIsOf: a sync is recognised by the token that asked for it.
func TestIsOf(t *testing.T) {
	app := itemOf(t, application, `{status: {operationState: {operation: {info: [{name: x, value: y}, {name: fixpoint-cli, value: t1}]}}}}`)
	if !isOf(app, "t1") || isOf(app, "y") || isOf(itemOf(t, application, `{}`), "") {
		t.Error("the token is not told apart")
	}
}
