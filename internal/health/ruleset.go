package health

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// noRules is the preset of kinds of which nothing can be said.
const noRules = "none"

// ruleset are the rules of some kinds, compiled when the first object comes.
type ruleset struct {
	rules []rule
	// own is how many of the rules are the kinds' own: the others are the preset's.
	own  int
	with map[string]any
	// none: the kinds have no health, not even by their conditions.
	none     bool
	compiled func() []verdict
}

// verdict is a rule that can be evaluated.
type verdict struct {
	when    cel.Program // nil: always
	status  model.HealthStatus
	message []part
}

// part is a piece of a message: a text, or an expression that yields one.
type part struct {
	text string
	expr cel.Program
}

func newRuleset(e entry, presets map[string]preset) (*ruleset, error) {
	s := &ruleset{rules: e.Rules, own: len(e.Rules), none: e.Use == noRules}
	used, known := presets[e.Use]
	if e.Use != "" && !known && !s.none {
		return nil, fmt.Errorf("there is no preset %q", e.Use)
	}
	if len(e.Rules) == 0 && e.Use == "" || s.none && len(e.Rules) > 0 {
		return nil, fmt.Errorf("either rules or a preset is needed; use: %s says that there is no health", noRules)
	}
	s.with = map[string]any{}
	maps.Copy(s.with, used.With)
	for name, value := range e.With {
		if _, ok := used.With[name]; !ok {
			return nil, fmt.Errorf("preset %q has no parameter %q", e.Use, name)
		}
		s.with[name] = value
	}
	s.rules = append(slices.Clip(s.rules), s.needed(used.Rules)...)
	for _, r := range s.rules {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	s.compiled = sync.OnceValue(s.compile)
	return s, nil
}

// needed leaves out the rules of a preset whose parameter is empty.
func (s *ruleset) needed(all []rule) []rule {
	var out []rule
	for _, r := range all {
		switch value := s.with[r.Needs].(type) {
		case string:
			if value == "" {
				continue
			}
		case []any:
			if len(value) == 0 {
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

func (r rule) check() error {
	switch model.HealthStatus(r.Status) {
	case model.Healthy, model.Suspended, model.Progressing, model.Degraded, model.Unknown:
		return nil
	}
	return fmt.Errorf("%q is no health of an object that exists", r.Status)
}

// compile panics over a rule that is wrong: each one is compiled by a test.
func (s *ruleset) compile() []verdict {
	verdicts := make([]verdict, len(s.rules))
	for i, r := range s.rules {
		var err error
		if verdicts[i], err = r.compile(); err != nil {
			panic(err)
		}
	}
	return verdicts
}

func (r rule) compile() (verdict, error) {
	v := verdict{status: model.HealthStatus(r.Status)}
	var err error
	if r.When != "" {
		if v.when, err = compile(r.When, cel.BoolType); err != nil {
			return v, err
		}
	}
	v.message, err = compileMessage(r.Message)
	return v, err
}

// compileMessage reads a text with expressions in braces.
func compileMessage(text string) ([]part, error) {
	var parts []part
	for text != "" {
		plain, rest, found := strings.Cut(text, "{")
		if plain != "" {
			parts = append(parts, part{text: plain})
		}
		if !found {
			break
		}
		expression, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, errors.New("a brace is not closed: " + text)
		}
		expr, err := compile("string("+expression+")", cel.StringType)
		if err != nil {
			return nil, err
		}
		parts, text = append(parts, part{expr: expr}), after
	}
	return parts, nil
}

// judge is the verdict of the first rule that holds; where none does, the common
// conditions decide.
func (s *ruleset) judge(o object) model.Health {
	if s.none {
		return model.Health{}
	}
	in := input{object: o, with: s.with}
	verdicts := s.compiled()
	if i := firstOf(verdicts, in); i < len(verdicts) {
		return model.Health{Status: verdicts[i].status, Message: verdicts[i].text(in)}
	}
	return byConditions(o)
}

// firstOf is the index of the first verdict that holds.
func firstOf(verdicts []verdict, in input) int {
	for i, v := range verdicts {
		if v.when == nil || holds(v.when, in) {
			return i
		}
	}
	return len(verdicts)
}

// holds evaluates a condition. One that can't be evaluated, since a field that it
// reads is not there, does not hold.
func holds(p cel.Program, in input) bool {
	out, _, err := p.Eval(in)
	return err == nil && out == types.True
}

// text is the message; of an expression that can't be evaluated nothing.
func (v verdict) text(in input) string {
	var b strings.Builder
	for _, p := range v.message {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		if out, _, err := p.expr.Eval(in); err == nil {
			text, _ := out.Value().(string)
			b.WriteString(text)
		}
	}
	return b.String()
}
