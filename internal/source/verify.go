package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/signed"
)

// verify says who signed a commit, or its tag, as it is demanded.
// model.ErrUnverified if nobody who is trusted has.
func (r *repository) verify(v *model.Verify, g *good) (string, error) {
	if v == nil {
		return "", nil
	}
	keys := signed.Read(v.GPG, v.SSH)
	var all []string
	if v.Tag {
		who, err := r.verifyTag(keys, g)
		if err != nil {
			return "", err
		}
		all = append(all, "tag signed with "+who)
	}
	if v.Commit || !v.Tag {
		who, err := r.verifyObject(keys, g.id, "commit", signed.Commit, nil)
		if err != nil {
			return "", fmt.Errorf("commit %s: %w", g.id, err)
		}
		all = append(all, "commit signed with "+who)
	}
	return strings.Join(all, ", "), nil
}

// verifyTag refuses a tag that was signed for another commit or under another
// name, too: moving an old tag must not bring its release back.
func (r *repository) verifyTag(keys signed.Keys, g *good) (string, error) {
	name := strings.TrimPrefix(g.name, "refs/tags/")
	if g.tag == "" {
		return "", model.As(model.ErrUnverified, model.As(model.ErrDenied, fmt.Errorf("%q is no annotated tag, and a signed one is demanded", g.name)))
	}
	who, err := r.verifyObject(keys, g.tag, "tag", signed.Tag, func(o signed.Object) error {
		switch {
		case o.Name != name:
			return fmt.Errorf("it was signed under the name %q", o.Name)
		case o.Type != "commit" || o.Target != g.id:
			return errors.New("it was signed for something else than the commit")
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("tag %q: %w", name, err)
	}
	return who, nil
}

func (r *repository) verifyObject(keys signed.Keys, id, kind string, parse func([]byte) (signed.Object, error), also func(signed.Object) error) (string, error) {
	at, err := parseOID(id)
	if err != nil {
		return "", err
	}
	is, data, err := r.mirror.reader.read(at, 1<<20)
	if err == nil && is != kind {
		err = fmt.Errorf("%s is a %s and not a %s", id, is, kind)
	}
	if err != nil {
		return "", model.As(model.ErrTransient, err)
	}
	o, err := parse(data)
	if err != nil {
		return "", err
	}
	who, err := keys.Verify(o, time.Now())
	if err == nil && also != nil {
		if err = also(o); err != nil {
			err = model.As(model.ErrUnverified, model.As(model.ErrDenied, err))
		}
	}
	return who, err
}

// verifiedName is where a commit is kept that was verified. Its beginning is the
// same for all keys.
func verifiedName(src model.Source) (prefix, name string) {
	prefix = refName(src.Ref) + "/v-"
	return prefix, prefix + digestOf(src.Verify)[:16]
}

func (r *repository) keepVerified(ctx context.Context, src model.Source, g *good) {
	done, err := r.mirror.use(ctx)
	if err != nil {
		return
	}
	defer done()
	_, name := verifiedName(src)
	r.keep(ctx, map[string]kept{name: {commit: g.id, name: g.name, tag: g.tag}})
}

// lastVerified is the newest of the commits that were verified before, by
// whatever keys, and that today's keys verify too.
func (r *repository) lastVerified(ctx context.Context, key askKey, src model.Source) *view {
	prefix, _ := verifiedName(src)
	done, err := r.mirror.use(ctx)
	if err != nil {
		return nil
	}
	names := r.mirror.keptNames(ctx, r.access.scope(), prefix)
	var old []*good
	for _, name := range names {
		if k, ok := r.mirror.recall(ctx, r.access.scope(), name); ok {
			if g, err := r.read(k); err == nil {
				old = append(old, g)
			}
		}
	}
	done()
	var best *view
	for _, g := range old {
		if best != nil && !g.commit.Time.After(best.of.commit.Time) {
			continue
		}
		if v, err := r.view(ctx, key, src, g); err == nil {
			best = v
		}
	}
	return best
}
