package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Command is a program to run confined.
type Command struct {
	// Args are the program, looked for in the PATH of Env unless it has a /, and
	// its arguments.
	Args []string
	// Dir is where it runs.
	Dir string
	// Env is all of its environment.
	Env []string
	// Read are files and folders that it may read and execute, besides those of
	// the system; what does not exist is left out.
	Read []string
	// Write are folders in which it may do everything with files.
	Write []string
	// Network lets it use TCP and UDP.
	Network bool
	Limits  Limits
	// CPU is how much of a processor's time each of its processes gets; 0 is no
	// limit.
	CPU time.Duration
	// FileSize is how big a file may become that it writes; 0 is no limit.
	FileSize int64
}

// specDescriptor is where ExecMain reads its Command.
const specDescriptor = 3

// ExecMain is all that a process does that was started to run a command
// confined: it reads the Command as JSON from descriptor 3, up to its end, and
// becomes it. It returns only if that fails.
func ExecMain() error {
	spec := os.NewFile(specDescriptor, "command")
	if spec == nil {
		return errors.New("no descriptor to read the command from: this is for Fixpoint's own use")
	}
	text, err := io.ReadAll(spec)
	if err = errors.Join(err, spec.Close()); err != nil {
		return fmt.Errorf("reading the command: %w", err)
	}
	var c Command
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("reading the command: %w", err)
	}
	return Exec(c)
}

// lookup is the file of the program. The process is in c.Dir.
func (c Command) lookup() (string, error) {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return "", errors.New("no command")
	}
	name := c.Args[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(c.path()) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("the command %q is in none of the folders of PATH (%s)", name, c.path())
}

func (c Command) path() string {
	for _, e := range c.Env {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			return value
		}
	}
	return ""
}
