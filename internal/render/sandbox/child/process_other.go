//go:build !linux

package child

import (
	"os"
	"syscall"
)

// Self is this program.
func Self() string {
	name, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return name
}

// attributes are those of any process: a child ends when its pipe does.
func attributes() *syscall.SysProcAttr { return nil }

// resident is how much memory a process has: not known.
func resident(int) int64 { return 0 }
