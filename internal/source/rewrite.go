package source

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Rewrite is a mirror: a repository whose URL begins with Prefix can also be had
// from Base plus the rest of its URL. Prefix ends at a slash, or where one follows.
//
// Where several apply, their bases are tried in the order of the configuration.
// The original URL comes last, unless it is itself a base (Prefix and Base are
// equal), which puts it at that place. A base that cannot be reached or does not
// have the repository is passed over; one that cannot be reached is asked again
// after five minutes at the latest, so that it costs its timeout once in a while
// and not at every look. A base that lags behind never takes a repository back to
// a commit that was left before.
//
// The credentials of the source are used at its bases as well, so a base has to be
// trusted like the original; they are not sent over plain http to another machine
// when the original is encrypted. Base must not hold credentials of its own.
type Rewrite struct{ Prefix, Base string }

func checkRewrites(rewrites []Rewrite, allowLocal bool) error {
	for _, w := range rewrites {
		if w.Prefix == "" || w.Base == "" {
			return model.As(model.ErrInvalid, fmt.Errorf("mirror %q=%q: both sides are needed, as PREFIX=BASE", withoutUserinfo(w.Prefix), withoutUserinfo(w.Base)))
		}
		_, user, err := parseURL(join(w.Base, "repository"), allowLocal)
		if err != nil {
			return fmt.Errorf("mirror of %s: %w", withoutUserinfo(w.Prefix), err)
		}
		if user != nil {
			return model.As(model.ErrInvalid, fmt.Errorf("mirror of %s: the base %s must not hold credentials; the source's own are used", withoutUserinfo(w.Prefix), withoutUserinfo(w.Base)))
		}
	}
	return nil
}

// bases are the places to get a repository from, in their order.
func bases(r remote, rewrites []Rewrite, allowLocal bool) []remote {
	var out []remote
	seen := map[string]bool{}
	add := func(b remote) {
		if !seen[b.key()] {
			seen[b.key()] = true
			out = append(out, b)
		}
	}
	for _, w := range rewrites {
		rest, ok := cutPrefix(r.String(), w.Prefix)
		if !ok {
			continue
		}
		if b, _, err := parseURL(join(w.Base, rest), allowLocal); err == nil {
			add(b)
		}
	}
	add(r)
	return out
}

// cutPrefix cuts whole path elements; the host's case does not matter.
func cutPrefix(url, prefix string) (string, bool) {
	if len(url) < len(prefix) || !strings.EqualFold(url[:len(prefix)], prefix) {
		return "", false
	}
	rest := url[len(prefix):]
	whole := strings.HasSuffix(prefix, "/") || strings.HasSuffix(prefix, ":") ||
		rest == "" || rest == ".git" || strings.HasPrefix(rest, "/")
	return rest, whole
}

func join(base, rest string) string {
	if rest == "" || rest == ".git" || strings.HasSuffix(base, ":") {
		return base + rest
	}
	return strings.TrimRight(base, "/") + "/" + strings.TrimLeft(rest, "/")
}
