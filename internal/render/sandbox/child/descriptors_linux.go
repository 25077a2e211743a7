package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeInherited closes descriptors that came with the process by mistake. Those
// of Go's runtime are its own: they don't survive the start of a program.
func closeInherited() {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return // no /proc: the process that started this one passes none
	}
	for _, e := range open {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= descriptorOut {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
