package kustomize

import (
	"sync"
	_ "unsafe" // for go:linkname

	_ "sigs.k8s.io/kustomize/api/krusty" // has the function linked
)

// defaultFieldSpecs is where Kubernetes' own kinds have names, labels, images
// and the like, as YAML. The library has this table in an internal package, and
// needs it to be the one that Kustomize documents; a copy would go stale.
//
//go:linkname defaultFieldSpecs sigs.k8s.io/kustomize/api/internal/konfig/builtinpluginconsts.GetDefaultFieldSpecs
func defaultFieldSpecs() []byte

// defaultConfig is the configuration that every kustomization begins with. It
// is shared: merging makes new ones.
var defaultConfig = sync.OnceValues(func() (*config, error) {
	parsed, err := parseConfig(defaultFieldSpecs())
	if err != nil {
		return nil, err
	}
	return new(config).merge(parsed)
})
