package worker

import (
	"context"
	"errors"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// process is a worker, seen from the process that started it.
type process struct{ *child.Process }

// greet tells a worker what it may take, and hears how it confined itself.
func greet(p *child.Process, s child.Setup) (h child.Hello, err error) {
	if err := writeFrame(p.Out, kindSetup, s); err != nil {
		return h, err
	}
	_, data, err := readFrame(p.In, func(k kind) int64 {
		if k == kindHello {
			return maxText
		}
		return -1
	})
	if err != nil {
		return h, err
	}
	err = decode(data, &h)
	return h, err
}

// do lets the worker do a task. The process is of no use any more if healthy is
// false.
func (p process) do(ctx context.Context, s *server, maxOutput int64) (r model.Rendered, healthy bool, err error) {
	stop := context.AfterFunc(ctx, p.Kill)
	r, begun, err := p.converse(s, &collector{
		dir: s.dir, left: maxOutput, max: maxOutput, maxObjects: s.task.Limits.MaxObjects,
	})
	if !stop() {
		return model.Rendered{}, false, context.Cause(ctx)
	}
	var broken *broken
	if !errors.As(err, &broken) {
		return r, true, err
	}
	if isProtocol(broken.err) || errors.Is(broken.err, model.ErrInvalid) {
		p.Kill() // it is not dying on its own
		return r, false, broken.err
	}
	if !begun {
		return r, false, child.ErrUntouched
	}
	return r, false, broken.err
}

// broken is an error after which nobody knows what the worker is doing.
type broken struct{ err error }

func (e *broken) Error() string { return e.err.Error() }

// converse sends the task and answers questions until there is an outcome.
// begun: the worker has the task.
func (p process) converse(s *server, c *collector) (r model.Rendered, begun bool, err error) {
	if err := writeFrame(p.Out, kindTask, s.task); err != nil {
		return r, false, &broken{err}
	}
	for {
		k, data, err := readFrame(p.In, func(k kind) int64 { return expected(k, c.left) })
		if err != nil {
			return r, begun, &broken{c.tooMuch(err)}
		}
		switch k {
		case kindBegun:
			begun = true
		case kindObjects:
			err = c.add(data)
		case kindResult:
			r, err = c.end(data)
			if !isProtocol(err) {
				return r, begun, err
			}
		default:
			err = p.question(s, k, data)
		}
		if err != nil {
			return r, begun, &broken{err}
		}
	}
}

// question handles a frame that asks or notes.
func (p process) question(s *server, k kind, data []byte) error {
	var q question
	if err := decode(data, &q); err != nil {
		return &protocolError{err.Error()}
	}
	if k == kindNote {
		return s.note(q)
	}
	a, err := s.answer(q)
	if err != nil {
		return err
	}
	return writeFrame(p.Out, kindAnswer, a)
}

// maxQuestion bounds a question; the biggest are those about data keys.
const maxQuestion = 1 << 20

// expected is how big a frame of a kind may be while a task is done.
func expected(k kind, left int64) int64 {
	switch k {
	case kindBegun:
		return 0
	case kindAsk, kindNote, kindResult:
		return maxQuestion
	case kindObjects:
		return max(left, 0)
	}
	return -1
}

func isProtocol(err error) bool {
	var p *protocolError
	return errors.As(err, &p)
}

// tooMuch says so if objects were more than their limit.
func (c *collector) tooMuch(err error) error {
	var big *tooBig
	if errors.As(err, &big) && big.kind == kindObjects {
		return model.Invalidf("%s makes more than %d MiB of objects; split the app", c.dir, c.max>>20)
	}
	if errors.As(err, &big) {
		return &protocolError{big.Error()}
	}
	return err
}
