package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ApplicationSource is a repository, a revision and a path of it, and how the
// files there become objects.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSource struct {
	// RepoURL is the Git, Helm or OCI repository.
	RepoURL string `json:"repoURL"`
	// Path is the directory inside the repository.
	// +optional
	Path string `json:"path,omitempty"`
	// TargetRevision is a branch, a tag, a commit, a semantic version constraint
	// on tags, or HEAD, which is the default.
	// +optional
	TargetRevision string `json:"targetRevision,omitempty"`
	// Helm are the settings of a chart.
	// +optional
	Helm *ApplicationSourceHelm `json:"helm,omitempty"`
	// Kustomize are settings laid over a kustomization.
	// +optional
	Kustomize *ApplicationSourceKustomize `json:"kustomize,omitempty"`
	// Directory are the settings of plain files.
	// +optional
	Directory *ApplicationSourceDirectory `json:"directory,omitempty"`
	// Plugin are the settings of a config management plugin.
	// +optional
	Plugin *ApplicationSourcePlugin `json:"plugin,omitempty"`
	// Chart is the name of a chart of a Helm repository.
	// +optional
	Chart string `json:"chart,omitempty"`
	// Ref is a name by which value files of other sources refer to this one.
	// +optional
	Ref string `json:"ref,omitempty"`
	// Name is for display.
	// +optional
	Name string `json:"name,omitempty"`
	// TagPrefix limits a version constraint to tags that begin with it.
	// +optional
	TagPrefix string `json:"tagPrefix,omitempty"`
}

// ApplicationSourceHelm are the settings of a chart.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSourceHelm struct {
	// ValueFiles are files of values, relative to the chart.
	// +optional
	ValueFiles []string `json:"valueFiles,omitempty"`
	// Parameters are single values, as helm --set.
	// +optional
	Parameters []HelmParameter `json:"parameters,omitempty"`
	// ReleaseName is the release's name; the Application's name by default.
	// +optional
	ReleaseName string `json:"releaseName,omitempty"`
	// Values are values as YAML text.
	// +optional
	Values string `json:"values,omitempty"`
	// FileParameters are values read from files, as helm --set-file.
	// +optional
	FileParameters []HelmFileParameter `json:"fileParameters,omitempty"`
	// Version is accepted and ignored, as Argo CD does.
	// +optional
	Version string `json:"version,omitempty"`
	// PassCredentials gives the repository's credentials to all domains.
	// +optional
	PassCredentials bool `json:"passCredentials,omitempty"`
	// IgnoreMissingValueFiles passes over value files that do not exist.
	// +optional
	IgnoreMissingValueFiles bool `json:"ignoreMissingValueFiles,omitempty"`
	// SkipCrds leaves out the chart's crds directory.
	// +optional
	SkipCrds bool `json:"skipCrds,omitempty"`
	// ValuesObject are values as an object; it wins over Values.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	ValuesObject *runtime.RawExtension `json:"valuesObject,omitempty"`
	// Namespace is the release's namespace; the destination's by default.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// KubeVersion is the Kubernetes version that templates see.
	// +optional
	KubeVersion string `json:"kubeVersion,omitempty"`
	// APIVersions are the API versions that templates see.
	// +optional
	APIVersions []string `json:"apiVersions,omitempty"`
	// SkipTests leaves out test hooks.
	// +optional
	SkipTests bool `json:"skipTests,omitempty"`
	// SkipSchemaValidation skips values.schema.json.
	// +optional
	SkipSchemaValidation bool `json:"skipSchemaValidation,omitempty"`
}

// HelmParameter is a value set by its path.
//
// +kubebuilder:pruning:PreserveUnknownFields
type HelmParameter struct {
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Value string `json:"value,omitempty"`
	// ForceString takes the value for a string whatever it looks like.
	// +optional
	ForceString bool `json:"forceString,omitempty"`
}

// HelmFileParameter is a value read from a file.
//
// +kubebuilder:pruning:PreserveUnknownFields
type HelmFileParameter struct {
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Path string `json:"path,omitempty"`
}

// ApplicationSourceKustomize are settings laid over a kustomization.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSourceKustomize struct {
	// +optional
	NamePrefix string `json:"namePrefix,omitempty"`
	// +optional
	NameSuffix string `json:"nameSuffix,omitempty"`
	// Images are overrides, each [old=]new[:tag|@digest].
	// +optional
	Images []string `json:"images,omitempty"`
	// +optional
	CommonLabels map[string]string `json:"commonLabels,omitempty"`
	// Version names a kustomize binary.
	// +optional
	Version string `json:"version,omitempty"`
	// +optional
	CommonAnnotations map[string]string `json:"commonAnnotations,omitempty"`
	// ForceCommonLabels overwrites labels that the kustomization sets.
	// +optional
	ForceCommonLabels bool `json:"forceCommonLabels,omitempty"`
	// ForceCommonAnnotations overwrites annotations that the kustomization sets.
	// +optional
	ForceCommonAnnotations bool `json:"forceCommonAnnotations,omitempty"`
	// Namespace is set on every object.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// CommonAnnotationsEnvsubst replaces build variables in CommonAnnotations.
	// +optional
	CommonAnnotationsEnvsubst bool `json:"commonAnnotationsEnvsubst,omitempty"`
	// +optional
	Replicas []KustomizeReplica `json:"replicas,omitempty"`
	// +optional
	Patches []KustomizePatch `json:"patches,omitempty"`
	// Components are added to the kustomization's own.
	// +optional
	Components []string `json:"components,omitempty"`
	// IgnoreMissingComponents passes over components that do not exist.
	// +optional
	IgnoreMissingComponents bool `json:"ignoreMissingComponents,omitempty"`
	// LabelWithoutSelector keeps CommonLabels out of selectors.
	// +optional
	LabelWithoutSelector bool `json:"labelWithoutSelector,omitempty"`
	// KubeVersion is the Kubernetes version that inflated charts see.
	// +optional
	KubeVersion string `json:"kubeVersion,omitempty"`
	// APIVersions are the API versions that inflated charts see.
	// +optional
	APIVersions []string `json:"apiVersions,omitempty"`
	// LabelIncludeTemplates, with LabelWithoutSelector, labels pod templates too.
	// +optional
	LabelIncludeTemplates bool `json:"labelIncludeTemplates,omitempty"`
}

