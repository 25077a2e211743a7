package child

import (
	"fmt"
	"slices"
	"strings"
)

// Cause is what a child died of.
type Cause int

// The causes that are known, and Unknown.
const (
	Unknown Cause = iota
	// OutOfMemory: it wanted more memory than it may have.
	OutOfMemory
	// TooDeep: it wanted more stack than StackOf its memory.
	TooDeep
	// Killed: another process killed it.
	Killed
)

// Death is the error of a task that cost its child the life.
type Death struct {
	Cause Cause
	// State is how the child ended, as the system says it.
	State string
	// Said is the beginning of what the child wrote to its standard streams. It may
	// hold what the task holds, so that it can be looked through for causes, and not
	// be passed on.
	Said string
	// Err is the error of the task.
	Err error
}

func (d *Death) Error() string { return fmt.Sprintf("the worker died (%s): %s", d.State, d.Err) }

func (d *Death) Unwrap() error { return d.Err }

// death is that of a child that is gone.
func (p *Process) death(err error) *Death {
	text, state := p.said.String(), p.cmd.ProcessState.String()
	return &Death{Cause: causeOf(text, state), State: state, Said: text, Err: err}
}

func causeOf(text, state string) Cause {
	switch {
	case containsAny(text, "out of memory", "cannot allocate memory", "failed to create new OS thread"), collectorCrashed(text):
		return OutOfMemory
	case containsAny(text, "stack overflow", "stack exceeds"):
		return TooDeep
	case state == "signal: killed":
		return Killed
	}
	return Unknown
}

// collectorCrashed reports whether the runtime itself crashed: Go's collector does
// not check whether it gets the memory for its own queues.
func collectorCrashed(text string) bool {
	return strings.Contains("\n"+text, "\nSIGSEGV") && strings.Contains(text, "\ngoroutine 0 ")
}

func containsAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}
