package kustomize

import (
	"errors"
	"path"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/ifc"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Options are what a build needs of other packages.
type Options struct {
	// Decrypt returns the cleartext of a file that SOPS has encrypted, and other
	// files as they are; nil decrypts nothing. The name's ending is that of what
	// the file becomes.
	Decrypt func(name string, data []byte) ([]byte, error)
	// Helm renders the chart in a directory of files; nil renders none.
	Helm func(files *input.Files, dir string, h model.Helm) ([]model.Object, error)
}

// maxKustomizations bounds how many kustomizations one render loads, a base
// counted as often as it is used.
const maxKustomizations = 2000

// build is one render.
type build struct {
	in  *input.Inputs
	opt Options
	set model.Kustomize

	factory   *resmap.Factory
	validator ifc.Validator
	// exclusive: the build may set the schema of the process.
	exclusive bool
	loaded    int
}

func newBuild(in *input.Inputs, set model.Kustomize, opt Options) *build {
	parts := provider.NewDepProvider()
	return &build{
		in: in, opt: opt, set: set,
		factory: resmap.NewFactory(parts.GetResourceFactory()), validator: parts.GetFieldValidator(),
	}
}

// Render builds the kustomization in dir with the app's settings laid over it.
// What is wrong in it or in them is model.ErrInvalid; a remote base that may
// not be read is model.ErrDenied.
func Render(in *input.Inputs, dir string, opt Options) ([]model.Object, error) {
	b := newBuild(in, in.Render.Kustomize, opt)
	root, err := b.overlay(dir)
	if err != nil || root == nil {
		return nil, err
	}
	return b.guarded(func() ([]model.Object, error) {
		made, err := b.root(*root)
		if err != nil {
			return nil, err
		}
		return b.objects(made, root.origin)
	})
}

// schemaLock guards the schema that the library keeps once for the process: a
// build that sets one runs alone, and puts the built-in one back.
var schemaLock sync.RWMutex

var errNeedsSchema = errors.New("the kustomization sets a schema")

// guarded runs a build as others run, and again, alone, if it turns out to set
// a schema.
func (b *build) guarded(run func() ([]model.Object, error)) ([]model.Object, error) {
	left := b.in.Left()
	objects, err := b.shared(run)
	if !errors.Is(err, errNeedsSchema) {
		return objects, err
	}
	b.in.Refund(left - b.in.Left())
	b.exclusive, b.loaded = true, 0
	schemaLock.Lock()
	defer schemaLock.Unlock()
	defer parseSchema()
	defer openapi.ResetOpenAPI()
	return run()
}

var schemaParsed sync.Once

func (b *build) shared(run func() ([]model.Object, error)) ([]model.Object, error) {
	schemaLock.RLock()
	defer schemaLock.RUnlock()
	schemaParsed.Do(parseSchema)
	return run()
}

// parseSchema makes the library read its schema. It reads some of it without a
// lock, which is safe only once nobody writes it any more.
func parseSchema() { openapi.SchemaForResourceType(yaml.TypeMeta{APIVersion: "v1", Kind: "Pod"}) }

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

// theFile is File, where there has to be exactly one.
func theFile(files *input.Files, dir string) (string, error) {
	file, err := File(files, dir)
	if err != nil {
		return "", err
	}
	if file == "" {
		return "", model.Invalidf("%s has no kustomization file (kustomization.yaml); add one, "+
			"or name files instead of the directory", files.Place(dir))
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		other := path.Join(dir, name)
		if k, err := files.Kind(other); err != nil {
			return "", err
		} else if k == input.File && other != file {
			return "", model.Invalidf("%s has two kustomization files, %s and %s; remove one",
				files.Place(dir), path.Base(file), name)
		}
	}
	return file, nil
}
