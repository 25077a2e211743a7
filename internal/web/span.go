package web

import (
	"net/url"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// span is the time that a list is asked for: Since is how long back, one of spans; From
// and To are days of UTC as a form has them, To included. Of Since and From the later counts.
type span struct{ Since, From, To string }

// spans are the times back that can be chosen.
var spans = []struct {
	name, text string
	back       time.Duration
}{
	{"", "any time", 0},
	{"1h", "the last hour", time.Hour},
	{"24h", "the last 24 hours", 24 * time.Hour},
	{"7d", "the last 7 days", 7 * 24 * time.Hour},
	{"30d", "the last 30 days", 30 * 24 * time.Hour},
}

func spanOf(v url.Values) span { return span{v.Get("since"), v.Get("from"), v.Get("to")} }

// Spans are the options of Since.
func (s span) Spans() []option {
	var out []option
	for _, of := range spans {
		out = append(out, option{Value: of.name, Text: of.text, Chosen: of.name == s.Since})
	}
	return out
}

// times are its bounds; zero where there is none.
func (s span) times(now time.Time) (from, to time.Time, err error) {
	if from, err = dayOf("from", s.From); err != nil {
		return from, to, err
	}
	if to, err = dayOf("to", s.To); err != nil {
		return from, to, err
	}
	if !to.IsZero() {
		to = to.AddDate(0, 0, 1)
	}
	for _, of := range spans {
		if of.name != s.Since {
			continue
		}
		if since := now.Add(-of.back); of.back > 0 && since.After(from) {
			from = since
		}
		return from, to, nil
	}
	return from, to, model.Invalidf("parameter since: %.40q is none of 1h, 24h, 7d, 30d", s.Since)
}

func dayOf(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return at, model.Invalidf("parameter %s: %.40q is no day such as 2026-01-31", name, s)
	}
	return at, nil
}
