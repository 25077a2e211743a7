package target

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// change is a declared field that the live object has otherwise.
type change struct {
	path     string
	from, to any
}

// changesOf are the fields of a declared value that differ in the live one, in
// order. What is not declared does not count.
func changesOf(declared, live map[string]any) []change {
	var out []change
	differ("", declared, live, &out)
	return out
}

func differ(path string, declared, live any, out *[]change) {
	switch d := declared.(type) {
	case map[string]any:
		l, _ := live.(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(d)) {
			differ(strings.TrimPrefix(path+"."+k, "."), d[k], l[k], out)
		}
		return
	case []any:
		if l, ok := live.([]any); ok && len(l) == len(d) {
			for i := range d {
				differ(fmt.Sprintf("%s[%d]", path, i), d[i], l[i], out)
			}
			return
		}
	}
	if !equal(declared, live) {
		*out = append(*out, change{path, live, declared})
	}
}

// equal reports whether two values mean the same: numbers whatever their type,
// quantities whatever their unit, nothing and an empty value.
func equal(a, b any) bool {
	if isEmpty(a) && isEmpty(b) || fmt.Sprint(a) == fmt.Sprint(b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	x, err := resource.ParseQuantity(fmt.Sprint(a))
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(fmt.Sprint(b))
	return err == nil && x.Cmp(y) == 0
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// discreet are fields whose values are nobody's business: content, what containers
// get as their environment and arguments, and what is called like a secret.
var discreet = regexp.MustCompile(`(?i)^(data|binaryData|stringData|parameters)\b|\b(env|args|command)\b|annotations|passw|token|secret|credential|[a-z]key\b`)

// text is the change for people.
func (c change) text(ref model.ObjectRef) string {
	if isSecret(ref) || discreet.MatchString(c.path) {
		return c.path + " differs"
	}
	return fmt.Sprintf("%s: %s → %s", c.path, shown(c.from), shown(c.to))
}

// longest is how much of a value is shown.
const longest = 80

func shown(v any) string {
	if v == nil {
		return "nothing"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	text := string(raw)
	if discreet.MatchString(text) && text[0] != '"' {
		return "another"
	}
	if utf8.RuneCountInString(text) > longest {
		return string([]rune(text)[:longest]) + "…"
	}
	return text
}
