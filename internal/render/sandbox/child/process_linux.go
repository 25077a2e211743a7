package child

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// Self is this program, even if another has taken its place on the disk since.
func Self() string { return "/proc/self/exe" }

// attributes let a child end with this process, and keep signals of a
// terminal away from it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// resident is how much memory a process has of its own, in bytes, without the
// pages of its program; 0 if that is not known.
func resident(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 3 {
		return 0
	}
	all, err := strconv.ParseInt(string(fields[1]), 10, 64)
	shared, err2 := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil || err2 != nil {
		return 0
	}
	return (all - shared) * int64(os.Getpagesize())
}