// KustomizeReplica sets the number of replicas of a workload.
//
// +kubebuilder:pruning:PreserveUnknownFields
type KustomizeReplica struct {
	Name string `json:"name"`
	// Count is a number, or a string that holds one.
	Count intstr.IntOrString `json:"count"`
}

// KustomizePatch is a patch, inline or from a file.
//
// +kubebuilder:pruning:PreserveUnknownFields
type KustomizePatch struct {
	// +optional
	Path string `json:"path,omitempty"`
	// +optional
	Patch string `json:"patch,omitempty"`
	// +optional
	Target *KustomizeSelector `json:"target,omitempty"`
	// +optional
	Options map[string]bool `json:"options,omitempty"`
}

// KustomizeSelector selects what a patch changes.
//
// +kubebuilder:pruning:PreserveUnknownFields
type KustomizeSelector struct {
	// +optional
	Group string `json:"group,omitempty"`
	// +optional
	Version string `json:"version,omitempty"`
	// +optional
	Kind string `json:"kind,omitempty"`
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	LabelSelector string `json:"labelSelector,omitempty"`
	// +optional
	AnnotationSelector string `json:"annotationSelector,omitempty"`
}

// ApplicationSourceDirectory are the settings of plain files.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSourceDirectory struct {
	// Recurse reads subdirectories too.
	// +optional
	Recurse bool `json:"recurse,omitempty"`
	// +optional
	Jsonnet ApplicationSourceJsonnet `json:"jsonnet,omitzero"`
	// Exclude is a glob of files that are left out; {a,b} are alternatives.
	// +optional
	Exclude string `json:"exclude,omitempty"`
	// Include is a glob of files that alone are read; {a,b} are alternatives.
	// +optional
	Include string `json:"include,omitempty"`
}

// ApplicationSourceJsonnet are the settings of Jsonnet files.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSourceJsonnet struct {
	// +optional
	ExtVars []JsonnetVar `json:"extVars,omitempty"`
	// TLAs are top-level arguments.
	// +optional
	TLAs []JsonnetVar `json:"tlas,omitempty"`
	// +optional
	Libs []string `json:"libs,omitempty"`
}

// JsonnetVar is a variable of Jsonnet.
//
// +kubebuilder:pruning:PreserveUnknownFields
type JsonnetVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Code takes the value for Jsonnet code.
	// +optional
	Code bool `json:"code,omitempty"`
}

// ApplicationSourcePlugin are the settings of a config management plugin.
//
// +kubebuilder:pruning:PreserveUnknownFields
type ApplicationSourcePlugin struct {
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	Env []EnvEntry `json:"env,omitempty"`
	// +optional
	Parameters []PluginParameter `json:"parameters,omitempty"`
}

// EnvEntry is an environment variable.
//
// +kubebuilder:pruning:PreserveUnknownFields
type EnvEntry struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// PluginParameter is a parameter of a plugin: a string, an array or a map. Empty
// ones are something else than none.
//
// +kubebuilder:pruning:PreserveUnknownFields
type PluginParameter struct {
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	String *string `json:"string,omitempty"`
	// +optional
	Map map[string]string `json:"map,omitzero"`
	// +optional
	Array []string `json:"array,omitzero"`
}

// SourceHydrator renders a dry source into a branch that is then synced.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SourceHydrator struct {
	// DrySource is what is rendered.
	DrySource DrySource `json:"drySource"`
	// SyncSource is where the result is synced from.
	SyncSource SyncSource `json:"syncSource"`
	// HydrateTo is a branch that the result is pushed to first.
	// +optional
	HydrateTo *HydrateTo `json:"hydrateTo,omitempty"`
}

// DrySource is what is rendered by a hydrator.
//
// +kubebuilder:pruning:PreserveUnknownFields
type DrySource struct {
	RepoURL        string `json:"repoURL"`
	TargetRevision string `json:"targetRevision"`
	Path           string `json:"path"`
	// +optional
	Helm *ApplicationSourceHelm `json:"helm,omitempty"`
	// +optional
	Kustomize *ApplicationSourceKustomize `json:"kustomize,omitempty"`
	// +optional
	Directory *ApplicationSourceDirectory `json:"directory,omitempty"`
	// +optional
	Plugin *ApplicationSourcePlugin `json:"plugin,omitempty"`
}

// SyncSource is where hydrated manifests are synced from.
//
// +kubebuilder:pruning:PreserveUnknownFields
type SyncSource struct {
	// RepoURL is the dry source's by default.
	// +optional
	RepoURL      string `json:"repoURL,omitempty"`
	TargetBranch string `json:"targetBranch"`
	// Path must not be the root of the repository.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:Pattern=`^.{2,}|[^./]$`
	Path string `json:"path"`
}

// HydrateTo is a staging branch.
//
// +kubebuilder:pruning:PreserveUnknownFields
type HydrateTo struct {
	TargetBranch string `json:"targetBranch"`
}
