// Package examples holds repositories that a user can copy, and the Argo CD and
// Flux manifests that follow them. The demo serves and applies these very files.
package examples

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed my-app-config plain apps
var files embed.FS

// Repositories are the names of the example repositories.
func Repositories() []string { return []string{"my-app-config", "plain"} }

// Repository is the content of an example repository. It panics for a name that
// Repositories does not have.
func Repository(name string) fs.FS { return sub(name) }

// Apps are the manifests that follow the repositories: argo-cd.yaml and
// flux.yaml follow my-app-config, argo-cd-plain.yaml and flux-plain.yaml follow
// plain.
func Apps() fs.FS { return sub("apps") }

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
