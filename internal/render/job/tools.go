package job

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/helm"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/jsonnet"
	"github.com/fixpoint-cd/fixpoint/internal/render/kustomize"
	"github.com/fixpoint-cd/fixpoint/internal/render/plain"
	"github.com/fixpoint-cd/fixpoint/internal/render/sops"
)

// tools give each tool what it needs of the others.
type tools struct {
	in *input.Inputs
	// decrypt is nil where nothing is decrypted.
	decrypt func(name string, data []byte) ([]byte, error)
}

func newTools(in *input.Inputs) tools {
	t := tools{in: in}
	if d := in.Render.Decrypt; d != nil {
		t.decrypt = sops.New(in.Context(), *d, in.Hooks.Unwrap).File
	}
	return t
}

// helm may have post-renderers, which are kustomizations.
func (t tools) helm() helm.Options {
	return helm.Options{
		Decrypt: t.decrypt,
		Post: func(objects []model.Object, k model.Kustomize) ([]model.Object, error) {
			return kustomize.Patch(t.in, objects, k)
		},
	}
}

// kustomize may have charts, without post-renderers.
func (t tools) kustomize() kustomize.Options {
	return kustomize.Options{
		Decrypt: t.decrypt,
		Helm: func(files *input.Files, dir string, h model.Helm) ([]model.Object, error) {
			return helm.Inflate(t.in, files, dir, h, helm.Options{Decrypt: t.decrypt})
		},
	}
}

// plain may have Jsonnet files.
func (t tools) plain() plain.Options {
	o := plain.Options{Decrypt: t.decrypt}
	if !disabled(t.in, model.ToolJsonnet) {
		o.Jsonnet = func(name string) ([]model.Object, error) {
			return jsonnet.File(t.in, name, t.in.Render.Directory.Jsonnet)
		}
	}
	return o
}
