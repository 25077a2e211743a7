package source

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// refKey names what was asked for below refs/fixpoint/<scope>/.
func refKey(ref model.Ref) string {
	return hashName(strings.Join([]string{ref.Commit, ref.Name, ref.SemVer, ref.Tag, ref.Branch, ref.Any}, "\x00"))
}

// kept is a commit that was good when it was last looked at.
type kept struct{ commit, name string }

// keep notes good commits, so that they serve after a restart without a remote.
// The caller uses the mirror.
func (m *mirror) keep(ctx context.Context, scope string, good map[model.Ref]kept) error {
	old, err := m.keptRefs(ctx, scope)
	if err != nil {
		return err
	}
	var b strings.Builder
	for ref, k := range good {
		path := "refs/fixpoint/" + scope + "/" + refKey(ref) + "/"
		name := path + "n-" + hex.EncodeToString([]byte(k.name[:min(len(k.name), 100)]))
		for o := range old {
			if o != name && strings.HasPrefix(o, path) {
				fmt.Fprintf(&b, "delete %s\n", o)
			}
		}
		if old[name] != k.commit {
			fmt.Fprintf(&b, "update %s %s\n", name, k.commit)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err = m.local(ctx, "noting the commits of", b.String(), "update-ref", "--stdin")
	return err
}

// recall finds the commit that was last good for a scope and a ref.
func (m *mirror) recall(ctx context.Context, scope string, ref model.Ref) (kept, bool) {
	refs, err := m.keptRefs(ctx, scope)
	if err != nil {
		return kept{}, false
	}
	prefix := "refs/fixpoint/" + scope + "/" + refKey(ref) + "/n-"
	for full, commit := range refs {
		if code, ok := strings.CutPrefix(full, prefix); ok {
			name, err := hex.DecodeString(code)
			return kept{commit: commit, name: string(name)}, err == nil
		}
	}
	return kept{}, false
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
