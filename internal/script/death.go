package script

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// overrun is the error of a script that went beyond a limit.
type overrun struct{ text string }

func (e *overrun) Error() string { return e.text }

// tooLong is the error of a script that ran for too long.
func tooLong(subject string, limit time.Duration) error {
	return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s ran for more than %s and was stopped", subject, limit)})
}

// death says why a worker ended before it answered, in terms of the script. What
// it said is looked through for causes and never passed on: it may hold what the
// object holds.
func (p *process) death(subject string, c Config, err error) error {
	if errors.Is(err, errLate) {
		return tooLong(subject, c.Time)
	}
	if isProtocol(err) {
		return model.Invalidf("%s: the worker sent what it never should (%w) and was ended; please report it", subject, err)
	}
	text := p.said.String()
	switch {
	case containsAny(text, "out of memory", "cannot allocate memory", "failed to create new OS thread"), collectorCrashed(text):
		return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s needed more than %d MiB of memory and was stopped", subject, c.Memory>>20)})
	case containsAny(text, "stack overflow", "stack exceeds"):
		return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s went deeper than a stack of %d MiB allows; "+
			"look for something that calls itself", subject, c.Memory>>22)})
	case killed(p.cmd.ProcessState):
		return model.As(model.ErrTransient, fmt.Errorf("%s: the worker was killed from outside; "+
			"perhaps the machine or the container is short of memory", subject))
	}
	return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s: the worker died (%s); please report it with the script", subject, p.cmd.ProcessState)})
}

// collectorCrashed reports whether the runtime itself crashed: Go's collector does
// not check whether it gets the memory for its own queues.
func collectorCrashed(text string) bool {
	return strings.HasPrefix(text, "SIGSEGV") && strings.Contains(text, "goroutine 0 ")
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

func killed(s *os.ProcessState) bool { return s != nil && s.String() == "signal: killed" }
