//go:build !linux

package script

import (
	"os"
	"syscall"
)

// self is this program.
func self() string {
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// attributes are those of any process: a worker ends when its pipe does.
func attributes() *syscall.SysProcAttr { return nil }

// resident is how much memory a process has: not known.
func resident(int) int64 { return 0 }

// closeInherited has nothing to close: Go passes on no descriptors.
func closeInherited() {}
