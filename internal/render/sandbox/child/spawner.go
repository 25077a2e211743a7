package child

import (
	"os/exec"
	"runtime"
	"sync"
)

// spawner starts commands from one thread that stays as long as they do: on
// Linux a child can be told to end with its parent, and the parent is a thread.
type spawner struct {
	once sync.Once
	jobs chan spawn
	done chan struct{}
}

type spawn struct {
	cmd *exec.Cmd
	err chan error
}

// start starts the command.
func (s *spawner) start(cmd *exec.Cmd) error {
	s.once.Do(func() {
		s.jobs, s.done = make(chan spawn), make(chan struct{})
		go s.run()
	})
	job := spawn{cmd, make(chan error)}
	s.jobs <- job
	return <-job.err
}

func (s *spawner) run() {
	defer close(s.done)
	// The thread outlives this function: others may have started children from it before.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for job := range s.jobs {
		job.err <- job.cmd.Start()
	}
}

// stop ends the goroutine.
func (s *spawner) stop() {
	s.once.Do(func() {})
	if s.jobs != nil {
		close(s.jobs)
		<-s.done
		s.jobs = nil
	}
}
