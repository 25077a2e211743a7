package model

// Render says how the files of a source become objects.
type Render struct {
	// Path is the directory inside the source, as the user wrote it.
	Path string
	// Tool is "directory", "kustomize", or "" to choose by what Path holds: a
	// kustomization file makes it kustomize.
	Tool      string
	Directory Directory
	Kustomize Kustomize
}

// Directory reads plain YAML and JSON files.
type Directory struct {
	// Recurse reads subdirectories too.
	Recurse bool
	// Include and Exclude are globs on the path below Render.Path, with {a,b}
	// alternation. Exclude wins. Empty includes all.
	Include, Exclude string
}

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
	// LabelWithoutSelector keeps Labels out of selectors.
	LabelWithoutSelector bool
	// LabelTemplates, with LabelWithoutSelector, labels pod templates too.
	LabelTemplates bool
	// ForceLabels and ForceAnnotations overwrite those of the kustomization.
	ForceLabels, ForceAnnotations bool
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

// Rendered is the outcome of a render. It is shared: never change it.
type Rendered struct {
	Objects []Object
	// Tool is what rendered: "directory" or "kustomize".
	Tool string
	// Digest is that of all objects, in order.
	Digest Digest
	// Partial: a file that can't be read as anything was skipped. It may have been
	// a manifest, so nothing may be deleted because it is not declared.
	Partial bool
	// Warnings are things that a user should know, such as a skipped file.
	Warnings []string
}
