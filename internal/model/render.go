package model

import (
	"context"
	"maps"
)

// The values of Render.Tool and Rendered.Tool.
const (
	ToolDirectory = "directory"
	ToolKustomize = "kustomize"
	ToolHelm      = "helm"
	ToolCUE       = "cue"
	ToolPlugin    = "plugin"
	// ToolJsonnet is only for Render.Disabled: *.jsonnet files are a directory's.
	ToolJsonnet = "jsonnet"
)

// Render says how the files of a source become objects.
type Render struct {
	// Path is the directory inside the source, as the user wrote it.
	Path string
	// Tool is one of the Tool constants, or "" to choose by what Path holds:
	// Chart.yaml makes it helm, a kustomization file kustomize.
	Tool string
	// Disabled are tools that Path does not choose, of ToolHelm and ToolKustomize:
	// what it holds is read as a directory. With ToolJsonnet, *.jsonnet files of a
	// directory are left out.
	Disabled  []string
	Directory Directory
	Kustomize Kustomize
	Helm      Helm
	CUE       CUE
	Plugin    Plugin
	// Substitute replaces ${variables} in the objects; nil replaces nothing.
	Substitute *Substitute
	// Decrypt are the keys for SOPS; nil decrypts nothing.
	Decrypt *Decrypt
	// Labels and Annotations are set on every object, over its own (Flux's
	// commonMetadata).
	Labels, Annotations map[string]string
	// Env are the variables of the build environment, such as ARGOCD_APP_NAME.
	// Where they count, $NAME and ${NAME} stand for them, and $$ for $.
	Env map[string]string
	// RevisionEnv names variables that hold the source's revision, and how many
	// of its first characters; 0 is all. The engine moves them into Env.
	RevisionEnv map[string]int `json:",omitempty"`
	// Overrides are files in Path that change all of this but Path; nil is none.
	Overrides Overrides `json:"-"`
}

// WithRevision is the render with the variables of its build environment that
// hold the source's revision.
func (r Render) WithRevision(revision string) Render {
	if len(r.RevisionEnv) == 0 {
		return r
	}
	env := maps.Clone(r.Env)
	if env == nil {
		env = map[string]string{}
	}
	for name, length := range r.RevisionEnv {
		env[name] = revision
		if length > 0 && length < len(revision) {
			env[name] = revision[:length]
		}
	}
	r.Env, r.RevisionEnv = env, nil
	return r
}

// Overrides are files of a source that change how it is rendered.
type Overrides interface {
	// Files are their names.
	Files() []string
	// Apply are the settings with the files that exist laid over them, by their
	// names. An error is about one of them, and names it.
	Apply(files map[string][]byte) (r Render, warnings []string, err error)
}

// Directory reads plain YAML, JSON and Jsonnet files.
type Directory struct {
	// Recurse reads subdirectories too.
	Recurse bool
	// Include and Exclude are globs on the path below Render.Path, with {a,b}
	// alternation. Exclude wins. Empty includes all.
	Include, Exclude string
	Jsonnet          Jsonnet
}

// Jsonnet are the settings for *.jsonnet files.
type Jsonnet struct {
	ExtVars, TLAs []JsonnetVar
	// Libs are directories of the source that imports are looked for in.
	Libs []string
}

// JsonnetVar is a variable: a string, or with Code an expression.
type JsonnetVar struct {
	Name, Value string
	Code        bool
}

// CUE evaluates a CUE package.
type CUE struct {
	// Expression selects what holds the objects; "" is the whole package.
	Expression string
	// Tags are key=value, or key alone, for @tag attributes.
	Tags []string
}

// Plugin runs a command that the operator of Fixpoint has configured.
type Plugin struct {
	// Name of the plugin; "" is the first whose discovery matches.
	Name       string
	Env        []NameValue
	Parameters []PluginParameter
}

// PluginParameter is a parameter of a plugin. One of the values is set.
type PluginParameter struct {
	Name   string            `json:"name"`
	String *string           `json:"string,omitempty"`
	Map    map[string]string `json:"map,omitzero"`
	Array  []string          `json:"array,omitzero"`
}

// NameValue is a name with a value.
type NameValue struct{ Name, Value string }

// Kustomize are the settings laid over a kustomization, without a file of the
// source being changed.
type Kustomize struct {
	// Generate makes a kustomization of all manifests below Path where there is
	// no kustomization file, as Flux does.
	Generate bool
	// Namespace is set on every object; "" sets none.
	Namespace               string
	NamePrefix, NameSuffix  string
	Images                  []Image
	Replicas                []Replicas
	Patches                 []Patch
	Components              []string
	IgnoreMissingComponents bool
	// Labels and Annotations as kustomize's commonLabels and commonAnnotations.
	Labels, Annotations map[string]string
	// ExpandAnnotations puts variables of Render.Env into the values of
	// Annotations, as always into those of Labels.
	ExpandAnnotations bool
	// LabelWithoutSelector keeps Labels out of selectors.
	LabelWithoutSelector bool
	// LabelTemplates, with LabelWithoutSelector, labels pod templates too.
	LabelTemplates bool
	// ForceLabels and ForceAnnotations overwrite those of the kustomization.
	ForceLabels, ForceAnnotations bool
	// KubeVersion and APIVersions replace, for helmCharts, what the target says.
	KubeVersion string
	APIVersions []string
	// BuildMetadata as kustomize's buildMetadata.
	BuildMetadata []string
	// EnableHelm inflates helmCharts; off, a kustomization that has some is an
	// error, as without --enable-helm.
	EnableHelm bool
	// Unrestricted lets files lie outside of their kustomization's directory, as
	// --load-restrictor LoadRestrictionsNone; they stay inside the source.
	Unrestricted bool
}

