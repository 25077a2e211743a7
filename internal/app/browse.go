package app

import (
	"os/exec"
	"runtime"
)

// browse opens an address in the browser of whoever is at this machine. That it shows it
// is not known: a machine may have none.
func browse(address string) error {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		cmd = exec.Command("open", address)
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	default:
		cmd = exec.Command("xdg-open", address)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // it may stay as long as the browser
}
