package compare

import (
	"context"
	"fmt"
	"k8s.io/apimachinery/pkg/util/json"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Differ compares one object. Its zero value counts all but what never counts.
type Differ struct {
	Rules Rules
	// Paths evaluates the rules' jq expressions; needed where there are some.
	Paths Paths
	// Manager is the field manager that the object is applied with. "" is nobody's:
	// then what only admission webhooks and defaults change counts as well.
	Manager string
	// Former are managers whose updates, client-side applies, become Manager's own
	// together with its own updates, see model.Write.Migrate.
	Former []string
	// Desired is what is declared; nil if that is not known. Where the live object
	// is as it says, webhooks make the difference.
	Desired []byte
	// Labels and Annotations are names of those that don't count.
	Labels, Annotations []string
}

var _ model.Judge = Differ{}

// Difference is a field that is not as an apply would make it. Values of Secrets
// are hidden: equal ones look equal, different ones different.
type Difference struct {
	// Path is a JSON pointer into what an apply would make, or into the live object
	// where that doesn't have the field. Field is the place for people to read.
	Path, Field string
	// Live and After are the values; nil for none.
	Live, After any
}

// Diff lists the differences that count between a live object and what an apply
// would make of it, by field. An object that does not exist is nil.
func (d Differ) Diff(ctx context.Context, live, after map[string]any) ([]Difference, error) {
	s, err := d.sides(ctx, live, after)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for _, f := range s.differences() {
		if d.counts(s, f) {
			out = append(out, f.Difference)
		}
	}
	return out, nil
}

// Thorough reports whether what webhooks change counts: it leaves ownership as it is.
func (d Differ) Thorough() bool { return d.Rules.webhooks }

// Counting are a live object and what an apply would make of it without what does
// not count: what is left to be compared. Values of Secrets are hidden as in Diff.
func (d Differ) Counting(ctx context.Context, live, after map[string]any) (left, right map[string]any, err error) {
	s, err := d.sides(ctx, live, after)
	if err != nil {
		return nil, nil, err
	}
	return s.live, s.after, nil
}

// Judge compares a live object with what an apply would make of it.
func (d Differ) Judge(ctx context.Context, live, after map[string]any) (model.Judgement, error) {
	s, err := d.sides(ctx, live, after)
	if err != nil {
		return model.Judgement{}, err
	}
	for _, f := range s.differences() {
		if d.counts(s, f) {
			return model.Judgement{}, nil
		}
	}
	return model.Judgement{Same: true, Owned: d.owned(s)}, nil
}

// sides are the two objects without what does not count.
type sides struct {
	live, after, desired     map[string]any
	liveEntries, nextEntries []entry
	shape                    shape
	typing                   *typing
}

func (d Differ) sides(ctx context.Context, live, after map[string]any) (*sides, error) {
	s := &sides{liveEntries: entriesOf(live), nextEntries: entriesOf(after), typing: d.Rules.known}
	s.shape = shapeOf(append(append([]entry{}, s.liveEntries...), s.nextEntries...)...)
	if t := builtIn(live); t != nil {
		s.typing = t
	} else if t := builtIn(after); t != nil {
		s.typing = t
	}
	var err error
	if s.live, err = d.trimmed(ctx, live, s); err != nil {
		return nil, err
	}
	if s.after, err = d.trimmed(ctx, after, s); err != nil {
		return nil, err
	}
	if d.Desired != nil {
		if err := json.Unmarshal(d.Desired, &s.desired); err != nil {
			return nil, fmt.Errorf("reading what is declared: %w", err)
		}
		encodeSecret(s.desired)
	}
	mask := model.Mask{}
	for _, o := range []map[string]any{s.live, s.after, s.desired} {
		mask.Hide(o)
	}
	return s, nil
}

// trimmed is a copy of one side without what does not count.
func (d Differ) trimmed(ctx context.Context, obj map[string]any, s *sides) (map[string]any, error) {
	if obj == nil {
		return nil, nil
	}
	out := clone(obj).(map[string]any)
	d.strip(out)
	ignored, err := d.ignored(ctx, out)
	if err != nil {
		return nil, err
	}
	var cuts []cut
	for _, list := range ignored {
		for _, p := range list {
			cuts = append(cuts, cut{at: p})
		}
	}
	cuts = append(cuts, cutsOf(out, fieldsOf(s.liveEntries, d.ignoredManager), nil)...)
	out, _ = remove(out, cuts).(map[string]any)
	return out, nil
}

// counts reports whether a difference is one of the object's own. What the server
// or a webhook adds is nobody's doing who declares it.
func (d Differ) counts(s *sides, f found) bool {
	if d.Rules.webhooks || d.Manager == "" || len(s.nextEntries) == 0 {
		return true
	}
	ours := fieldsOf(s.liveEntries, d.ours).Union(fieldsOf(s.nextEntries, d.ours))
	return (touches(ours, f.place) || touches(ours, plainText(f.place))) && !s.holds(f)
}

// plainText is where a value of a Secret's data was declared if it was in stringData:
// then that is owned, and nobody owns what it became.
func plainText(p place) place {
	if len(p) == 2 && p[0].Equals(field("data")) {
		return place{field("stringData"), p[1]}
	}
	return p
}

func (d Differ) ours(e entry) bool {
	return e.subresource == "" && e.manager == d.Manager || d.clientSide(e)
}

// clientSide reports whether an entry is of an older client-side apply that is
// taken over.
func (d Differ) clientSide(e entry) bool {
	return len(d.Former) > 0 && e.operation == updated && e.subresource == "" &&
		(e.manager == d.Manager || slices.Contains(d.Former, e.manager))
}

// holds reports whether a field is live as declared.
func (s *sides) holds(f found) bool {
	if s.desired == nil {
		return false
	}
	declared, isDeclared := lookup(s.desired, f.place)
	live, isLive := lookup(s.live, f.place)
	if !isDeclared || !isLive {
		return isDeclared == isLive
	}
	return within(declared, live, f.typing)
}

// within reports whether b has all that a says.
func within(a, b any, t *typing) bool {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if !isMap || !both {
		return equal(a, b, t)
	}
	for k, v := range x {
		if other, ok := y[k]; !ok && !void(v, t.field(k)) || ok && !within(v, other, t.field(k)) {
			return false
		}
	}
	return true
}

// owned reports whether the live object's managedFields give the manager all that
// an apply would, and that counts: only then they will tell when it changes.
func (d Differ) owned(s *sides) bool {
	if d.Manager == "" {
		return true
	}
	mine := func(e entry) bool { return e.manager == d.Manager && e.subresource == "" }
	ours := fieldsOf(s.liveEntries, mine)
	declared := fieldsOf(s.nextEntries, func(e entry) bool { return mine(e) && e.operation == applied })
	all := true
	declared.Leaves().Iterate(func(p fieldpath.Path) {
		if !all || covers(ours, p) {
			return
		}
		if _, counts := lookup(s.after, p); counts {
			all = false
		}
	})
	return all
}
