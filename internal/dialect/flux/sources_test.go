package flux

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// tree is a model.Tree of files in memory.
type tree struct{ fstest.MapFS }

func (t tree) Hash(name string) (string, error) {
	if _, err := fs.Stat(t.MapFS, name); err != nil {
		return "", err
	}
	return "hash of " + name, nil
}

func treeOf(files map[string]string) model.Tree {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree{m}
}

// yamlObject reads an object of generation 1.
func yamlObject(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := parse(t, []byte(text))
	u.SetGeneration(1)
	u.SetUID(types.UID(u.GetKind() + u.GetName()))
	return u
}

func namedSecret(name string, data map[string]string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Data: map[string][]byte{}}
	for k, v := range data {
		s.Data[k] = []byte(v)
	}
	return s
}

func named(kind, name string) object {
	return object{kind, types.NamespacedName{Namespace: "ns", Name: name}}
}

func keyOf(kind, name string) model.SourceKey { return named(kind, name).key() }

const (
	chartsYAML = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: charts, namespace: ns}
spec: {url: "https://charts.example.com", secretRef: {name: login}}`
	chartYAML = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: podinfo, namespace: ns}
spec: {interval: 5m, chart: podinfo, sourceRef: {kind: HelmRepository, name: charts}}`
	fleetYAML = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: ns}
