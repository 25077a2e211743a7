//go:build unix && !linux

package demo

import "syscall"

// ownGroup keeps a terminal's Ctrl-C from the process, which is told to stop in
// its turn.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
