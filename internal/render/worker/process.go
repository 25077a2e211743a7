package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// process is a worker, seen from the process that started it. It does one job
// at a time.
type process struct {
	cmd  *exec.Cmd
	out  *os.File
	in   *bufio.Reader
	pipe *os.File
	// said is what it wrote to its standard streams since the last task.
	said *said
	// over is closed when it has ended.
	over chan struct{}
	jobs int
	// idle ends it when it has had nothing to do for long.
	idle *time.Timer
}

// helloTime bounds the start of a worker, which takes milliseconds on a machine
// that is not overwhelmed.
const helloTime = time.Minute

// start starts a worker by means of run, which starts the command.
func start(cmd *exec.Cmd, memory int64, run func(*exec.Cmd) error) (*process, error) {
	hear, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in, speak, err := os.Pipe()
	if err != nil {
		_, _ = hear.Close(), out.Close()
		return nil, err
	}
	p := &process{cmd: cmd, out: out, in: bufio.NewReaderSize(in, 1<<16), pipe: in, said: &said{}, over: make(chan struct{})}
	cmd.ExtraFiles = []*os.File{hear, speak}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	cmd.WaitDelay = time.Second
	err = run(cmd)
	_, _ = hear.Close(), speak.Close()
	if err != nil {
		p.close()
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(p.over)
	}()
	if err := p.greet(memory); err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// greet waits until the worker has confined itself.
func (p *process) greet(memory int64) error {
	late := time.AfterFunc(helloTime, p.kill)
	defer late.Stop()
	if err := writeFrame(p.out, kindSetup, setup{Memory: memory}); err != nil {
		return fmt.Errorf("speaking to it: %w", err)
	}
	_, data, err := readFrame(p.in, func(k kind) int64 {
		if k == kindHello {
			return maxText
		}
		return -1
	})
	if err != nil {
		<-p.over
		return fmt.Errorf("it ended before it was ready (%s): %s", p.cmd.ProcessState, p.said.first(300))
	}
	var h hello
	if err := decode(data, &h); err != nil {
		return err
	}
	if h.Problem != "" {
		return fmt.Errorf("it could not confine itself: %s", clipped(h.Problem))
	}
	if can := sandbox.Available(); h.Confinement != can {
		return fmt.Errorf("it confined itself with %s although there is %s", h.Confinement, can)
	}
	return nil
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

func (p *process) close() { _, _ = p.out.Close(), p.pipe.Close() }

// end ends the worker and waits until it is gone.
func (p *process) end() {
	p.kill()
	<-p.over
	p.close()
}

// dying is how long a worker whose pipe broke may take to say why.
const dying = 5 * time.Second

// bury waits for a worker that is dying, or ends it.
func (p *process) bury(ctx context.Context) {
	late := time.NewTimer(dying)
	defer late.Stop()
	select {
	case <-p.over:
	case <-late.C:
	case <-ctx.Done():
	}
	p.end()
}

// errUntouched: the worker had ended before it had the task.
var errUntouched = errors.New("the worker was gone")

// do lets the worker do a task. The process is of no use any more if healthy is
// false.
func (p *process) do(ctx context.Context, s *server, maxOutput int64) (r model.Rendered, healthy bool, err error) {
	p.jobs++
	p.said.reset()
	stop := context.AfterFunc(ctx, p.kill)
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
		p.kill() // it is not dying on its own
		return r, false, broken.err
	}
	if !begun {
		return r, false, errUntouched
	}
	return r, false, broken.err
}

// broken is an error after which nobody knows what the worker is doing.
type broken struct{ err error }

func (e *broken) Error() string { return e.err.Error() }

// converse sends the task and answers questions until there is an outcome.
// begun: the worker has the task.
func (p *process) converse(s *server, c *collector) (r model.Rendered, begun bool, err error) {
	if err := writeFrame(p.out, kindTask, s.task); err != nil {
		return r, false, &broken{err}
	}
	for {
		k, data, err := readFrame(p.in, func(k kind) int64 { return expected(k, c.left) })
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
func (p *process) question(s *server, k kind, data []byte) error {
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
	return writeFrame(p.out, kindAnswer, a)
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
