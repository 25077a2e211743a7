// Package deploy holds what is installed into a cluster: the custom resource
// definitions of both dialects.
package deploy

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed crds/*.yaml
var files embed.FS

// CRDs are the custom resource definitions, each file's bytes in the order of
// the file names. They are for server-side apply: some are larger than what a
// client-side apply can keep in its annotation.
func CRDs() [][]byte {
	names, err := fs.Glob(files, "crds/*.yaml")
	if err != nil {
		panic(fmt.Sprintf("deploy: %v", err)) // the pattern is a constant
	}
	out := make([][]byte, 0, len(names))
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("deploy: reading embedded %s: %v", name, err))
		}
		out = append(out, data)
	}
	return out
}
