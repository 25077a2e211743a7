// Package install holds what a cluster gets besides the custom resource
// definitions: namespaces, rights, the controller and its Service.
package install

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// placeholder is what stands for the image in the Deployment.
const placeholder = "${IMAGE}"

// Manifests are YAML documents in the order in which they are to be applied,
// with that image for the controller.
func Manifests(image string) [][]byte {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		panic(fmt.Sprintf("install: %v", err)) // the pattern is a constant
	}
	out := make([][]byte, 0, len(names))
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			panic(fmt.Sprintf("install: reading embedded %s: %v", name, err))
		}
		out = append(out, []byte(strings.ReplaceAll(string(data), placeholder, strconv.Quote(image))))
	}
	return out
}
