package compare

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Paths evaluates jq path expressions on an object and returns the paths that
// they lead to, each of field names (string), positions (int or float64) and
// slices (map with "start" and "end"). An expression that does not fit the object
// leads nowhere; an error says that one can't be read, or takes too long.
type Paths func(ctx context.Context, exprs []string, obj map[string]any) ([][]any, error)

// Rules say what of one object does not count. The zero value ignores nothing
// beyond what never counts.
type Rules struct {
	pointers, jq, managers []string
	known                  *typing
	types                  map[string]string // what known is made of
	respect, webhooks      bool
	aggregates             bool
}

// For compiles what applies to one object. A type in KnownTypes that nobody knows
// is left out, see Unknown.
func For(c model.Comparison, key model.ObjectKey) Rules {
	r := Rules{respect: c.Respect, webhooks: c.KeepWebhooks, aggregates: isClusterRole(key)}
	for _, f := range c.Ignore {
		if !matches(f, key) {
			continue
		}
		r.pointers = append(r.pointers, f.Pointers...)
		r.jq = append(r.jq, f.JQ...)
		r.managers = append(r.managers, f.Managers...)
	}
	for _, list := range []*[]string{&r.pointers, &r.jq, &r.managers} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	r.types = c.KnownTypes[key.Group+"_"+key.Kind]
	r.known = knownTypes(r.types)
	return r
}

// Digest changes with what counts as a difference; zero where everything does.
func (r Rules) Digest() model.Digest {
	if r.Empty() && !r.webhooks {
		return model.Digest{}
	}
	text, err := json.Marshal([]any{r.pointers, r.jq, r.managers, r.types, r.webhooks, r.aggregates})
	if err != nil {
		panic(err) // they are texts
	}
	return model.DigestOf(text)
}

// Empty reports whether who owns the object's fields tells all that counts: then
// nothing of it is ignored or read in a way of its own.
func (r Rules) Empty() bool { return !r.Ignores() && r.known == nil && !r.aggregates }

// Ignores reports whether the rules leave fields of the object out.
func (r Rules) Ignores() bool { return len(r.pointers)+len(r.jq)+len(r.managers) > 0 }

// Respects reports whether ignored fields are to stay as they are when the object
// is written: then Differ.Respect says what to write.
func (r Rules) Respects() bool { return r.respect && r.Ignores() || r.aggregates }

func isClusterRole(key model.ObjectKey) bool {
	return key.Group == "rbac.authorization.k8s.io" && key.Kind == "ClusterRole"
}

func matches(f model.IgnoredFields, key model.ObjectKey) bool {
	return glob(f.Group, key.Group) && glob(f.Kind, key.Kind) &&
		cmp.Or(f.Namespace, key.Namespace) == key.Namespace && cmp.Or(f.Name, key.Name) == key.Name
}

// glob knows *, ?, [abc] and {a,b}. A pattern that is none matches only itself.
func glob(pattern, s string) bool {
	before, rest, found := strings.Cut(pattern, "{")
	inner, after, closed := strings.Cut(rest, "}")
	if found && closed {
		return slices.ContainsFunc(strings.Split(inner, ","), func(one string) bool { return glob(before+one+after, s) })
	}
	ok, err := path.Match(pattern, s)
	return ok && err == nil || pattern == s
}