spec: {interval: 5m, url: "https://git.example.com/org/fleet"}`
)

func TestEachKindOfSource(t *testing.T) {
	digest := "sha256:" + strings.Repeat("d", 64)
	for name, tc := range map[string]struct {
		object   string
		snapshot *model.Snapshot
		reason   string
		message  string
		revision string
		failed   string
	}{
		"OCIRepository": {`
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: a, namespace: ns}
spec: {interval: 5m, url: "oci://registry.example.com/org/a", ref: {tag: v1}}`,
			&model.Snapshot{Ref: "v1", Revision: digest, Digest: digest}, "Succeeded", "stored artifact for digest 'v1@" + digest + "'", "v1@" + digest, "OCIArtifactPullFailed"},
		"Bucket": {`
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: a, namespace: ns}
spec: {interval: 5m, endpoint: s3.example.com, bucketName: b}`,
			&model.Snapshot{Revision: digest, Digest: digest}, "Succeeded", "stored artifact: revision '" + digest + "'", digest, "BucketOperationFailed"},
		"HelmRepository": {`
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: a, namespace: ns}
spec: {url: "https://charts.example.com"}`,
			&model.Snapshot{Revision: digest, Digest: digest}, "Succeeded", "stored artifact: revision '" + digest + "'", digest, "IndexationFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, yamlObject(t, tc.object))
			w.settle(named(name, "a"))
			if _, ok := w.sources.State(keyOf(name, "a")); !ok {
				t.Fatal("there is no subscription")
			}
			w.sources.found(keyOf(name, "a"), model.SourceState{Err: model.As(model.ErrTransient, errors.New("no answer"))})
			w.c.SourceChanged(keyOf(name, "a"))
			w.settle()
			if got := w.ready(name, "ns", "a"); got.Status != metav1.ConditionFalse || got.Reason != tc.failed || got.Message != "no answer" {
				t.Errorf("Ready = %+v", got)
			}
			w.sources.found(keyOf(name, "a"), model.SourceState{Snapshot: tc.snapshot})
			w.c.SourceChanged(keyOf(name, "a"))
			w.settle()
			if got := w.ready(name, "ns", "a"); got.Status != metav1.ConditionTrue || got.Reason != tc.reason || got.Message != tc.message {
				t.Errorf("Ready = %+v", got)
			}
			u := w.read(name, "ns", "a")
			if got, _, _ := unstructured.NestedString(u.Object, "status", "artifact", "revision"); got != tc.revision {
				t.Errorf("revision = %q, want %q", got, tc.revision)
			}
			if got, _, _ := unstructured.NestedString(u.Object, "status", "artifact", "digest"); got != digest {
				t.Errorf("digest = %q", got)
			}
			w.writes = 0
			w.settle(named(name, "a"))
			if w.writes != 0 {
				t.Error("status was written although nothing has changed")
			}
		})
	}
}

func TestChartFollowsItsRepository(t *testing.T) {
	w := newWorld(t, yamlObject(t, chartsYAML), yamlObject(t, chartYAML))
	w.settle(named("HelmChart", "podinfo"), named("HelmRepository", "charts"))
	if got := w.ready("HelmChart", "ns", "podinfo"); !strings.Contains(got.Message, "Secret ns/login not found") {
		t.Fatalf("Ready = %+v", got)
	}
	login := namedSecret("login", map[string]string{"username": "u", "password": "p"})
	if err := w.client.Create(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	w.touched(login, "Secret")
	w.settle()
	source := w.sources.sources[keyOf("HelmChart", "podinfo")]
	if source.Chart != "podinfo" || source.Auth.Password != "p" || source.URL != "https://charts.example.com" {
		t.Fatalf("the chart's source is %+v", source)
	}
	w.sources.found(keyOf("HelmChart", "podinfo"), model.SourceState{Snapshot: &model.Snapshot{Revision: "6.5.4"}})
	w.c.SourceChanged(keyOf("HelmChart", "podinfo"))
	w.settle()
	if got := w.ready("HelmChart", "ns", "podinfo"); got.Reason != "ChartPullSucceeded" || got.Message != "pulled 'podinfo' chart with version '6.5.4'" {
		t.Errorf("Ready = %+v", got)
	}

	index := func(revision string) {
		w.sources.found(keyOf("HelmRepository", "charts"), model.SourceState{Snapshot: &model.Snapshot{Revision: revision}})
		w.c.SourceChanged(keyOf("HelmRepository", "charts"))
		w.settle()
	}
	index("sha256:1")
	if len(w.sources.tokens) != 0 {
		t.Error("the first index makes its charts be looked for once more")
	}
	index("sha256:2")
	if len(w.sources.tokens) != 1 {
		t.Errorf("a new index makes its charts be looked for %d times, want once", len(w.sources.tokens))
	}

	repo := w.read("HelmRepository", "ns", "charts")
	w.edit(repo, func() {
		repo.SetGeneration(2)
		_ = unstructured.SetNestedField(repo.Object, "https://other.example.com", "spec", "url")
	})
	w.settle(named("HelmRepository", "charts"))
	if got := w.sources.sources[keyOf("HelmChart", "podinfo")].URL; got != "https://other.example.com" {
		t.Errorf("the chart is still got from %s", got)
	}
	if err := w.client.Delete(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	w.settle(named("HelmRepository", "charts"))
	if got := w.ready("HelmChart", "ns", "podinfo"); got.Status != metav1.ConditionFalse || !strings.Contains(got.Message, "HelmRepository ns/charts not found") {
		t.Errorf("Ready = %+v", got)
	}
	if got := w.condition("HelmChart", "podinfo", meta.StalledCondition); got.Status != "" {
		t.Error("it has stalled, though the HelmRepository may come back")
	}
}

func TestChartInGit(t *testing.T) {
	chart := strings.NewReplacer("HelmRepository", "GitRepository", "name: charts", "name: fleet", "chart: podinfo", "chart: ./charts/podinfo").Replace(chartYAML)
	w := newWorld(t, yamlObject(t, fleetYAML), yamlObject(t, chart))
	w.settle(named("HelmChart", "podinfo"))
	git := keyOf("GitRepository", "fleet")
	if _, ok := w.sources.State(git); !ok {
		t.Fatal("the GitRepository is not subscribed to")
	}
	if _, ok := w.sources.State(keyOf("HelmChart", "podinfo")); ok {
		t.Error("the chart has a subscription beside that of its GitRepository")
	}
	commit := func(id string, files map[string]string) {
		s := snapshot("master", id)
		s.Tree = treeOf(files)
		w.sources.found(git, model.SourceState{Snapshot: s})
		w.c.SourceChanged(git)
		w.settle()
	}
	commit(commitA, map[string]string{"charts/podinfo/Chart.yaml": "name: podinfo\nversion: 1.2.3\n"})
	if got := w.ready("HelmChart", "ns", "podinfo"); got.Message != "packaged 'podinfo' chart with version '1.2.3'" {
		t.Errorf("Ready = %+v", got)
	}
	commit(commitB, map[string]string{"other": ""})
	if got := w.ready("HelmChart", "ns", "podinfo"); got.Status != metav1.ConditionFalse || !strings.Contains(got.Message, "has no Chart.yaml") {
		t.Errorf("Ready = %+v", got)
	}
}

func TestChartMeta(t *testing.T) {
	for name, tc := range map[string]struct{ dir, text, version, err string }{
		"root":       {".", "version: 1.0.0", "1.0.0", ""},
		"outside":    {"../../charts/a", "version: 1.0.0", "1.0.0", ""},
		"no version": {"charts/a", "name: a", "", "no Chart.yaml with a version"},
		"no YAML":    {"charts/a", "\t{", "", "no Chart.yaml with a version"},
		"huge":       {"charts/a", strings.Repeat("#", maxChartFile+1), "", "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := strings.TrimLeft(path.Clean("/"+tc.dir), "/")
			got, err := chartMeta(treeOf(map[string]string{path.Join(dir, "Chart.yaml"): tc.text}), tc.dir)
			if got.Version != tc.version && tc.err == "" || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("version %q, error %v", got.Version, err)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	with := func(other string) *unstructured.Unstructured {
		u := yamlObject(t, fleetYAML)
		_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"repository": map[string]any{"name": other}}}, "spec", "include")
		return u
	}
	w := newWorld(t, with("other"))
	w.settle(named("GitRepository", "fleet"))
	if got := w.condition("GitRepository", "fleet", "IncludeUnavailable"); !strings.Contains(got.Message, "GitRepository ns/other not found") {
		t.Fatalf("IncludeUnavailable = %+v", got)
	}
	other := with("fleet") // and back: neither may wait for the other
	other.SetName("other")
	other.SetUID("other")
	if err := w.client.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.settle(named("GitRepository", "other"))
	if got := w.sources.sources[keyOf("GitRepository", "fleet")].Git.Include; len(got) != 1 || got[0].Source != keyOf("GitRepository", "other") {
		t.Errorf("includes = %+v", got)
	}
	w.sources.found(keyOf("GitRepository", "fleet"), model.SourceState{Snapshot: snapshot("master", commitA)})
	w.c.SourceChanged(keyOf("GitRepository", "fleet"))
	w.settle()
	if got := w.condition("GitRepository", "fleet", "IncludeUnavailable"); got.Status != "" {
		t.Errorf("IncludeUnavailable = %+v", got)
	}
}

func TestVerification(t *testing.T) {
	repo := yamlObject(t, fleetYAML)
	_ = unstructured.SetNestedMap(repo.Object, map[string]any{"mode": "HEAD", "secretRef": map[string]any{"name": "keys"}}, "spec", "verify")
	w := newWorld(t, repo, namedSecret("keys", map[string]string{"ana.asc": "PGP"}))
	fleet := named("GitRepository", "fleet")
	w.settle(fleet)
	w.sources.found(fleet.key(), model.SourceState{Err: model.As(model.ErrDenied, model.As(model.ErrUnverified, errors.New("no good signature")))})
	w.c.SourceChanged(fleet.key())
	w.settle()
	if ready, verified := w.ready("GitRepository", "ns", "fleet"), w.condition("GitRepository", "fleet", "SourceVerified"); ready.Reason != "VerificationError" || verified.Status != metav1.ConditionFalse {
		t.Errorf("Ready = %+v, SourceVerified = %+v", ready, verified)
	}
	good := snapshot("master", commitA)
	good.Verified = "by ana"
	w.sources.found(fleet.key(), model.SourceState{Snapshot: good})
	w.c.SourceChanged(fleet.key())
	w.settle()
	if got := w.condition("GitRepository", "fleet", "SourceVerified"); got.Status != metav1.ConditionTrue || !strings.HasSuffix(got.Message, "by ana") {
		t.Errorf("SourceVerified = %+v", got)
	}
}

func TestPullSecretsOfAServiceAccount(t *testing.T) {
	repo := yamlObject(t, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: a, namespace: ns}
spec: {interval: 5m, url: "oci://registry.example.com/org/a", serviceAccountName: puller}`)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "puller"}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "one"}}}
	pull := namedSecret("one", map[string]string{".dockerconfigjson": `{"auths":{"registry.example.com":{"auth":"b25l"}}}`})
	w := newWorld(t, repo, account, pull)
	key := keyOf("OCIRepository", "a")
	w.settle(named("OCIRepository", "a"))
	if got := w.sources.sources[key].Auth.DockerConfig; !strings.Contains(got, "b25l") {
		t.Fatalf("docker config = %q", got)
	}
	w.edit(pull, func() { pull.Data[".dockerconfigjson"] = []byte(`{"auths":{"registry.example.com":{"auth":"dHdv"}}}`) })
	w.touched(pull, "Secret")
	w.settle()
	if got := w.sources.sources[key].Auth.DockerConfig; !strings.Contains(got, "dHdv") {
		t.Errorf("the changed pull secret is not used: %q", got)
	}
}

