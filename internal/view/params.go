package view

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// The bounds of what ParseQuery takes.
const (
	MaxSearch = 512     // bytes of Search
	MaxWords  = 32      // words in it
	MaxValues = 100     // values of all filters: a page has a link without each of them
	MaxBytes  = 4096    // bytes of all values
	MaxValue  = 2048    // bytes of one
	MaxOffset = 1 << 30 // apps before a page
)

// SortKeys are the values of Query.Sort, besides "".
var SortKeys = []string{"name", "status", "health", "sync", "project", "cluster", "namespace", "changed", "revision"}

// Names of filters' values. What is compared is the value, whatever the case of a
// parameter.
var (
	syncStatuses   = []model.SyncStatus{model.Synced, model.OutOfSync, model.SyncUnknown}
	healthStatuses = []model.HealthStatus{
		model.Healthy, model.Suspended, model.Progressing, model.Missing, model.Degraded, model.Unknown,
	}
	phases   = []model.Phase{model.PhaseRunning, model.PhaseSucceeded, model.PhaseFailed, model.PhaseError}
	appKinds = []string{KindApplication, KindKustomization, KindHelmRelease}
)

// ParseQuery reads the parameters that Query.Values writes:
//
//	q                         Search
//	sync health kind phase    filters; the case of a value does not matter
//	project cluster ns label declared repo    filters, as written
//	sort                      a sort key, with "-" before it to turn it round
//	offset limit              the page
//	facets                    1 asks for facets
//
// A filter is repeated for each value; empty values and other parameters don't count.
// An error is model.ErrInvalid and names the parameter.
func ParseQuery(values url.Values) (Query, error) {
	p := params{values: values, left: MaxValues, bytes: MaxBytes}
	q := Query{
		Search: p.search("q"),
		Sync:   oneOf(&p, "sync", syncStatuses), Health: oneOf(&p, "health", healthStatuses),
		Kinds: oneOf(&p, "kind", appKinds), Phases: oneOf(&p, "phase", phases),
		Projects: p.list("project"), Clusters: p.list("cluster"), Namespaces: p.list("ns"),
		Labels: p.list("label"), Declared: p.list("declared"), Repos: p.list("repo"),
		Offset: p.number("offset", MaxOffset), Limit: p.number("limit", MaxLimit),
	}
	q.Sort, q.Desc = p.sort("sort")
	q.Facets = oneOf(&p, "facets", []string{"1", "0"}) != nil && values.Get("facets") == "1"
	if p.err != nil {
		return Query{}, p.err
	}
	return q, nil
}

// Values are the parameters of q, without those that say what holds anyway.
func (q Query) Values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("q", q.Search)
	addAll(v, "sync", q.Sync)
	addAll(v, "health", q.Health)
	addAll(v, "kind", q.Kinds)
	addAll(v, "phase", q.Phases)
	addAll(v, "project", q.Projects)
	addAll(v, "cluster", q.Clusters)
	addAll(v, "ns", q.Namespaces)
	addAll(v, "label", q.Labels)
	addAll(v, "declared", q.Declared)
	addAll(v, "repo", q.Repos)
	switch by := q.Sort; {
	case q.Desc && by == "":
		set("sort", "-name")
	case q.Desc:
		set("sort", "-"+by)
	case by != "name":
		set("sort", by)
	}
	if q.Offset > 0 {
		set("offset", strconv.Itoa(q.Offset))
	}
	if q.Limit > 0 && q.Limit != DefaultLimit {
		set("limit", strconv.Itoa(q.Limit))
	}
	if q.Facets {
		set("facets", "1")
	}
	return v
}

func addAll[T ~string](v url.Values, name string, values []T) {
	for _, x := range values {
		v.Add(name, string(x))
	}
}

// params reads parameters and keeps the first error.
type params struct {
	values url.Values
	// left and bytes are how many values there may still be, and of how many bytes.
	left, bytes int
	err         error
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = model.Invalidf(format, args...)
	}
}

func (p *params) search(name string) string {
	s := p.values.Get(name)
	switch {
	case len(s) > MaxSearch:
		p.fail("parameter %s: at most %d bytes, not %d", name, MaxSearch, len(s))
	case !printable(s):
		p.fail("parameter %s: only printable text", name)
	}
	words := strings.Fields(s)
	if len(words) > MaxWords {
		p.fail("parameter %s: at most %d words, not %d", name, MaxWords, len(words))
	}
	return strings.Join(words, " ")
}

// printable reports whether s is UTF-8 without control characters but white space.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
	})
}

// list are the different values that are not empty, in their order; nil if none.
func (p *params) list(name string) []string {
	var out []string
	for _, v := range p.values[name] {
		p.left, p.bytes = p.left-1, p.bytes-len(v)
		switch {
		case len(v) > MaxValue:
			p.fail("parameter %s: at most %d bytes, not %d", name, MaxValue, len(v))
		case p.left < 0:
			p.fail("parameter %s: all filters together have at most %d values", name, MaxValues)
			return nil
		case p.bytes < 0:
			p.fail("parameter %s: the values of all filters together have at most %d bytes", name, MaxBytes)
			return nil
		case !printable(v):
			p.fail("parameter %s: only printable text", name)
		case v != "" && !slices.Contains(out, v):
			out = append(out, v)
		}
	}
	return out
}

// oneOf is list of values that are known.
func oneOf[T ~string](p *params, name string, known []T) []T {
	var out []T
	for _, v := range p.list(name) {
		i := slices.IndexFunc(known, func(k T) bool { return strings.EqualFold(string(k), v) })
		if i < 0 {
			p.fail("parameter %s: %.40q is none of %s", name, v, listed(known))
			return nil
		}
		if !slices.Contains(out, known[i]) {
			out = append(out, known[i])
		}
	}
	return out
}

func listed[T ~string](known []T) string {
	text := make([]string, len(known))
	for i, k := range known {
		text[i] = string(k)
	}
	return strings.Join(text, ", ")
}

func (p *params) number(name string, most int) int {
	s := p.values.Get(name)
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most {
		p.fail("parameter %s: %.40q is no number from 0 to %d", name, s, most)
		return 0
	}
	return n
}

// sort is a key, "" for name, and whether it is turned round.
func (p *params) sort(name string) (string, bool) {
	s := p.values.Get(name)
	key, desc := strings.CutPrefix(s, "-")
	if s != "" && !slices.Contains(SortKeys, key) {
		p.fail("parameter %s: %.40q is none of %s, with or without - before it", name, s, listed(SortKeys))
	}
	if key == "name" {
		key = ""
	}
	return key, desc
}
