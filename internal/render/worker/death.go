package worker

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// died says why a worker ended in the middle of a task, in terms of the app.
func died(d *child.Death, dir string, memory int64) error {
	switch {
	case errors.Is(d.Err, model.ErrInvalid):
		return d.Err
	case isProtocol(d.Err):
		return model.Invalidf("rendering %s: the worker sent what it never should (%w) and was ended; please report it", dir, d.Err)
	case d.Cause == child.OutOfMemory:
		return model.Invalidf("rendering %s needed more than %d MiB of memory; split the app or raise the limit", dir, memory>>20)
	case d.Cause == child.TooDeep:
		return model.Invalidf("rendering %s went deeper than a stack of %d MiB allows%s; "+
			"look for something that includes itself", dir, child.StackOf(memory)>>20, where(d.Said))
	case d.Cause == child.Killed:
		return model.As(model.ErrTransient, fmt.Errorf("rendering %s: the worker was killed from outside; "+
			"perhaps the machine or the container is short of memory", dir))
	}
	return model.Invalidf("rendering %s: the worker died (%s)%s; please report it with the files", dir, d.State, where(d.Said))
}

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
