package source

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// refName names what was asked for below refs/fixpoint/<scope>/.
func refName(ref model.Ref) string { return digestOf(ref)[:32] }

// kept is a commit that was good when it was last looked at, and the annotated
// tag that was verified with it.
type kept struct{ commit, name, tag string }

// keep notes good commits under names, so that they serve after a restart
// without a remote. The caller uses the mirror.
func (m *mirror) keep(ctx context.Context, scope string, good map[string]kept) error {
	old, err := m.keptRefs(ctx, scope)
	if err != nil {
		return err
	}
	var b strings.Builder
	for name, k := range good {
		path := "refs/fixpoint/" + scope + "/" + name + "/"
		now := map[string]string{path + "n-" + hex.EncodeToString([]byte(k.name[:min(len(k.name), 100)])): k.commit}
		if k.tag != "" {
			now[path+"tag"] = k.tag
		}
		for o := range old {
			rest, mine := strings.CutPrefix(o, path)
			if _, stays := now[o]; mine && !stays && !strings.Contains(rest, "/") {
				fmt.Fprintf(&b, "delete %s\n", o)
			}
		}
		for full, id := range now {
			if old[full] != id {
				fmt.Fprintf(&b, "update %s %s\n", full, id)
			}
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err = m.local(ctx, "noting the commits of", b.String(), "update-ref", "--stdin")
	return err
}

// recall finds the commit that was last good under a name.
func (m *mirror) recall(ctx context.Context, scope, name string) (kept, bool) {
	refs, err := m.keptRefs(ctx, scope)
	if err != nil {
		return kept{}, false
	}
	path := "refs/fixpoint/" + scope + "/" + name + "/"
	for full, commit := range refs {
		if code, ok := strings.CutPrefix(full, path+"n-"); ok {
			name, err := hex.DecodeString(code)
			return kept{commit: commit, name: string(name), tag: refs[path+"tag"]}, err == nil
		}
	}
	return kept{}, false
}

// keptNames are those under which something is kept and that begin with a prefix.
func (m *mirror) keptNames(ctx context.Context, scope, prefix string) []string {
	refs, err := m.keptRefs(ctx, scope)
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for full := range refs {
		rest := strings.TrimPrefix(full, "refs/fixpoint/"+scope+"/")
		if name, _, ok := strings.Cut(rest, "/n-"); ok && strings.HasPrefix(name, prefix) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (m *mirror) keptRefs(ctx context.Context, scope string) (map[string]string, error) {
	out, err := m.local(ctx, "reading the commits of", "", "for-each-ref", "--format=%(objectname) %(refname)", "refs/fixpoint/"+scope+"/")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if id, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			refs[name] = id
		}
	}
	return refs, nil
}
