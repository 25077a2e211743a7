package source

import (
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// sourceIndex finds subscriptions by what a sender of webhooks may call their
// repository. It is guarded by Store.mu.
type sourceIndex map[string]map[model.SourceKey]bool

func (x sourceIndex) add(key model.SourceKey, names []string) {
	for _, name := range names {
		if x[name] == nil {
			x[name] = map[model.SourceKey]bool{}
		}
		x[name][key] = true
	}
}

func (x sourceIndex) remove(key model.SourceKey, names []string) {
	for _, name := range names {
		if delete(x[name], key); len(x[name]) == 0 {
			delete(x, name)
		}
	}
}

// RefreshPush looks now at all subscriptions that a push concerns, and returns
// their number. The URLs are those of one repository, written in any way: scheme,
// user, .git at the end, default port and case do not matter, and a mirror's URL
// counts too. With refs (full names in Git, tags in a registry) only those are
// meant that a push of one of them can change. A suspended one is left alone.
//
// The time it takes does not grow with the number of subscriptions.
func (s *Store) RefreshPush(urls, refs []string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	meant := map[model.SourceKey]bool{}
	for _, raw := range urls {
		for _, name := range pushNames(raw) {
			for key := range s.byName[name] {
				meant[key] = true
			}
		}
	}
	n := 0
	for key := range meant {
		sub := s.subs[key]
		if sub.src.Suspended || !wantsAny(sub.src, refs) {
			continue
		}
		n++
		s.lookNow(sub.group)
	}
	s.poke()
	return n
}

// RefreshURL is RefreshPush of one URL and one ref; "" is any.
func (s *Store) RefreshURL(raw, ref string) int {
	var refs []string
	if ref != "" {
		refs = []string{ref}
	}
	return s.RefreshPush([]string{raw}, refs)
}

// pushNames are the names in the index of a URL.
func pushNames(raw string) []string {
	var out []string
	if r, _, err := parseURL(raw, true); err == nil {
		out = append(out, r.index())
	}
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		out = append(out, strings.ToLower(u.Host+strings.TrimRight(u.Path, "/")))
	}
	return out
}

// wantsAny reports whether a push of one of the refs can change a source. A
// registry's tag may be any version of a chart.
func wantsAny(src model.Source, refs []string) bool {
	if len(refs) == 0 || src.Kind != "" && src.Kind != model.SourceGit {
		return true
	}
	for _, ref := range refs {
		if wants(src.Ref, ref) {
			return true
		}
	}
	return false
}