// spoiled is a cache in which one object has a duration that overflows: it
// passes the CRD's pattern, and no typed client could read it.
type spoiled struct {
	client.Reader
	name string
}

func (s spoiled) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	err := s.Reader.Get(ctx, key, obj, opts...)
	if u, ok := obj.(*unstructured.Unstructured); ok && err == nil && key.Name == s.name {
		err = unstructured.SetNestedField(u.Object, "99999999999999h", "spec", "interval")
	}
	return err
}

func TestBadObjectBreaksOnlyItself(t *testing.T) {
	bad := yamlObject(t, fleetYAML)
	bad.SetName("bad")
	bad.SetUID("bad")
	w := newWorld(t, bad, yamlObject(t, fleetYAML))
	w.c.sources.Cache = spoiled{w.client, "bad"}
	w.settle(named("GitRepository", "bad"), named("GitRepository", "fleet"))
	if got := w.condition("GitRepository", "bad", meta.StalledCondition); got.Reason != "InvalidSpec" {
		t.Errorf("Stalled = %+v", got)
	}
	if _, ok := w.sources.State(keyOf("GitRepository", "fleet")); !ok {
		t.Error("the good GitRepository is not subscribed to")
	}
}

func TestRegistryOfChartsHasNoStatus(t *testing.T) {
	w := newWorld(t, yamlObject(t, `
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: a, namespace: ns}
spec: {url: "oci://registry.example.com/charts", type: oci}`))
	w.settle(named("HelmRepository", "a"))
	if w.writes != 0 || w.sources.sets != 0 {
		t.Errorf("%d writes, %d subscriptions, want none", w.writes, w.sources.sets)
	}
}
