package helm

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	gotemplate "text/template"
)

// Functions whose result grows with a number are bounded: maxText in bytes of
// text, maxSteps in elements of a list.
const (
	maxText  = 16 << 20
	maxSteps = 1_000_000
)

// bounded are the functions that differ from Helm's where those would fill the
// memory, or would return lists in an order that changes.
var bounded = gotemplate.FuncMap{
	"keys":   sortedKeys,
	"values": sortedValues,
	"repeat": func(count int, text string) (string, error) {
		if count < 0 {
			return "", fmt.Errorf("a count below 0")
		}
		if err := fits("repeat", count, len(text)); err != nil {
			return "", err
		}
		return strings.Repeat(text, count), nil
	},
	"indent": indent,
	"nindent": func(spaces int, text string) (string, error) {
		out, err := indent(spaces, text)
		return "\n" + out, err
	},
	"until": func(count int) ([]int, error) {
		if err := steps("until", 0, count, 1); err != nil {
			return nil, err
		}
		return sprigFunctions["until"].(func(int) []int)(count), nil
	},
	"untilStep": func(start, stop, step int) ([]int, error) {
		if err := steps("untilStep", start, stop, step); err != nil {
			return nil, err
		}
		return sprigFunctions["untilStep"].(func(int, int, int) []int)(start, stop, step), nil
	},
	"seq":          seq,
	"randAlpha":    boundedText("randAlpha"),
	"randAlphaNum": boundedText("randAlphaNum"),
	"randAscii":    boundedText("randAscii"),
	"randNumeric":  boundedText("randNumeric"),
	"randBytes": func(count int) (string, error) {
		if err := fits("randBytes", count, 1); err != nil {
			return "", err
		}
		return sprigFunctions["randBytes"].(func(int) (string, error))(count)
	},
}

func boundedText(name string) func(int) (string, error) {
	return func(count int) (string, error) {
		if err := fits(name, count, 1); err != nil {
			return "", err
		}
		return sprigFunctions[name].(func(int) string)(count), nil
	}
}

// fits fails if count times size bytes are too many.
func fits(name string, count, size int) error {
	if size > 0 && count > maxText/size {
		return fmt.Errorf("%s makes more than %d MiB of text", name, maxText>>20)
	}
	return nil
}

func steps(name string, start, stop, step int) error {
	span := max(stop, start) - min(stop, start)
	if span < 0 || span/max(step, -step, 1) > maxSteps {
		return fmt.Errorf("%s makes a list of more than %d numbers", name, maxSteps)
	}
	return nil
}

func indent(spaces int, text string) (string, error) {
	if spaces < 0 {
		return "", fmt.Errorf("an indent below 0")
	}
	lines := 1 + strings.Count(text, "\n")
	if err := fits("indent", spaces, lines); err != nil {
		return "", err
	}
	pad := strings.Repeat(" ", spaces)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad), nil
}

func seq(params ...int) (string, error) {
	start, stop, step := 1, 0, 1
	switch len(params) {
	case 1:
		stop = params[0]
	case 2:
		start, stop = params[0], params[1]
	case 3:
		start, step, stop = params[0], params[1], params[2]
	}
	if err := steps("seq", start, stop, step); err != nil {
		return "", err
	}
	return sprigFunctions["seq"].(func(...int) string)(params...), nil
}

// sortedKeys are the keys of each map in their order, one map after the other.
func sortedKeys(dicts ...map[string]any) []string {
	out := []string{}
	for _, m := range dicts {
		out = append(out, slices.Sorted(maps.Keys(m))...)
	}
	return out
}

// sortedValues are the values of a map, in the order of its keys.
func sortedValues(m map[string]any) []any {
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}
