package script

import (
	"errors"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// overrun is the error of a script that went beyond a limit.
type overrun struct{ text string }

func (e *overrun) Error() string { return e.text }

// tooLong is the error of a script that ran for too long.
func tooLong(subject string, limit time.Duration) error {
	return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s ran for more than %s and was stopped", subject, limit)})
}

// died says why a worker ended before it answered, in terms of the script.
func died(d *child.Death, subject string, c Config) error {
	switch {
	case errors.Is(d.Err, errLate):
		return tooLong(subject, c.Time)
	case isProtocol(d.Err):
		return model.Invalidf("%s: the worker sent what it never should (%w) and was ended; please report it", subject, d.Err)
	case d.Cause == child.OutOfMemory:
		return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s needed more than %d MiB of memory and was stopped", subject, c.Memory>>20)})
	case d.Cause == child.TooDeep:
		return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s went deeper than a stack of %d MiB allows; "+
			"look for something that calls itself", subject, child.StackOf(c.Memory)>>20)})
	case d.Cause == child.Killed:
		return model.As(model.ErrTransient, fmt.Errorf("%s: the worker was killed from outside; "+
			"perhaps the machine or the container is short of memory", subject))
	}
	return model.As(model.ErrInvalid, &overrun{fmt.Sprintf("%s: the worker died (%s); please report it with the script", subject, d.State)})
}
