package access

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
)

// Rights is a key of what an identity may: while those of two are equal May answers both
// alike, whatever is asked. Each Use makes them others, even if it changes nothing. "" is
// no key: there is no policy.
func (e *Enforcer) Rights(id Identity) string {
	p := e.policy.Load()
	if p == nil {
		return ""
	}
	r := p.memory.reader(id)
	r.once.Do(func() { r.rights = fmt.Sprint(p.serial, " ", p.rights(id)) })
	return r.rights
}

// rights is a hash of all that May makes of an identity: for requests about each project,
// and about none, the lines that its voices have.
func (p *policy) rights(id Identity) string {
	h := sha256.New()
	for _, project := range append([]string{""}, slices.Sorted(maps.Keys(p.projects))...) {
		var voices []string
		for _, voice := range p.voices(id, project) {
			if lines := p.holders(voice, project); len(lines) > 0 {
				voices = append(voices, fmt.Sprintf("%q", lines))
			}
		}
		slices.Sort(voices)
		fmt.Fprintf(h, "%q %q\n", project, slices.Compact(voices))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// holders are those names of a voice that p lines begin with, in order. Voices of equal
// ones have the same verdicts.
func (p *policy) holders(voice, project string) []string {
	holds := func(name string) bool {
		return slices.ContainsFunc(p.scopesOf(project), func(s *scope) bool { return len(s.rules[name]) > 0 })
	}
	names := slices.DeleteFunc(p.names(voice, project), func(name string) bool { return !holds(name) })
	slices.Sort(names)
	return names
}
