package source

import (
	"os"
	"syscall"
)

// ownGroup puts a command into a process group of its own, which dies with this
// process: a fetch that outlived a kill -9 would disturb the next start.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup ends a command with all that it started.
func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
