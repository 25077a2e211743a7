package control

import (
	"os"
	"runtime/debug"
	_ "unsafe" // for linkname

	"k8s.io/component-base/version"
)

// gitVersion is what Kubernetes' release build sets by a linker flag. Without
// it /version says v0.0.0, which Helm charts and clients compare against.
//
//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

// serveVersion makes /version say which release of Kubernetes this is.
func serveVersion() {
	gitVersion = kubernetesVersion()
	if err := version.SetDynamicVersion(gitVersion); err != nil {
		panic(err) // it accepts gitVersion itself, whatever that is
	}
}

// kubernetesVersion is the version of k8s.io/kubernetes in this binary.
func kubernetesVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "k8s.io/kubernetes" {
				return module.Version
			}
		}
	}
	return "v0.0.0"
}

// actAs names the process. Clients derive their user agent from it, and the API
// server derives the field manager from that, so each component has to bear its
// own name while it makes its clients, as managed fields would have it
// elsewhere. The controller manager makes clients all its life, so it is last.
func actAs(component string) { os.Args[0] = component }
