package web

import "github.com/fixpoint-cd/fixpoint/internal/view"

// pager is where one is in a list of pages. Addresses are "" at the ends.
type pager struct {
	From, To, Total           int
	First, Before, Next, Last string
}

// Pager is that of the list.
func (p *appsPage) Pager() pager {
	size := p.Ask.Limit
	if size == 0 {
		size = view.DefaultLimit
	}
	at := func(offset int) string {
		a := p.Ask
		a.Offset = max(offset, 0)
		return a.path()
	}
	offset := p.Ask.Offset
	out := pager{From: min(offset+1, p.Total), To: offset + len(p.Apps), Total: p.Total}
	if offset > 0 {
		out.First, out.Before = at(0), at(offset-size)
	}
	if offset+size < p.Total {
		out.Next, out.Last = at(offset+size), at((p.Total-1)/size*size)
	}
	return out
}
