package web

import (
	"net/http"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

type auditPage struct {
	Frame
	Audits []view.Audit
	// By, Action, Object and Outcome are what is asked for.
	By, Action, Object, Outcome string
	Filtered                    bool
	span
	trail
}

func (w *Web) audit(r *http.Request) (Page, error) {
	v := r.URL.Query()
	p := &auditPage{
		Frame: Frame{Title: "Audit trail", Nav: "audit", Template: "audit"},
		By:    v.Get("who"), Action: v.Get("action"), Object: v.Get("object"), Outcome: v.Get("outcome"),
		span: spanOf(v),
	}
	q := view.AuditQuery{Who: p.By, Action: p.Action, Object: p.Object, Outcome: p.Outcome}
	var err error
	if q.From, q.To, err = p.times(w.now()); err != nil {
		return nil, err
	}
	if q.Before, q.Limit, err = p.read("/audit", v, 100); err != nil {
		return nil, err
	}
	if p.Audits, err = view.DeskOf(r.Context()).Audits(r.Context(), q); err != nil {
		return nil, err
	}
	p.Address, p.Filtered = p.here(), p.filters()
	if n := len(p.Audits); n > 0 {
		p.end(n, p.Audits[n-1].ID)
	}
	return p, nil
}

// Outcomes are what an audited deed may have come to.
func (p *auditPage) Outcomes() []string { return []string{"allowed", "denied", "failed"} }
