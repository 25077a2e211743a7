package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
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

// kustomize builds the kustomization of the app's path.
func (j *job) kustomize() ([]model.Object, error) {
	k := &kustFS{files: j.files, replaced: map[string][]byte{}}
	if err := j.overlay(k); err != nil {
		return nil, err
	}
	if k.empty {
		return nil, nil
	}
	objects, err := j.build(k)
	if !errors.Is(j.files.broken, errNeedsSchema) {
		return objects, err
	}
	j.files.broken = nil
	k.exclusive, k.loaded = true, 0
	return j.build(k)
}

// build runs Kustomize and takes the objects out of it.
func (j *job) build(k *kustFS) ([]model.Object, error) {
	defer k.lock()()
	options := krusty.MakeDefaultOptions()
	if j.spec.Kustomize.Generate {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	built, err := krusty.MakeKustomizer(options).Run(k, path.Join(mount, j.dir))
	if j.files.broken != nil {
		return nil, j.files.broken
	}
	if err != nil {
		return nil, invalidf("building the kustomization of %s: %s", j.dir, kustomizeProblem(err))
	}
	return j.collect(built)
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

func (j *job) collect(built resmap.ResMap) ([]model.Object, error) {
	if built.Size() > j.config.MaxObjects {
		return nil, invalidf("%s makes %d objects, more than the limit of %d; split the app", j.dir, built.Size(), j.config.MaxObjects)
	}
	objects := make([]model.Object, 0, built.Size())
	for _, r := range built.Resources() {
		if err := j.files.check(); err != nil {
			return nil, err
		}
		o, err := j.object(r)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// object takes one out of Kustomize as a map, which is cheaper than as YAML.
func (j *job) object(r *resource.Resource) (model.Object, error) {
	place := fmt.Sprintf("%s: %s %s", j.dir, r.GetKind(), r.GetName())
	var text []byte
	m, err := r.Map()
	if err == nil {
		text, err = json.Marshal(m)
	}
	var f fields
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return model.Object{}, invalidf("%s can't be written as JSON; are all keys of its maps strings?", place)
	}
	o, err := newObject(place, f, text)
	o.Origin = j.origin
	return o, err
}

var (
	// What Kustomize prints of its input may be a secret.
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
