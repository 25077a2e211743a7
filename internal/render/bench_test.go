package render

import (
	"fmt"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func manyConfigMaps(n int) *memTree {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("app/cm-%04d.yaml", i)] = fmt.Sprintf(
			"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm-%04d\n  labels:\n    app: bench\ndata:\n  a: \"%d\"\n  b: text\n", i, i)
	}
	return newTree(files)
}

func BenchmarkRender(b *testing.B) {
	tree := manyConfigMaps(1000)
	for name, spec := range map[string]model.Render{
		"directory": {Path: "app"},
		"generate":  {Path: "app", Kustomize: model.Kustomize{Generate: true}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := New(Config{}).Render(b.Context(), inputOf(tree, spec)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"-remembered", func(b *testing.B) {
			r := New(Config{})
			for b.Loop() {
				if _, err := r.Render(b.Context(), inputOf(tree, spec)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
