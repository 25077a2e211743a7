package control

import (
	"flag"
	"io"
	"log"
	"os"

	"k8s.io/klog/v2"
)

// logFile takes what all components log.
const logFile = "log"

// logToFile sends the log of every component to logFile and keeps the one of
// the start before. It must be called before a component starts.
func logToFile() error {
	if err := os.Rename(logFile, logFile+".1"); err != nil && !os.IsNotExist(err) {
		return err
	}
	file, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
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

// unsynced hides a file's Sync, which klog would call for every flush.
type unsynced struct{ io.Writer }
