package kustomize

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/types"
)

// Kustomize reads what looks like a URL from the network, and clones what looks
// like a repository with the git command. None of this may happen here, so
// every kustomization is gone through before Kustomize acts on it.

// remoteBase matches what Kustomize takes for a URL or a repository.
var remoteBase = regexp.MustCompile(`(?i)://|^(git::)?((https?|ssh|file):|[a-z][a-z0-9-]*@|github\.com[/:])`)

// remoteStart matches those of them that begin a text of several lines.
var remoteStart = regexp.MustCompile(`(?i)^(git::)?((https?|ssh|file):|[a-z][a-z0-9-]*@|github\.com[/:])`)

// remoteFile matches what it takes for the URL of a file, also behind "key=".
var remoteFile = regexp.MustCompile(`(?i)://|(^|=)\s*https?:`)

// admit refuses a kustomization that would leave the tree, and notes whether
// it sets a schema.
func (k *kustFS) admit(name string, data []byte) error {
	if k.loaded++; k.loaded > maxKustomizations {
		return model.Invalidf("%s: the app's kustomizations use more than %d bases; do they refer to each other?",
			name, maxKustomizations)
	}
	var kust types.Kustomization
	if err := kust.Unmarshal(data); err != nil {
		return model.Invalidf("%s: %s", name, kustomizeProblem(err))
	}
	kust.FixKustomization()
	if len(kust.OpenAPI) > 0 {
		k.schema = true
		if !k.exclusive {
			return errNeedsSchema
		}
	}
	if len(kust.HelmCharts) > 0 || kust.HelmGlobals != nil {
		return model.Invalidf("%s: helmCharts can't be rendered yet; render the chart into the source instead", name)
	}
	if err := k.admitBases(name, &kust); err != nil {
		return err
	}
	if err := admitFiles(name, fileRefs(&kust)); err != nil {
		return err
	}
	return k.admitPlugins(name, &kust)
}

// admitBases goes through what may be a directory or a repository.
func (k *kustFS) admitBases(name string, kust *types.Kustomization) error {
	for _, p := range kust.Resources {
		if err := k.admitBase(name, "resources", p); err != nil {
			return err
		}
	}
	for _, p := range kust.Components {
		if err := k.admitBase(name, "components", p); err != nil {
			return err
		}
	}
	return nil
}

// admitBase says better than Kustomize does that something does not exist.
func (k *kustFS) admitBase(name, field, p string) error {
	if remoteBase.MatchString(p) {
		return errRemote(name, field, p)
	}
	if path.IsAbs(p) {
		return model.Invalidf("%s: %s: %q is absolute; write it relative to the kustomization", name, field, p)
	}
	at := path.Join(mount, path.Dir(name), p)
	if _, err := k.name(at); err != nil {
		return model.Invalidf("%s: %s: %q leads out of the source", name, field, p)
	}
	switch _, what := k.kind(at); {
	case k.files.Broken() != nil:
		return k.files.Broken()
	case what == input.None:
		return model.Invalidf("%s: %s: %q does not exist in the source", name, field, p)
	case what == input.Bad:
		return model.Invalidf("%s: %s: %q is a symbolic link that leads out of the source", name, field, p)
	}
	return nil
}

func errRemote(name, field, p string) error {
	return model.Invalidf("%s: %s: %q is remote, and only what is in the source can be used; copy it there", name, field, p)
}

// fileRef is a field of a kustomization that names a file.
type fileRef struct{ field, path string }

// admitFiles goes through what can only be a file.
func admitFiles(name string, refs []fileRef) error {
	for _, ref := range refs {
		if remoteFile.MatchString(ref.path) {
			return errRemote(name, ref.field, ref.path)
		}
	}
	return nil
}

func fileRefs(kust *types.Kustomization) (refs []fileRef) {
	add := func(field string, paths ...string) {
		for _, p := range paths {
			refs = append(refs, fileRef{field, p})
		}
	}
	add("openapi", kust.OpenAPI["path"])
	add("crds", kust.Crds...)
	add("configurations", kust.Configurations...)
	for _, p := range append(slices.Clone(kust.Patches), kust.PatchesJson6902...) {
		add("patches", p.Path)
	}
	for _, p := range kust.PatchesStrategicMerge {
		if !strings.Contains(string(p), "\n") {
			add("patchesStrategicMerge", string(p))
		}
	}
	for _, r := range kust.Replacements {
		add("replacements", r.Path)
	}
	for _, g := range kust.ConfigMapGenerator {
		add("configMapGenerator", pairFiles(g.KvPairSources)...)
	}
	for _, g := range kust.SecretGenerator {
		add("secretGenerator", pairFiles(g.KvPairSources)...)
	}
	return refs
}

func pairFiles(s types.KvPairSources) []string {
	return slices.Concat(s.FileSources, s.EnvSources, []string{s.EnvSource})
}
