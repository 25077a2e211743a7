package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long the control plane may take to stop before it is ended.
const stopTimeout = 30 * time.Second

// controlPlane is a running localcluster.
type controlPlane struct {
	dir   string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has
	err   error         // how; set before ended is closed
	tail  *tail
}

// startControlPlane starts one in dir and waits until it is ready. What it says
// goes to out; waiting is called now and then with how long it has taken.
func startControlPlane(ctx context.Context, program, dir string, port int, out io.Writer, waiting func(time.Duration)) (*controlPlane, error) {
	c := &controlPlane{dir: dir, ended: make(chan struct{}), tail: &tail{}}
	c.cmd = exec.Command(program, "--dir", dir, "--port", strconv.Itoa(port))
	c.cmd.Stdout, c.cmd.Stderr = out, c.tail
	c.cmd.SysProcAttr = ownGroup()
	started := make(chan error, 1)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return c, c.await(ctx, waiting)
}

// run starts the process and waits for its end, in one thread: the process ends
// with the thread that started it, so that none is left when the demo is killed.
func (c *controlPlane) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.ended)
	err := c.cmd.Start()
	started <- err
	if err == nil {
		c.err = c.cmd.Wait()
	}
}

// await waits for the file that says that the cluster is ready.
func (c *controlPlane) await(ctx context.Context, waiting func(time.Duration)) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for {
		if _, err := os.Stat(filepath.Join(c.dir, "ready")); err == nil {
			return nil
		}
		select {
		case <-tick.C:
			waiting(time.Since(began))
		case <-c.ended:
			return c.failure()
		case <-ctx.Done():
			c.stop()
			return context.Cause(ctx)
		}
	}
}

// failure is why the process has ended by itself.
func (c *controlPlane) failure() error {
	if c.err == nil {
		return fmt.Errorf("the control plane has ended: %s", c.tail)
	}
	return fmt.Errorf("the control plane has ended: %w: %s", c.err, c.tail)
}

// stop ends the process, kindly at first.
func (c *controlPlane) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

func (c *controlPlane) kubeconfig() string { return filepath.Join(c.dir, "admin.kubeconfig") }

// localcluster finds the program; "" is the one beside this program.
func localcluster(program string) (string, error) {
	if program == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("finding the program localcluster: %w: name it with --localcluster", err)
		}
		if real, err := filepath.EvalSymlinks(self); err == nil {
			self = real
		}
		program = filepath.Join(filepath.Dir(self), "localcluster")
	}
	switch info, err := os.Stat(program); {
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%s is not there: 'make build' in Fixpoint's repository makes it; "+
			"or use a cluster that you have, with --kubeconfig FILE", program)
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s is a folder: name the program localcluster", program)
	}
	return filepath.Abs(program)
}

// tail keeps the end of what a process writes.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.buf.Write(p)
	if over := t.buf.Len() - tailSize; over > 0 {
		t.buf.Next(over)
	}
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.buf.String())
}
