package compare

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// pairing are places, within lists that are owned as a whole, that one expression
// finds on both sides.
type pairing struct{ want, live []place }

// pair takes what is live for what is wanted, in the order in which both were
// found, list by list.
func (r *respecting) pair(p pairing) {
	var gone []cut
	var more []place
	for _, list := range lists(p) {
		wanted, there := below(p.want, list), below(p.live, list)
		for i, at := range wanted {
			if i >= len(there) {
				gone = append(gone, cut{at: at})
				continue
			}
			live, _ := lookup(r.live, there[i])
			replace(r.want, at, live)
		}
		if len(there) > len(wanted) {
			more = append(more, there[len(wanted):]...)
		}
	}
	r.want, _ = remove(r.want, gone).(map[string]any)
	for _, at := range more {
		live, _ := lookup(r.live, at)
		add(r.want, at, live)
	}
}

// lists are the places of the lists that a pairing is in, each once.
func lists(p pairing) []place {
	var out []place
	for _, at := range append(append([]place{}, p.want...), p.live...) {
		i := slices.IndexFunc(at, func(s fieldpath.PathElement) bool { return s.Index != nil })
		if list := at[:i]; !slices.ContainsFunc(out, list.Equals) {
			out = append(out, list)
		}
	}
	return out
}

func below(places []place, list place) []place {
	var out []place
	for _, p := range places {
		if len(p) > len(list) && p[:len(list)].Equals(list) && p[len(list)].Index != nil {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, place.Compare)
	return out
}
