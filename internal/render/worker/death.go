package worker

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// death says why a worker ended in the middle of a task, in terms of the app.
// What it said is looked through for causes and never passed on: it may hold
// what the app's files hold.
func (p *process) death(dir string, memory int64, err error) error {
	if errors.Is(err, model.ErrInvalid) {
		return err
	}
	if isProtocol(err) {
		return model.Invalidf("rendering %s: the worker sent what it never should (%w) and was ended; please report it", dir, err)
	}
	text := p.said.String()
	switch {
	case containsAny(text, "out of memory", "cannot allocate memory", "failed to create new OS thread"):
		return model.Invalidf("rendering %s needed more than %d MiB of memory; split the app or raise the limit", dir, memory>>20)
	case containsAny(text, "stack overflow", "stack exceeds"):
		return model.Invalidf("rendering %s went deeper than a stack of %d MiB allows%s; "+
			"look for something that includes itself", dir, memory>>22, where(text))
	case killed(p.cmd.ProcessState):
		return model.As(model.ErrTransient, fmt.Errorf("rendering %s: the worker was killed from outside; "+
			"perhaps the machine or the container is short of memory", dir))
	}
	return model.Invalidf("rendering %s: the worker died (%s)%s; please report it with the files", dir, p.cmd.ProcessState, where(text))
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

func killed(s *os.ProcessState) bool { return s != nil && s.String() == "signal: killed" }

// called is a line of a stack trace: a function, without its arguments.
var called = regexp.MustCompile(`(?m)^([\w.\-/]+\.[\w.()*\[\]]+)\(`)

// where names the innermost functions of a trace that are not the runtime's.
func where(trace string) string {
	var names []string
	for _, m := range called.FindAllStringSubmatch(trace, -1) {
		if strings.HasPrefix(m[1], "runtime.") || slices.Contains(names, m[1]) {
			continue
		}
		if names = append(names, m[1]); len(names) == 3 {
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " in " + strings.Join(names, " < ")
}
