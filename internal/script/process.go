package script

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// process is a worker, seen from the process that started it. It answers one
// question at a time.
type process struct {
	cmd  *exec.Cmd
	out  *os.File
	pipe *os.File
	in   *bufio.Reader
	// said is what it wrote to its standard error since the last question.
	said *said
	// over is closed when it has ended.
	over  chan struct{}
	tasks int
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
	p := &process{cmd: cmd, out: out, pipe: in, in: bufio.NewReaderSize(in, 1<<14), said: &said{}, over: make(chan struct{})}
	cmd.ExtraFiles = []*os.File{hear, speak}
	cmd.Stderr = p.said
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
	if err := writeValue(p.out, kindSetup, setup{Memory: memory}); err != nil {
		return fmt.Errorf("speaking to it: %w", err)
	}
	var h hello
	if err := readValue(p.in, kindHello, &h); err != nil {
		p.kill()
		<-p.over
		return fmt.Errorf("it ended before it was ready (%s): %.300s", p.cmd.ProcessState, clipped(p.said.String()))
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

var (
	// errUntouched: the worker had ended before it had the question.
	errUntouched = errors.New("the worker was gone")
	// errLate: it was ended because it had not answered in time.
	errLate = errors.New("the worker did not answer in time")
)

// grace is what a worker gets beyond a script's own time to stop it: a function
// of a library is not interrupted.
const grace = time.Second

// ask lets the worker answer. It is of no use any more after an error.
func (p *process) ask(ctx context.Context, q question, object []byte) (a answer, err error) {
	p.tasks++
	p.said.reset()
	ctx, cancel := context.WithTimeoutCause(ctx, q.Time+grace, errLate)
	defer cancel()
	stop := context.AfterFunc(ctx, p.kill)
	a, err = p.converse(q, object)
	if !stop() {
		return a, context.Cause(ctx)
	}
	if isProtocol(err) {
		p.kill() // it is not dying on its own
	}
	return a, err
}

func (p *process) converse(q question, object []byte) (a answer, err error) {
	if err := writeValue(p.out, kindQuestion, q); err != nil {
		return a, errUntouched
	}
	if err := writeFrame(p.out, kindObject, object); err != nil {
		return a, errUntouched
	}
	if _, err := readFrame(p.in, kindBegun); err != nil {
		if isProtocol(err) {
			return a, err
		}
		return a, errUntouched
	}
	err = readValue(p.in, kindAnswer, &a)
	return a, err
}

func isProtocol(err error) bool {
	var p *protocolError
	return errors.As(err, &p)
}
