//go:build !linux

package sandbox

import (
	"fmt"
	"os"
	"syscall"
)

// Exec makes this process the command. Nothing confines it here.
func Exec(c Command) error {
	if err := os.Chdir(c.Dir); err != nil {
		return fmt.Errorf("entering the folder of the command: %w", err)
	}
	file, err := c.lookup()
	if err != nil {
		return err
	}
	return fmt.Errorf("starting %s: %w", c.Args[0], syscall.Exec(file, c.Args, c.Env))
}