// Helm renders a chart.
type Helm struct {
	// Release and Namespace are the release's.
	Release, Namespace string
	// ValueFiles in order, the later over the earlier: paths relative to
	// Render.Path, or from the root of the source with a / first, or globs of
	// those; $ref/path in another source of the app; or URLs.
	ValueFiles              []string
	IgnoreMissingValueFiles bool
	// Defaults take the place of the chart's values.yaml, the later over the
	// earlier, with paths as in ValueFiles; empty leaves it as it is.
	Defaults []string
	// ValueSchemes are the schemes that value files by URL may have; empty is
	// http and https.
	ValueSchemes []string
	// Values come after ValueFiles, in order.
	Values []Values
	// Parameters and FileParameters as --set, --set-string and --set-file.
	Parameters     []HelmParameter
	FileParameters []NameValue
	// KubeVersion and APIVersions replace what the target says.
	KubeVersion string
	APIVersions []string
	SkipCRDs    bool
	// CRDAnnotations are set on the objects of the chart's crds folder.
	CRDAnnotations map[string]string
	// SkipTests leaves out hooks of the type test, SkipHooks all hooks.
	SkipTests, SkipHooks bool
	SkipSchemaValidation bool
	// Upgrade makes .Release.IsUpgrade true instead of .Release.IsInstall.
	Upgrade bool
	// Lookup lets templates read live objects.
	Lookup bool
	// PassCredentials sends credentials for chart dependencies to other hosts.
	PassCredentials bool
	// Post are applied to what the chart made, in order.
	Post []Kustomize
	// PostHooks says what Post does with hooks: "combined" patches them with
	// everything else, "separate" on their own, "nohooks" not at all; "" is
	// combined.
	PostHooks string
}

// Values are values for a chart.
type Values struct {
	// Text is YAML; with Path, what is set there.
	Text Hidden
	// Path is where the text is set, in the syntax of --set; "" merges it at the
	// top. Paths are applied after all merges.
	Path string
	// Literal sets the text at Path as it is, without reading it as --set does.
	Literal bool
	// From says where they come from, for messages.
	From string
}

// HelmParameter sets a value, in the syntax of --set; ForceString is
// --set-string.
type HelmParameter struct {
	Name, Value string
	ForceString bool
}

// Substitute replaces variables in the text of each object, in the grammar of
// Flux's postBuild.
type Substitute struct {
	Vars map[string]Hidden
	// Strict makes a variable without value and default an error.
	Strict bool
	// Always substitutes although there is no variable.
	Always bool
	// Disabled is a label or annotation; an object that has it with the value
	// "disabled" is left alone.
	Disabled string
}

// Decrypt are the keys for files and objects that SOPS has encrypted.
type Decrypt struct {
	// Keys by the name of their entry in the Secret; the ending says what it is:
	// *.agekey, *.asc, sops.vault-token, sops.aws-kms, sops.azure-kv, sops.gcp-kms.
	Keys map[string]Hidden
	// Disabled is an annotation; an object that has it with the value "disabled"
	// is left alone.
	Disabled string
}

// Image replaces an image's name, tag or digest.
type Image struct{ Name, NewName, NewTag, Digest string }

// Replicas sets the number of replicas of the workload with that name.
type Replicas struct {
	Name  string
	Count int64
}

// Patch is a strategic merge or JSON 6902 patch, inline or from a file.
type Patch struct {
	Path, Patch string
	Target      *PatchTarget
	Options     map[string]bool
}

// PatchTarget selects what a patch changes; names are regular expressions.
type PatchTarget struct {
	Group, Version, Kind, Name, Namespace string
	LabelSelector, AnnotationSelector     string
}

// RenderInput is all that a render may use.
type RenderInput struct {
	Render
	// Tree is the source's content.
	Tree Tree
	// Refs are the content of the app's other sources, by the names that $name
	// refers to.
	Refs map[string]Tree
	// Anew renders although the outcome is remembered.
	Anew bool
	// Host answers what is not in the trees; nil has no cluster and refuses
	// everything remote.
	Host RenderHost
}

// RenderHost is what a render may ask of the world. The answers are part of
// what the render is remembered by, but for Lookup's.
type RenderHost interface {
	// Cluster is the target's version, as "v1.36.3", and the API versions that it
	// serves, as "apps/v1" and "apps/v1/Deployment".
	Cluster(context.Context) (version string, apis []string, err error)
	// Remote is the content of another source: a remote base, the repository of a
	// chart dependency. It has no credentials: the host adds them.
	// model.ErrDenied if the app may not read it.
	Remote(context.Context, Source) (*Snapshot, error)
	// Download is a file by its URL; model.ErrDenied if the app may not read it.
	Download(ctx context.Context, url string) ([]byte, error)
	// Lookup is a live object as JSON, or with an empty name a list of those in a
	// namespace or in all; nil if there is none.
	Lookup(context.Context, ObjectRef) ([]byte, error)
}

// Rendered is the outcome of a render. It is shared: never change it.
type Rendered struct {
	Objects []Object
	// Tool is what rendered, one of the Tool constants.
	Tool string
	// Digest is that of all objects, in order.
	Digest Digest
	// Partial: a file that can't be read as anything was skipped. It may have been
	// a manifest, so nothing may be deleted because it is not declared.
	Partial bool
	// Warnings are things that a user should know, such as a skipped file.
	Warnings []string
}
