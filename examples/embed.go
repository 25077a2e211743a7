// Package examples holds repositories that a user can copy, and the Argo CD and
// Flux manifests that follow them. The demo serves and applies these very files.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed my-app-config plain sample-shop sample-payments apps
var files embed.FS

// Repositories are the names of the example repositories.
func Repositories() []string { return []string{"my-app-config", "plain"} }

// Samples are the names of the repositories that sample apps follow: larger ones,
// to look at.
func Samples() []string { return []string{"sample-shop", "sample-payments"} }

// Repository is the content of an example repository. It panics for a name that
// neither Repositories nor Samples has.
func Repository(name string) fs.FS { return sub(name) }

// Apps are the manifests that follow the repositories: argo-cd.yaml and
// flux.yaml follow my-app-config, argo-cd-plain.yaml and flux-plain.yaml follow
// plain.
func Apps() fs.FS { return sub("apps") }

// SampleApps are the manifests that follow the repositories of Samples. An app with
// the destination staging needs a cluster of that name.
func SampleApps() fs.FS { return sub("apps/sample") }

func sub(dir string) fs.FS {
	out, err := fs.Sub(files, dir)
	if err == nil {
		_, err = fs.Stat(out, ".")
	}
	if err != nil {
		panic(fmt.Sprintf("examples: %v", err))
	}
	return out
}
