package control

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// logFile takes what all components log.
const logFile = "log"

// logToFile sends the log of every component to logFile and keeps the one of
// the start before. It must be called before a component starts. os.Stderr
// stays what it was, for the errors that end the process.
func logToFile() error {
	if err := os.Rename(logFile, logFile+".1"); err != nil && !os.IsNotExist(err) {
		return err
	}
	file, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := divertStderr(file); err != nil {
		return fmt.Errorf("sending the log to a file: %w", err)
	}
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{
		"logtostderr": "false", "alsologtostderr": "false", "stderrthreshold": "FATAL", "one_output": "true",
	} {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	klog.SetOutput(unsynced{file})
	log.SetOutput(file)
	return nil
}

// divertStderr makes file descriptor 2 another name of file, and os.Stderr a
// new one of the terminal. The API server's etcd client takes descriptor 2
// before main begins and can be told nothing else.
func divertStderr(file *os.File) error {
	terminal, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	os.Stderr = os.NewFile(uintptr(terminal), "stderr")
	if err := unix.Dup2(int(file.Fd()), 2); err != nil {
		return err
	}
	return debug.SetCrashOutput(os.Stderr, debug.CrashOptions{})
}

// unsynced hides a file's Sync, which klog would call for every flush.
type unsynced struct{ io.Writer }
