package script

import (
	"context"
	"errors"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// process is a worker, seen from the process that started it.
type process struct{ *child.Process }

// greet tells a worker what it may take, and hears how it confined itself.
func greet(p *child.Process, s child.Setup) (h child.Hello, err error) {
	if err := writeValue(p.Out, kindSetup, s); err != nil {
		return h, err
	}
	err = readValue(p.In, kindHello, &h)
	return h, err
}

// errLate: the worker was ended because it had not answered in time.
var errLate = errors.New("the worker did not answer in time")

// grace is what a worker gets beyond a script's own time to stop it: a function
// of a library is not interrupted.
const grace = time.Second

// ask lets the worker answer. It is of no use any more after an error.
func (p process) ask(ctx context.Context, q question, object []byte) (a answer, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, q.Time+grace, errLate)
	defer cancel()
	stop := context.AfterFunc(ctx, p.Kill)
	a, err = p.converse(q, object)
	if !stop() {
		return a, context.Cause(ctx)
	}
	if isProtocol(err) {
		p.Kill() // it is not dying on its own
	}
	return a, err
}

func (p process) converse(q question, object []byte) (a answer, err error) {
	if err := writeValue(p.Out, kindQuestion, q); err != nil {
		return a, child.ErrUntouched
	}
	if err := writeFrame(p.Out, kindObject, object); err != nil {
		return a, child.ErrUntouched
	}
	if _, err := readFrame(p.In, kindBegun); err != nil {
		if isProtocol(err) {
			return a, err
		}
		return a, child.ErrUntouched
	}
	err = readValue(p.In, kindAnswer, &a)
	return a, err
}

func isProtocol(err error) bool {
	var p *protocolError
	return errors.As(err, &p)
}
