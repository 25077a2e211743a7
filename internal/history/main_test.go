package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// writerVar makes the test's program write into the file that it names, without
// end, so that it can be killed.
const writerVar = "FIXPOINT_TEST_HISTORY"

func TestMain(m *testing.M) {
	if at := os.Getenv(writerVar); at != "" {
		if err := writeForEver(at); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(withServer(m.Run))
}

func writeForEver(at string) error {
	config := Config{Path: at, Key: testKey, patience: patience}
	if strings.Contains(at, "://") {
		config.Path, config.URL = "", at
	}
	s, err := Open(config)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := s.Keep(appOf(n%3), revisionOf(n, 120, n%7), 3); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// onBoth runs a test with an empty file and with an empty PostgreSQL.
func onBoth(t *testing.T, test func(t *testing.T, at Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		test(t, Config{Path: filepath.Join(t.TempDir(), "history.db"), Key: testKey, patience: patience})
	})
	t.Run("postgres", func(t *testing.T) { test(t, Config{URL: emptySchema(t), Key: testKey, patience: patience}) })
}

// patience is for machines that have other work.
const patience = time.Hour

var testKey = Key{1, 2, 3}

func appOf(n int) model.AppKey {
	return model.AppKey{Dialect: "argo", Namespace: "argocd", Name: fmt.Sprintf("app-%d", n)}
}

var day = time.Date(2026, 3, 4, 5, 6, 7, 8_000_000, time.UTC)

// revisionOf is revision n of count objects, of which changed are other ones than
// in revision 0.
func revisionOf(n, count, changed int) model.Deployed {
	d := model.Deployed{
		Revision: fmt.Sprintf("%040x", n), Spec: model.DigestOf([]byte("spec")), At: day.Add(time.Duration(n) * time.Minute),
		Snapshots: []model.Snapshot{{URL: "https://git.example.com/repo", Ref: "main", Revision: fmt.Sprintf("%040x", n), Commit: model.Commit{Author: "A User", Time: day}}},
		Tools:     []string{"Helm"},
	}
	for i := range count {
		value := 0
		if i < changed {
			value = n
		}
		d.Objects = append(d.Objects, deployment(i, value))
	}
	return d
}

// deployment is a typical object of about 1.5 KB.
func deployment(i, value int) model.Object {
	// What differs between objects in real repositories does not compress.
	noise := rand.New(rand.NewPCG(uint64(i), uint64(value)))
	name := fmt.Sprintf("web-%d-%x", i, noise.Uint64())
	labels := fmt.Sprintf(`{"app.kubernetes.io/instance":"shop","app.kubernetes.io/managed-by":"Helm","app.kubernetes.io/name":%q,"helm.sh/chart":"web-1.2.3"}`, name)
	body := fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"argocd.argoproj.io/sync-wave":"2"},"labels":%[2]s,"name":%[1]q,"namespace":"shop"},`+
		`"spec":{"replicas":3,"revisionHistoryLimit":5,"selector":{"matchLabels":{"app.kubernetes.io/instance":"shop","app.kubernetes.io/name":%[1]q}},`+
		`"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0},"type":"RollingUpdate"},"template":{"metadata":{"annotations":{"checksum/config":"%[3]x"},"labels":%[2]s},`+
		`"spec":{"containers":[{"args":["--listen=:8080","--log-level=info"],"env":[{"name":"SETTING_%[4]d","value":"%[5]x"},{"name":"DATABASE_PASSWORD","valueFrom":{"secretKeyRef":{"key":"password","name":"db"}}}],`+
		`"image":"registry.example.com/shop/web:1.%[4]d.%[6]d","livenessProbe":{"httpGet":{"path":"/healthz","port":"http"},"periodSeconds":10},"name":"web",`+
		`"ports":[{"containerPort":8080,"name":"http"}],"resources":{"limits":{"memory":"256Mi"},"requests":{"cpu":"50m","memory":"128Mi"}},`+
		`"securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]},"readOnlyRootFilesystem":true,"runAsNonRoot":true},`+
		`"volumeMounts":[{"mountPath":"/tmp","name":"tmp"}]}],"serviceAccountName":"web","volumes":[{"emptyDir":{},"name":"tmp"}]}}}}`,
		name, labels, []byte{byte(noise.Uint64()), byte(noise.Uint64()), byte(i)}, i, noise.Uint64(), value)
	return model.Object{
		ObjectRef: model.ObjectRef{ObjectKey: model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: name}, Version: "v1"},
		JSON:      []byte(body), Digest: model.DigestOf([]byte(body)), Origin: "charts/web/templates/deployment.yaml",
		Labels: map[string]string{"app.kubernetes.io/name": name}, Annotations: map[string]string{"argocd.argoproj.io/sync-wave": "2"},
	}
}

func open(t testing.TB, config Config) *Store {
	t.Helper()
	if config.Path+config.URL == "" {
		config.Path = filepath.Join(t.TempDir(), "history.db")
	}
	if config.Key.IsZero() {
		config.Key = testKey
	}
	config.patience = cmp.Or(config.patience, patience)
	s, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func keep(t testing.TB, s *Store, app model.AppKey, d model.Deployed, limit int) {
	t.Helper()
	if err := s.Keep(app, d, limit); err != nil {
		t.Fatal(err)
	}
}

// count counts the rows of a table.
func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.raw().row([]any{&n}, `SELECT COUNT(*) FROM `+table); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkWhole fails unless every object is in a span and every span in an entry, and
// their size is known.
func checkWhole(t testing.TB, s *Store) {
	t.Helper()
	var lost, spans, gaps int
	err := s.raw().row([]any{&lost, &spans, &gaps}, `SELECT
		(SELECT COUNT(*) FROM history_object AS o WHERE NOT EXISTS (SELECT 1 FROM history_span AS s WHERE o.id >= s.first AND o.id < s.first + s.length)),
		(SELECT COUNT(*) FROM history_span WHERE entry NOT IN (SELECT id FROM history_entry)),
		(SELECT COUNT(*) FROM history_span AS s WHERE s.length <> (SELECT COUNT(*) FROM history_object AS o WHERE o.id >= s.first AND o.id < s.first + s.length))`)
	if err != nil {
		t.Fatal(err)
	}
	checkSize(t, s)
	if lost+spans+gaps > 0 {
		t.Errorf("%d objects belong to no entry, %d spans to none, %d spans have gaps", lost, spans, gaps)
	}
}

// grep fails if one of the texts is in the database's files, and if what has to be
// there isn't.
func grep(t *testing.T, at Config, there string, texts ...string) {
	t.Helper()
	files, err := filepath.Glob(at.Path + "*")
	if at.URL != "" {
		files, err = serverFiles(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		found = found || bytes.Contains(data, []byte(there))
		for _, text := range texts {
			if bytes.Contains(data, []byte(text)) {
				t.Errorf("%s holds %q", filepath.Base(file), text)
			}
		}
	}
	if !found {
		t.Errorf("%d files don't hold %q", len(files), there)
	}
}

// raw is the database as it is.
func (s *Store) raw() session { return session{context.Background(), s.db} }
