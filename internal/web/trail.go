package web

import (
	"net/url"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// trail is where one is in a list that is read from its newest entry on.
type trail struct {
	path   string
	values url.Values
	limit  int
	step   int
	// More shows more below what is shown, Older goes on after it; "" at the end.
	// Newest is the beginning, "" if that is what is shown.
	More, Older, Newest string
}

const longest = 500

// read takes the place from the parameters before and limit.
func (t *trail) read(path string, v url.Values, step int) (before int64, limit int, err error) {
	t.path, t.values, t.step = path, v, step
	if s := v.Get("before"); s != "" {
		if before, err = strconv.ParseInt(s, 10, 64); err != nil || before < 1 {
			return 0, 0, model.Invalidf("parameter before: %.40q is no number of an entry", s)
		}
		t.Newest = t.at(map[string]string{"before": "", "limit": ""})
	}
	t.limit = step
	if s := v.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > longest {
			return 0, 0, model.Invalidf("parameter limit: %.40q is no number from 1 to %d", s, longest)
		}
		t.limit = n
	}
	return before, t.limit, nil
}

// end says how many there were, and which was the last.
func (t *trail) end(n int, last int64) {
	switch {
	case n < t.limit:
	case t.limit+t.step <= longest:
		t.More = t.at(map[string]string{"limit": strconv.Itoa(t.limit + t.step)})
	default:
		t.Older = t.at(map[string]string{"before": strconv.FormatInt(last, 10), "limit": ""})
	}
}

// filters reports whether anything but the place is asked for.
func (t *trail) filters() bool {
	for name, values := range t.values {
		if name != "before" && name != "limit" && len(values) > 0 && values[0] != "" {
			return true
		}
	}
	return false
}

func (t *trail) here() string { return t.at(nil) }

// at is the address with other parameters; those that are empty are left out.
func (t *trail) at(other map[string]string) string {
	v := url.Values{}
	for name, values := range t.values {
		for _, value := range values {
			if _, replaced := other[name]; !replaced && value != "" {
				v.Add(name, value)
			}
		}
	}
	for name, value := range other {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return t.path
	}
	return t.path + "?" + v.Encode()
}
