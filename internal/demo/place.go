package demo

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What the example manifests name.
const (
	mirrorPrefix = "https://github.com/myorg/"
	repository   = "my-app-config"
	branch       = "main"
	appName      = "my-app"

	productionNamespace = "my-app"
	stagingNamespace    = "my-app-staging"
)

// The kinds that the demo has to do with.
var (
	crds           = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	applications   = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}
	projects       = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "appprojects"}
	kustomizations = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	repositories   = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
	releases       = schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
	secrets        = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	deployments    = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	services       = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps     = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	accounts       = schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}
)

// place is where an object is.
type place struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

// follower is one of the two apps.
type follower struct {
	// dialect is how people call it.
	dialect string
	// app is the object that declares it.
	app place
	// namespace is where its objects go.
	namespace string
}

func (f follower) String() string { return f.dialect + " " + f.app.namespace + "/" + f.app.name }

// object is one of the follower's objects.
func (f follower) object(resource schema.GroupVersionResource) place {
	return place{resource, f.namespace, appName}
}

// layout is where the apps are declared.
type layout struct{ argo, flux string }

// The namespaces of the manifests, and those of a cluster that belongs to
// somebody: there, the demo stays apart from an Argo CD or Flux.
var (
	ownCluster     = layout{argo: "argocd", flux: "flux-system"}
	visitedCluster = layout{argo: "demo-argo", flux: "demo-flux"}
)

func (l layout) followers() []follower {
	return []follower{
		{"Argo CD", place{applications, l.argo, appName}, productionNamespace},
		{"Flux", place{kustomizations, l.flux, appName}, stagingNamespace},
	}
}

// made are the namespaces that the demo makes, or has made by its apps.
func (l layout) made() []string {
	return []string{productionNamespace, stagingNamespace, l.argo, l.flux}
}
