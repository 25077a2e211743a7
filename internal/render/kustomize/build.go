package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// schemaLock guards the schema that Kustomize keeps once for the process: a
// build that sets one runs alone, and puts the built-in one back.
var schemaLock sync.RWMutex

var errNeedsSchema = errors.New("the kustomization sets a schema")

// build is a build of a kustomization with the settings of an app.
type build struct {
	in  *input.Inputs
	dir string
	// origin is the kustomization file of dir.
	origin string
}

// Options are what a build needs of other packages.
type Options struct {
	// Decrypt returns the cleartext of a file that SOPS has encrypted, and other
	// files as they are; nil decrypts nothing.
	Decrypt func(name string, data []byte) ([]byte, error)
}

// Render builds the kustomization of dir with the app's settings laid over it.
func Render(in *input.Inputs, dir string, _ Options) ([]model.Object, error) {
	b := &build{in: in, dir: dir}
	k := &kustFS{files: in.Files, replaced: map[string][]byte{}}
	if err := b.overlay(k); err != nil {
		return nil, err
	}
	if k.empty {
		return nil, nil
	}
	objects, err := b.run(k)
	if !errors.Is(in.Broken(), errNeedsSchema) {
		return objects, err
	}
	in.Heal()
	k.exclusive, k.loaded = true, 0
	return b.run(k)
}

// File is the name of the kustomization file in dir; "" if there is none.
func File(files *input.Files, dir string) (string, error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		k, err := files.Kind(path.Join(dir, name))
		if err != nil {
			return "", err
		}
		if k == input.File {
			return path.Join(dir, name), nil
		}
	}
	return "", nil
}

// isKustomizationFile reports whether Kustomize takes a file of that name for
// a kustomization.
func isKustomizationFile(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// run runs Kustomize and takes the objects out of it.
func (b *build) run(k *kustFS) ([]model.Object, error) {
	defer k.lock()()
	options := krusty.MakeDefaultOptions()
	if b.in.Render.Kustomize.Generate {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	built, err := krusty.MakeKustomizer(options).Run(k, path.Join(mount, b.dir))
	if b.in.Files.Broken() != nil {
		return nil, b.in.Files.Broken()
	}
	if err != nil {
		return nil, model.Invalidf("building the kustomization of %s: %s", b.dir, kustomizeProblem(err))
	}
	return b.collect(built)
}

// lock takes schemaLock as the build needs it, and returns its release.
func (k *kustFS) lock() (unlock func()) {
	if !k.exclusive {
		schemaLock.RLock()
		return schemaLock.RUnlock
	}
	schemaLock.Lock()
	return func() {
		openapi.ResetOpenAPI()
		schemaLock.Unlock()
	}
}

func (b *build) collect(built resmap.ResMap) ([]model.Object, error) {
	if built.Size() > b.in.MaxObjects {
		return nil, model.Invalidf("%s makes %d objects, more than the limit of %d; split the app", b.dir, built.Size(), b.in.MaxObjects)
	}
	objects := make([]model.Object, 0, built.Size())
	for _, r := range built.Resources() {
		if err := b.in.Files.Check(); err != nil {
			return nil, err
		}
		o, err := b.object(r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// object takes one out of Kustomize as a map, which is cheaper than as YAML.
func (b *build) object(r *resource.Resource) (model.Object, error) {
	place := fmt.Sprintf("%s: %s %s", b.dir, r.GetKind(), r.GetName())
	var text []byte
	m, err := r.Map()
	if err == nil {
		text, err = json.Marshal(m)
	}
	var f manifest.Fields
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return model.Object{}, model.Invalidf("%s can't be written as JSON; are all keys of its maps strings?", place)
	}
	o, err := manifest.New(place, f, text)
	o.Origin = b.origin
	return o, err
}

var (
	// What Kustomize prints of its input may be a secret.
	printedValue   = regexp.MustCompile("(?s)`.*`")
	printedConfig  = regexp.MustCompile("(?s) with config: `\n.*?`(: |$)")
	printedLiteral = regexp.MustCompile(`(?s)invalid literal source .*, expected`)
	printedList    = regexp.MustCompile(`\[.*\]`)
	printedMap     = regexp.MustCompile(`\{.*\}`)
	// What is wrong, inside of what Kustomize was doing.
	innermost = regexp.MustCompile(`(security; file '[^']*' is not in or below '[^']*')|cycle detected: .*`)
	noGroup   = strings.NewReplacer(".[noGrp]", "", ".[noNs]", "", "[noName]", "(no name)")
)

// kustomizeProblem is an error of Kustomize for people, without what it prints
// of its input.
func kustomizeProblem(err error) string {
	text := printedConfig.ReplaceAllString(err.Error(), "$1")
	text = printedLiteral.ReplaceAllString(text, "invalid literal source, expected")
	if !strings.HasPrefix(text, "Failed to read kustomization file") {
		text, _, _ = strings.Cut(text, "\n")
	}
	if cause := innermost.FindString(text); cause != "" {
		text = strings.TrimPrefix(cause, "security; ")
	}
	text = noGroup.Replace(text)
	text = printedValue.ReplaceAllString(text, "`…`")
	text = printedList.ReplaceAllString(text, "[…]")
	text = printedMap.ReplaceAllString(text, "{…}")
	text = strings.ReplaceAll(strings.ReplaceAll(text, mount+"/", ""), mount, ".")
	const most = 1500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}
