package demo

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from the process, which is told to stop in
// its turn, and ends it when this one is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
