package child

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// The descriptors on which a child hears and speaks.
const (
	descriptorIn  = 3
	descriptorOut = 4
)

// ExitNoParent is the exit code of a child that lost the process it works for.
const ExitNoParent = 3

// Pipes are where a child hears and speaks; an error if this process is no child.
func Pipes() (in, out *os.File, err error) {
	in, out = os.NewFile(descriptorIn, "questions"), os.NewFile(descriptorOut, "answers")
	if !isPipe(in) || !isPipe(out) {
		return nil, nil, errors.New("no process to work for: this is for Fixpoint's own use")
	}
	return in, out, nil
}

func isPipe(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// Setup is what a child is told before it confines itself.
type Setup struct {
	// Memory is what it may use, in bytes; 0 is no limit.
	Memory int64
}

// Hello says how a child confined itself, or why it could not.
type Hello struct {
	Confinement sandbox.Confinement
	Problem     string
}

// openFiles is more than a child has: two pipes, three streams, and what Go's
// runtime opens.
const openFiles = 64

// Confine confines this process, a child, for good.
func (s Setup) Confine() Hello {
	closeInherited()
	runtime.GOMAXPROCS(1) // there are others for the other cores
	if s.Memory > 0 {
		debug.SetMaxStack(int(StackOf(s.Memory)))
	}
	can, err := sandbox.Confine(sandbox.Limits{Memory: s.Memory, Files: openFiles})
	if err != nil {
		return Hello{Problem: err.Error()}
	}
	return Hello{Confinement: can}
}

// StackOf is how much of its memory a child may use for its stack: so little that
// a recursion without end is told from other ways to use up memory.
func StackOf(memory int64) int64 { return memory / 4 }
