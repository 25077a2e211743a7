package plugin

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// errFound ends a walk.
var errFound = errors.New("found")

// hasFile reports whether a file below dir matches a pattern; its name is
// relative to dir.
func hasFile(tree model.Tree, dir, pattern string, stars bool) (bool, error) {
	look := func(name string) error {
		if dir != "." {
			name = strings.TrimPrefix(name, dir+"/")
		}
		if matches(pattern, name, stars) {
			return errFound
		}
		return nil
	}
	err := reading(tree, look, look).dir(dir, 0, 0)
	if errors.Is(err, errFound) {
		return true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return false, err
}

// rememberedDirs is how many directories' plugins are remembered.
const rememberedDirs = 10_000

// remembered is what was discovered for a directory of this content before. key
// is zero if that can't be told.
func (r *Runner) remembered(in model.RenderInput, dir string) (key model.Digest, known bool, name string) {
	hash, err := in.Tree.Hash(dir)
	if err != nil {
		return key, false, ""
	}
	settings, err := json.Marshal([]any{in.Plugin, in.Env})
	if err != nil {
		return key, false, ""
	}
	if !r.lookAtSettings() {
		settings = nil
	}
	key = model.DigestOf([]byte(hash), []byte(dir), settings)
	r.mu.Lock()
	defer r.mu.Unlock()
	name, known = r.found[key]
	return key, known, name
}

// lookAtSettings reports whether a discovery is a command, which may look at
// the app's settings.
func (r *Runner) lookAtSettings() bool {
	for _, p := range r.Plugins {
		if d := p.Discover; d.FileName == "" && d.Glob == "" && len(d.Command) > 0 {
			return true
		}
	}
	return false
}

func (r *Runner) remember(key model.Digest, name string) {
	if key.IsZero() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.found == nil || len(r.found) >= rememberedDirs {
		r.found = map[model.Digest]string{}
	}
	r.found[key] = name
}
