package job_test

import (
	"errors"
	"strings"
	"testing"

	fage "filippo.io/age"
	lib "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/job"
	"github.com/fixpoint-cd/fixpoint/internal/render/sops"
)

// locker encrypts files with SOPS, for one key.
type locker struct{ identity *fage.X25519Identity }

func newLocker(t *testing.T) locker {
	t.Helper()
	id, err := fage.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return locker{id}
}

// lock is the content of a file, encrypted. Of manifests only data is.
func (l locker) lock(t *testing.T, name, text string) string {
	t.Helper()
	store := common.StoreForFormat(formats.FormatForPath(name), config.NewStoresConfig())
	branches, err := store.LoadPlainFile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tree := lib.Tree{Branches: branches, FilePath: "/" + name, Metadata: lib.Metadata{
		Version:   "3.13.3",
		KeyGroups: []lib.KeyGroup{{&age.MasterKey{Recipient: l.identity.Recipient().String()}}},
	}}
	if strings.Contains(text, "apiVersion") {
		tree.Metadata.EncryptedRegex = "^(data|stringData|spec)$"
	}
	key, errs := tree.GenerateDataKey()
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := common.EncryptTree(common.EncryptTreeOpts{Tree: &tree, Cipher: aes.NewCipher(), DataKey: key}); err != nil {
		t.Fatal(err)
	}
	out, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "open sesame") {
		t.Fatalf("%s is not encrypted", name)
	}
	return string(out)
}

// decrypt is a render's settings and the hook that has the key.
func (l locker) decrypt(t *testing.T) (*model.Decrypt, input.Hooks) {
	t.Helper()
	d := &model.Decrypt{Keys: map[string]model.Hidden{"a.agekey": model.Hidden(l.identity.String())}}
	keys, err := sops.NewKeys(*d, sops.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d, input.Hooks{Unwrap: keys.Unwrap}
}

// TestEncryptedFiles: wherever a tool reads a file, it may be encrypted.
func TestEncryptedFiles(t *testing.T) {
	l := newLocker(t)
	secret := l.lock(t, "s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {word: open sesame}\n")
	chart := "{apiVersion: v2, name: x, version: 1.0.0}"
	template := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: {{ .Values.word | quote }}}\n"
	for name, c := range map[string]struct {
		files map[string]string
		spec  model.Render
		want  string
	}{
		"directory": {map[string]string{"s.yaml": secret}, model.Render{}, `"word":"open sesame"`},
		"resource":  {map[string]string{"s.yaml": secret, "kustomization.yaml": "resources: [s.yaml]\nnamePrefix: x-\n"}, model.Render{}, `"word":"open sesame"`},
		"patch": {map[string]string{
			"kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "a.yaml": configMap,
			"p.yaml": l.lock(t, "p.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: open sesame}\n")},
			model.Render{}, `"word":"open sesame"`},
		"generated of files": {map[string]string{
			"kustomization.yaml": "configMapGenerator: [{name: g, files: [word.json=f.json]}]\n",
			"f.json":             l.lock(t, "f.json", `{"word": "open sesame"}`)}, model.Render{}, `open sesame`},
		"generated of binary files": {map[string]string{
			"kustomization.yaml": "configMapGenerator: [{name: g, files: [word=f.bin]}]\n",
			"f.bin":              l.lock(t, "f.bin", "open sesame")}, model.Render{}, `"word":"open sesame"`},
		"generated of variables": {map[string]string{
			"kustomization.yaml": "configMapGenerator: [{name: g, envs: [f.env]}]\n",
			"f.env":              l.lock(t, "f.env", "word=open sesame\n")}, model.Render{}, `"word":"open sesame"`},
		"chart": {map[string]string{"Chart.yaml": chart, "templates/a.yaml": template, "v.yaml": l.lock(t, "v.yaml", "word: open sesame\n")},
			model.Render{Helm: model.Helm{ValueFiles: []string{"v.yaml"}}}, `"word":"open sesame"`},
		"chart of a kustomization": {map[string]string{
			"kustomization.yaml":  "helmCharts: [{name: x, valuesFile: v.yaml}]\n",
			"charts/x/Chart.yaml": chart, "charts/x/templates/a.yaml": template, "v.yaml": l.lock(t, "v.yaml", "word: open sesame\n")},
			model.Render{Kustomize: model.Kustomize{EnableHelm: true}}, `"word":"open sesame"`},
	} {
		t.Run(name, func(t *testing.T) {
			var hooks input.Hooks
			c.spec.Decrypt, hooks = l.decrypt(t)
			out := run(t, c.files, c.spec, hooks)
			if out.Err != nil {
				t.Fatal(out.Err)
			}
			if got := string(out.Rendered.Objects[0].JSON); !strings.Contains(got, c.want) || strings.Contains(got, `"sops"`) {
				t.Errorf("no %s in %s", c.want, got)
			}
			c.spec.Decrypt, hooks = newLocker(t).decrypt(t)
			refuses(t, run(t, c.files, c.spec, hooks), model.ErrDenied)
		})
	}
}

// TestTamperedFile: the MAC is verified.
func TestTamperedFile(t *testing.T) {
	l := newLocker(t)
	d, hooks := l.decrypt(t)
	text := l.lock(t, "s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {word: open sesame}\n")
	files := map[string]string{"kustomization.yaml": "resources: [s.yaml]", "s.yaml": strings.Replace(text, "name: s", "name: t", 1)}
	refuses(t, run(t, files, model.Render{Decrypt: d}, hooks), model.ErrInvalid)
}

func refuses(t *testing.T, out job.Outcome, kind error) {
	t.Helper()
	if !errors.Is(out.Err, kind) {
		t.Errorf("error is %v, want %v", out.Err, kind)
	}
	if out.Err != nil && strings.Contains(out.Err.Error(), "sesame") {
		t.Errorf("the error holds the secret: %v", out.Err)
	}
}
