package render

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// prefixes are overrides that make of each file a part of the name prefix.
type prefixes struct{ names []string }

func (p prefixes) Files() []string { return p.names }

func (p prefixes) Apply(files map[string][]byte) (model.Render, []string, error) {
	r := model.Render{Path: "elsewhere", Env: map[string]string{"a": "theirs"}, Overrides: p}
	for _, name := range p.names {
		r.Kustomize.NamePrefix += string(files[name])
	}
	if r.Kustomize.NamePrefix == "bad" {
		return r, nil, errors.New("bad")
	}
	return r, []string{fmt.Sprint(len(files))}, nil
}

func TestOverride(t *testing.T) {
	tree := newTree(map[string]string{
		"app/one": "1-", "app/two": "2-", "app/dir/f": "", "app/bad": "bad", "app/big": string(make([]byte, maxOverride+1)),
	}).link("app/out", "!")
	for _, c := range []struct {
		names        []string
		prefix, warn string
		err          error
	}{
		{[]string{"one", "two", "none"}, "1-2-", "2", nil},
		{[]string{"none", "dir"}, "", "", nil},
		{[]string{"bad"}, "", "", model.ErrInvalid},
		{[]string{"out"}, "", "", model.ErrInvalid},
		{[]string{"big"}, "", "", model.ErrInvalid},
	} {
		in := inputOf(tree, model.Render{Path: "app", Env: map[string]string{"a": "b"}, Overrides: prefixes{c.names}, Kustomize: model.Kustomize{EnableHelm: true}})
		got, warnings, err := Override(in)
		if !errors.Is(err, c.err) {
			t.Errorf("%q: %v, want %v", c.names, err, c.err)
		}
		if err != nil {
			continue
		}
		if got.Path != "app" || got.Env["a"] != "b" || got.Overrides != nil || !got.Kustomize.EnableHelm || got.Kustomize.NamePrefix != c.prefix {
			t.Errorf("%q: %+v", c.names, got.Render)
		}
		if c.warn != "" && (len(warnings) != 1 || warnings[0] != c.warn) {
			t.Errorf("%q: warnings %q", c.names, warnings)
		}
	}
}
