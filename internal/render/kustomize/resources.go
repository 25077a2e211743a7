package kustomize

import (
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"sigs.k8s.io/kustomize/api/resource"
)

// resources adds what files and bases make, in their order.
func (t *target) resources(a *accumulator, field string, paths []string) error {
	var files []*resource.Resource
	flush := func() error {
		err := a.add(files)
		files = nil
		if err != nil {
			return t.wrong(field, err)
		}
		return nil
	}
	for _, p := range paths {
		made, l, err := t.resource(p)
		if err != nil {
			return t.wrong(field, err)
		}
		if l == nil {
			files = append(files, made...)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		if err := t.base(a, l, p, false); err != nil {
			return t.wrongBase(field, err)
		}
	}
	return flush()
}

// resource is what a path stands for: resources of a file, or the loader of a
// base.
func (t *target) resource(p string) ([]*resource.Resource, *loader, error) {
	if isFileURL(p) {
		return t.url(p)
	}
	if _, ok := remoteBase(p); ok {
		l, err := t.load.base(p)
		return nil, l, err
	}
	name, err := t.load.name(p)
	if err != nil {
		return nil, nil, err
	}
	if k, err := t.load.files.Kind(name); err != nil {
		return nil, nil, err
	} else if k == input.Dir {
		l, err := t.load.base(p)
		return nil, l, err
	}
	made, err := t.resourceFile(p)
	return made, nil, err
}

func (t *target) resourceFile(p string) ([]*resource.Resource, error) {
	data, err := t.load.Load(p)
	if err != nil {
		return nil, err
	}
	made, err := t.b.parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", publicURL(p), err)
	}
	if t.origin != nil {
		for _, r := range made {
			if err := r.SetOrigin(t.origin.Append(p)); err != nil {
				return nil, err
			}
		}
	}
	return made, nil
}

// url is what a URL stands for.
func (t *target) url(p string) ([]*resource.Resource, *loader, error) {
	kind := kindOfURL(p)
	if kind != urlRepository {
		made, err := t.resourceFile(p)
		if err == nil || kind == urlFile {
			return made, nil, err
		}
		t.b.in.Heal()
	}
	l, err := t.load.base(p)
	return nil, l, err
}
