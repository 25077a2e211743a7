package child

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// Process is a child, seen from the process that started it. It does one task at
// a time.
type Process struct {
	// Out is where it hears, In what it speaks.
	Out *os.File
	In  *bufio.Reader

	cmd  *exec.Cmd
	pipe *os.File
	// said is what it wrote to its standard streams since the last task.
	said *said
	// over is closed when it has ended.
	over  chan struct{}
	tasks int
	// idle ends it when it has had nothing to do for long.
	idle *time.Timer
}

// start starts a child by means of run, which starts the command.
func start(program string, args []string, run func(*exec.Cmd) error) (*Process, error) {
	hear, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in, speak, err := os.Pipe()
	if err != nil {
		_, _ = hear.Close(), out.Close()
		return nil, err
	}
	cmd := exec.Command(program, args...)
	p := &Process{Out: out, In: bufio.NewReaderSize(in, 1<<16), cmd: cmd, pipe: in, said: &said{}, over: make(chan struct{})}
	cmd.Args[0] = os.Args[0]
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes()
	cmd.ExtraFiles = []*os.File{hear, speak}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	cmd.WaitDelay = dying
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
	return p, nil
}

// Greet tells a child what it may take, and hears how it confined itself.
type Greet func(*Process, Setup) (Hello, error)

// helloTime bounds the start of a child, which takes milliseconds on a machine
// that is not overwhelmed.
const helloTime = time.Minute

// shown is how much is told of what a child said that did not start.
const shown = 500

// meet waits until the child has confined itself. It is of no use after an error.
func (p *Process) meet(greet Greet, s Setup) error {
	late := time.AfterFunc(helloTime, p.Kill)
	defer late.Stop()
	h, err := greet(p, s)
	switch {
	case err != nil:
		p.bury(context.Background())
		return fmt.Errorf("it ended before it was ready (%s): %s", p.cmd.ProcessState, p.said.first(shown))
	case h.Problem != "":
		return fmt.Errorf("it could not confine itself: %s", Clipped(h.Problem, shown))
	}
	if can := sandbox.Available(); h.Confinement != can {
		return fmt.Errorf("it confined itself with %s although there is %s", h.Confinement, can)
	}
	return nil
}

// Kill lets the child end.
func (p *Process) Kill() { _ = p.cmd.Process.Kill() }

func (p *Process) close() { _, _ = p.Out.Close(), p.pipe.Close() }

// end ends the child and waits until it is gone.
func (p *Process) end() {
	p.Kill()
	<-p.over
	p.close()
}

// dying is how long a child whose pipe broke may take to say why, on a machine that is
// overwhelmed, and what it said to be read.
const dying = 30 * time.Second

// bury waits for a child that is dying, or ends it.
func (p *Process) bury(ctx context.Context) {
	late := time.NewTimer(dying)
	defer late.Stop()
	select {
	case <-p.over:
	case <-late.C:
	case <-ctx.Done():
	}
	p.end()
}
