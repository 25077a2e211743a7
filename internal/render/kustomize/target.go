package kustomize

import (
	"fmt"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"sigs.k8s.io/kustomize/api/builtins" //nolint:staticcheck // there is no other way to the library's transformers
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// target is a kustomization that is being built.
type target struct {
	b    *build
	load *loader
	kust *types.Kustomization
	// file is the kustomization file's name in the tree.
	file string
	// origin is where objects come from; nil if nobody asks.
	origin *resource.Origin
	// helmNamespace is the namespace of the kustomizations above.
	helmNamespace string
	isRoot        bool
}

// settled is the kustomization of the app, with the app's settings in it.
type settled struct {
	load *loader
	kust *types.Kustomization
	// file is the kustomization file, origin what objects come from.
	file, origin string
}

// root builds the app's kustomization and finishes what only comes after all.
func (b *build) root(s settled) (resmap.ResMap, error) {
	t := &target{b: b, load: s.load, kust: s.kust, file: s.file, isRoot: true}
	if err := t.check(); err != nil {
		return nil, err
	}
	if len(t.kust.BuildMetadata) > 0 {
		t.origin = &resource.Origin{}
	}
	made := newAccumulator()
	if err := t.accumulate(made); err != nil {
		return nil, err
	}
	return t.finish(made)
}

// readKustomization is the kustomization in the loader's directory.
func (b *build) readKustomization(l *loader) (*types.Kustomization, string, error) {
	file, err := theFile(l.files, l.dir)
	if err != nil {
		return nil, "", err
	}
	if b.loaded++; b.loaded > maxKustomizations {
		return nil, "", model.Invalidf("%s: the app's kustomizations use more than %d bases; do they refer to each other?",
			l.files.Place(file), maxKustomizations)
	}
	data, err := l.read(file)
	if err != nil {
		return nil, "", err
	}
	kust := &types.Kustomization{}
	if err := kust.Unmarshal(data); err != nil {
		return nil, "", model.Invalidf("%s: %s", l.files.Place(file), problemText(err))
	}
	kust.FixKustomization()
	return kust, file, nil
}

// check refuses what is no kustomization, and sets the schema that it wants.
func (t *target) check() error {
	if err := t.kust.CheckEmpty(); err != nil {
		return model.Invalidf("%s: the kustomization is empty", t.place())
	}
	if wrong := t.kust.EnforceFields(); len(wrong) > 0 {
		return model.Invalidf("%s: %s", t.place(), wrong[0])
	}
	if len(t.kust.OpenAPI) > 0 && !t.b.exclusive {
		return errNeedsSchema
	}
	if !t.b.exclusive {
		return nil
	}
	var schema []byte
	if file, ok := t.kust.OpenAPI["path"]; ok {
		var err error
		if schema, err = t.load.Load(file); err != nil {
			return t.wrong("openapi", err)
		}
	}
	if err := openapi.SetSchema(t.kust.OpenAPI, schema, t.isRoot); err != nil {
		return t.wrong("openapi", err)
	}
	return nil
}

func (t *target) place() string { return t.load.files.Place(t.file) }

// wrong says in which field of which kustomization something is wrong.
func (t *target) wrong(field string, err error) error {
	return t.b.wrong(t.place()+": "+field, err)
}

// accumulate adds what the kustomization makes to a: its resources, its
// generators', its components', and does to all of them what it says.
func (t *target) accumulate(a *accumulator) error {
	if err := t.resources(a, "resources", t.kust.Resources); err != nil {
		return err
	}
	if err := t.configure(a); err != nil {
		return err
	}
	if err := t.generate(a); err != nil {
		return err
	}
	if err := t.components(a); err != nil {
		return err
	}
	if err := t.transform(a); err != nil {
		return err
	}
	if err := t.validate(a); err != nil {
		return err
	}
	if err := a.addVars(t.kust.Vars); err != nil {
		return t.wrong("vars", err)
	}
	return t.b.in.Check()
}

// configure merges the configuration that the kustomization names into a's.
func (t *target) configure(a *accumulator) error {
	c, err := defaultConfig()
	if err != nil {
		return err
	}
	for _, name := range t.kust.Configurations {
		data, err := t.load.Load(name)
		if err != nil {
			return t.wrong("configurations", err)
		}
		more, err := parseConfig(data)
		if err == nil {
			c, err = c.merge(more)
		}
		if err != nil {
			return t.wrong("configurations", fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, name := range t.kust.Crds {
		data, err := t.load.Load(name)
		if err != nil {
			return t.wrong("crds", err)
		}
		more, err := crdConfig(data)
		if err == nil {
			c, err = c.merge(more)
		}
		if err != nil {
			return t.wrong("crds", fmt.Errorf("%s: %w", name, err))
		}
	}
	if a.config, err = a.config.merge(c); err != nil {
		return t.wrong("configurations", err)
	}
	return nil
}

// base builds the kustomization that l is for, and adds it to a. A component
// works on what a has already.
func (t *target) base(a *accumulator, l *loader, p string, isComponent bool) error {
	kust, file, err := t.b.readKustomization(l)
	if err != nil {
		return err
	}
	sub := &target{b: t.b, load: l, kust: kust, file: file, helmNamespace: t.helmNamespace}
	if t.origin != nil {
		sub.origin = t.origin.Append(p)
	}
	if t.kust.Namespace != "" {
		sub.helmNamespace = t.kust.Namespace
	}
	if err := sub.check(); err != nil {
		return err
	}
	sub.kust.BuildMetadata = t.kust.BuildMetadata
	switch is := kust.Kind == types.ComponentKind; {
	case isComponent && !is:
		return model.Invalidf("%s: its kind is %s; write kind: %s for what components names",
			sub.place(), kust.Kind, types.ComponentKind)
	case is && !isComponent:
		return model.Invalidf("%s: a %s; name it under components instead of resources", sub.place(), types.ComponentKind)
	case is:
		return sub.accumulate(a)
	}
	inner := newAccumulator()
	if err := sub.accumulate(inner); err != nil {
		return err
	}
	if err := a.merge(inner); err != nil {
		return t.wrong("resources", fmt.Errorf("%q: %w", p, err))
	}
	return nil
}

// components adds what components make, which changes what a has.
func (t *target) components(a *accumulator) error {
	for _, p := range t.kust.Components {
		l, err := t.load.base(p)
		if err == nil {
			err = t.base(a, l, p, true)
		}
		if err != nil {
			return t.wrongBase("components", err)
		}
	}
	return nil
}

// wrongBase leaves errors alone that name a kustomization themselves.
func (t *target) wrongBase(field string, err error) error {
	if isFault(err) {
		return t.wrong(field, err)
	}
	return err
}

// inPlace is the origin of what the kustomization file itself makes by a
// built-in of that kind.
func (t *target) inPlace(kind string) *resource.Origin {
	if t.origin == nil {
		return nil
	}
	o := &resource.Origin{Repo: t.origin.Repo, Ref: t.origin.Ref, ConfiguredIn: path.Join(t.origin.Path, path.Base(t.file))}
	o.ConfiguredBy.APIVersion, o.ConfiguredBy.Kind = "builtin", kind
	return o
}

// helpers are what the library's plugins are given. They find no helm.
func (t *target) helpers() *resmap.PluginHelpers {
	return resmap.NewPluginHelpers(t.load, t.b.validator, t.b.factory, types.DisabledPluginConfig())
}

// finish does what comes once, at the end: names with hashes, references,
// variables, and the removal of what was noted on the way.
func (t *target) finish(a *accumulator) (resmap.ResMap, error) {
	hash := builtins.NewHashTransformerPlugin()
	if err := hash.Config(t.helpers(), nil); err != nil {
		return nil, err
	}
	if err := hash.Transform(a.made); err != nil {
		return nil, t.wrong("generators", err)
	}
	if err := t.b.references(a); err != nil {
		return nil, t.b.wrong(t.place(), err)
	}
	if err := a.resolveVars(); err != nil {
		return nil, t.wrong("vars", err)
	}
	if err := a.dropLocal(); err != nil {
		return nil, t.b.wrong(t.place(), err)
	}
	if err := t.order(a); err != nil {
		return nil, err
	}
	return a.made, t.metadata(a.made)
}
