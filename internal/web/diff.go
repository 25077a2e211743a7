package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// diffLines is how many lines a page shows; of what is beyond it names the objects.
const diffLines = 3000

// fewFields is how many fields a page names of those that somebody set.
const fewFields = 5

// diffPage is what a sync would change.
type diffPage struct {
	Frame
	appHead
	// Revision is what the reader asks for, "" what the app follows. Split shows before
	// and after side by side.
	Revision     string
	Noise, Split bool
	// Only is the one object that is shown; nil is all.
	Only *model.ObjectKey
	// Err says why there is no diff, Waits for what it waits.
	Err, Waits     string
	Diff           view.Diff
	Objects        []diffObject
	Added, Removed int
	Failing        int
	values         url.Values
}

// diffObject is the diff of an object.
type diffObject struct {
	view.ObjectDiff
	ID    string
	Split bool
	// Parts are its hunks; none if Cut, where the page has enough lines already.
	Parts []diffPart
	Cut   bool
}

// diffPart is a hunk, as lines or as rows, with the field that it is within.
type diffPart struct {
	Within string
	Lines  []view.Line
	Rows   []diffRow
}

func (w *Web) diffPage(r *http.Request) (Page, error) {
	head, err := w.head(r, "diff")
	if err != nil {
		return nil, err
	}
	v := r.URL.Query()
	p := &diffPage{
		appHead: head, Frame: head.frameOf("diff", head.App.Key.Name+": diff"),
		Revision: strings.TrimSpace(v.Get("revision")), Noise: v.Get("noise") != "", Split: v.Get("split") != "", values: v,
	}
	if key, ok := objectOf(r); ok {
		p.Only = &key
	}
	if isGlance(r) {
		return p, nil
	}
	d, err := view.DeskOf(r.Context()).Diff(r.Context(), head.App.Key, view.DiffQuery{
		Revision: p.Revision, Noise: p.Noise, Object: p.Only, Now: !isCapture(r),
	})
	if errors.Is(err, view.ErrNoTurn) {
		p.Waits, _ = explained(err)
		return p, nil
	}
	if err != nil {
		p.Err, _ = explained(err)
		return p, nil
	}
	p.take(d)
	return p, nil
}

func (p *diffPage) take(d view.Diff) {
	p.Diff = d
	lines := 0
	for _, o := range d.Objects {
		p.Added, p.Removed = p.Added+o.Added, p.Removed+o.Removed
		if o.Err != "" {
			p.Failing++
		}
		out := diffObject{ObjectDiff: o, ID: "d" + mark(o.Ref.ObjectKey.String()), Split: p.Split}
		for _, h := range o.Hunks {
			lines += len(h.Lines)
		}
		if out.Cut = lines > diffLines && p.Only == nil; !out.Cut {
			out.Parts = partsOf(o.Hunks, p.Split)
		}
		p.Objects = append(p.Objects, out)
	}
}

func partsOf(hunks []view.Hunk, split bool) []diffPart {
	var parts []diffPart
	for _, h := range hunks {
		if len(h.Lines) == 0 {
			continue
		}
		part := diffPart{Within: h.Within, Lines: h.Lines}
		if split {
			part.Lines, part.Rows = nil, sideBySide(h.Lines)
		}
		parts = append(parts, part)
	}
	return parts
}

// with is the page's address with a parameter changed; "" removes it.
func (p *diffPage) with(name, value string) string {
	v := url.Values{}
	for k, old := range p.values {
		if k != name {
			v[k] = old
		}
	}
	if value != "" {
		v.Set(name, value)
	}
	return p.Path + "/diff?" + v.Encode()
}

func flip(on bool) string {
	if on {
		return ""
	}
	return "1"
}

// FlipNoise and FlipSplit are the addresses with the other setting.
func (p *diffPage) FlipNoise() string { return p.with("noise", flip(p.Noise)) }

// FlipSplit is the address of the other form.
func (p *diffPage) FlipSplit() string { return p.with("split", flip(p.Split)) }

// AllObjects is the address of the whole diff.
func (p *diffPage) AllObjects() string {
	q := url.Values{}
	for _, name := range []string{"revision", "noise", "split"} {
		if v := p.values.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	return p.Path + "/diff?" + q.Encode()
}

// OnlyPath is the address of the diff of one object alone.
func (p *diffPage) OnlyPath(ref model.ObjectRef) string {
	q := objectQuery(ref.ObjectKey)
	for _, name := range []string{"revision", "noise", "split"} {
		if v := p.values.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	return p.Path + "/diff?" + q.Encode()
}

// Verb says in a word what a sync would do with the object.
func (o diffObject) Verb() string {
	switch o.Action {
	case model.ActionCreate:
		return "Create"
	case model.ActionUpdate, model.ActionCheck:
		return "Update"
	case model.ActionDelete:
		return "Prune"
	case model.ActionLeave:
		return "Leave"
	case model.ActionWait:
		return "Wait"
	case model.ActionRefuse:
		return "Refuse"
	}
	return "Keep"
}

// Stays says why the object stays though it is no longer declared; "" of all others.
func (o diffObject) Stays() string {
	switch {
	case o.Action != model.ActionLeave:
		return ""
	case o.Reason == "" || strings.HasSuffix(o.Reason, "pruning is off"):
		return "stays, because pruning is off"
	}
	return "stays: " + o.Reason
}

// Tone is the colour of the verb.
func (o diffObject) Tone() string {
	switch {
	case o.Err != "" || o.Action == model.ActionRefuse || o.Action == model.ActionDelete:
		return "bad"
	case o.Action == model.ActionCreate:
		return "good"
	case o.Action == model.ActionUpdate || o.Action == model.ActionCheck:
		return "warn"
	}
	return "calm"
}
