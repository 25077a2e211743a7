package argoapi

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// selection is which Applications a request is about.
type selection struct {
	query  view.Query
	name   string
	names  []string // "name" or "namespace/name"
	repo   string
	labels labels.Selector
}

// selection reads the parameters of lists and streams.
func (c *call) selection() (selection, error) {
	s := selection{name: c.query.Get("name"), names: c.values("names"), repo: c.query.Get("repo")}
	var err error
	if s.labels, err = labels.Parse(c.query.Get("selector")); err != nil {
		return s, invalid("parameter selector: %v", err)
	}
	s.query = view.Query{Kinds: []string{view.KindApplication}, Projects: c.values("project", "projects"), Limit: view.MaxLimit}
	if ns := c.query.Get("appNamespace"); ns != "" {
		s.query.Declared = []string{ns}
	}
	if isName(s.name) {
		s.query.Search = "name:" + s.name
	}
	return s, nil
}

// isName reports whether a search finds it as it stands.
func isName(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})
}

// takes reports whether an Application is one of those that were asked for.
func (s *selection) takes(app view.App, object map[string]any) bool {
	key := app.Key
	if s.name != "" && s.name != key.Name {
		return false
	}
	if len(s.names) > 0 && !slices.Contains(s.names, key.Name) && !slices.Contains(s.names, key.Namespace+"/"+key.Name) {
		return false
	}
	if s.repo != "" && !slices.Contains(repos(object), s.repo) {
		return false
	}
	return s.labels.Empty() || s.labels.Matches(labels.Set(texts(object, "labels")))
}

// repos are the addresses of an Application's sources.
func repos(object map[string]any) []string {
	spec, _ := object["spec"].(map[string]any)
	all, _ := spec["sources"].([]any)
	var out []string
	for _, s := range append([]any{spec["source"]}, all...) {
		source, _ := s.(map[string]any)
		if url, ok := source["repoURL"].(string); ok {
			out = append(out, url)
		}
	}
	return out
}

// item is an Application with its object.
type item struct {
	key    model.AppKey
	object map[string]any
}

// snapshot is what a selection finds.
type snapshot struct {
	items []item
	// state is what it was found in.
	state state
}

// state is that of a query: it is another whenever its answer may be.
type state struct {
	// version is that of the newest change that the reader may see.
	version uint64
	// apps is of the keys of those that the query finds, whose number may stay the same
	// where rights change.
	apps model.Digest
}

// find asks for page after page, and anew if something changes meanwhile; what changes
// all the time is found as it comes.
func (c *call) find(s selection) (snapshot, error) {
	for try := 0; ; try++ {
		out, steady, err := c.pages(s)
		if err != nil || steady || try == 3 {
			return out, err
		}
	}
}

func (c *call) pages(s selection) (out snapshot, steady bool, err error) {
	steady = true
	q, seen := s.query, map[model.AppKey]bool{}
	var keys []byte
	for q.Offset = 0; ; q.Offset += view.MaxLimit {
		objects, page, err := c.desk.Manifests(c.r.Context(), q)
		if err != nil {
			return out, false, err
		}
		steady = steady && (q.Offset == 0 || page.Version == out.state.version)
		out.state.version, keys = page.Version, withKeys(keys, page)
		for i, app := range page.Apps {
			if app.Key.Dialect != dialect || seen[app.Key] {
				continue
			}
			seen[app.Key] = true
			if object := shown(objects[i]); s.takes(app, object) {
				out.items = append(out.items, item{app.Key, object})
			}
		}
		if q.Offset+view.MaxLimit >= page.Total {
			out.state.apps = model.DigestOf(keys)
			return out, steady, nil
		}
	}
}

// state is that of a selection's query now. No object is read for it.
func (c *call) state(s selection) (out state, err error) {
	q := s.query
	var keys []byte
	for q.Offset = 0; ; q.Offset += view.MaxLimit {
		page, err := c.desk.Apps(c.r.Context(), q)
		if err != nil {
			return out, err
		}
		out.version, keys = page.Version, withKeys(keys, page)
		if q.Offset+view.MaxLimit >= page.Total {
			out.apps = model.DigestOf(keys)
			return out, nil
		}
	}
}

// withKeys adds the keys of a page's apps.
func withKeys(keys []byte, page view.Page) []byte {
	for _, app := range page.Apps {
		keys = append(append(keys, app.Key.String()...), 0)
	}
	return keys
}

// newest is the highest resource version among the items; "0" if there is none.
func (s snapshot) newest() string {
	var newest uint64
	for _, i := range s.items {
		newest = max(newest, number(resourceVersion(i.object)))
	}
	return strconv.FormatUint(newest, 10)
}

// number is a resource version's; 0 if it is none.
func number(version string) uint64 {
	n, _ := strconv.ParseUint(version, 10, 64)
	return n
}

// listApps writes a list one item after the other: there may be thousands.
func listApps(c *call) (any, error) {
	s, err := c.selection()
	if err != nil {
		return nil, err
	}
	found, err := c.find(s)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found.items, func(a, b item) int {
		return cmp.Or(strings.Compare(a.key.Name, b.key.Name), strings.Compare(a.key.Namespace, b.key.Namespace))
	})
	c.w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(c.w, `{"metadata":{"resourceVersion":"`+found.newest()+`"},"items":[`)
	wanted := fieldsOf(c.query.Get("fields"))
	only := wanted.below("items")
	nothing := !wanted.exclude && !wanted.all() && only.all() && !wanted.has("items")
	for i, it := range found.items {
		object := only.of(it.object)
		if nothing {
			object = struct{}{}
		}
		raw, err := json.Marshal(object)
		if err != nil {
			panic(err) // it came from JSON
		}
		if i > 0 {
			raw = append([]byte(","), raw...)
		}
		if _, err := c.w.Write(raw); err != nil {
			return nil, nil // nobody reads it
		}
	}
	_, _ = io.WriteString(c.w, "]}")
	return nil, nil
}
