package live

import "time"

// object is a decoded object; its methods give zero values for what is not there, or
// is not of the type that is asked for.
type object map[string]any

func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func (o object) text(path ...string) string { s, _ := o.at(path...).(string); return s }

func (o object) truth(path ...string) bool { b, _ := o.at(path...).(bool); return b }

func (o object) child(path ...string) object {
	m, _ := o.at(path...).(map[string]any)
	return m
}

func (o object) has(path ...string) bool { return o.at(path...) != nil }

func (o object) number(path ...string) int64 {
	switch n := o.at(path...).(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// list are the elements that are objects.
func (o object) list(path ...string) []object {
	all, _ := o.at(path...).([]any)
	var out []object
	for _, e := range all {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// texts are the elements that are texts.
func (o object) texts(path ...string) []string {
	all, _ := o.at(path...).([]any)
	var out []string
	for _, e := range all {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// time is zero where there is none that can be read.
func (o object) time(path ...string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, o.text(path...))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// condition is the one of that type.
func (o object) condition(of string) object {
	for _, c := range o.list("status", "conditions") {
		if c.text("type") == of {
			return c
		}
	}
	return nil
}
