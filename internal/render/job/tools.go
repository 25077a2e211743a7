package job

import (
	"github.com/fixpoint-cd/fixpoint/internal/render/helm"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
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

func (t tools) helm() helm.Options {
	return helm.Options{Decrypt: t.decrypt}
}

func (t tools) kustomize() kustomize.Options {
	return kustomize.Options{Decrypt: t.decrypt}
}

func (t tools) plain() plain.Options {
	return plain.Options{Decrypt: t.decrypt}
}
