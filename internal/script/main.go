package script

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	_ "time/tzdata" // scripts may tell times of day, and there are no files

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox"
)

// The descriptors on which a worker hears and speaks.
const (
	descriptorIn  = 3
	descriptorOut = 4
)

// exitNoParent is the exit code of a worker that lost the process it works for.
const exitNoParent = 3

// Main is all that a worker does: it confines itself, and runs the scripts that
// it is given until the process that started it has enough. It has to be called
// before anything else is done, and returns only if it was not started by a Pool.
func Main() error {
	in, out := os.NewFile(descriptorIn, "questions"), os.NewFile(descriptorOut, "answers")
	if !isPipe(in) || !isPipe(out) {
		return errors.New("no process to work for: this is for Fixpoint's own use")
	}
	w := &worker{in: bufio.NewReaderSize(in, 1<<14), out: out, lua: newLuaRunner(), jq: newJQRunner()}
	var s setup
	w.receive(kindSetup, &s)
	h := confine(s)
	w.lua.confined = h.Confinement.Full()
	w.send(kindHello, h)
	for {
		w.serve()
	}
}

func isPipe(f *os.File) bool {
	if f == nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// openFiles is more than a worker has: two pipes, three streams, and what Go's
// runtime opens.
const openFiles = 64

func confine(s setup) hello {
	closeInherited()
	runtime.GOMAXPROCS(1) // a script computes on one processor; there are others' on the rest
	if s.Memory > 0 {
		// A recursion without end is told from other ways to use up memory.
		debug.SetMaxStack(int(s.Memory / 4))
	}
	can, err := sandbox.Confine(sandbox.Limits{Memory: s.Memory, Files: openFiles})
	if err != nil {
		return hello{Problem: err.Error()}
	}
	return hello{Confinement: can}
}

// worker is the end of the pipes that runs scripts. Without the other end there
// is nothing to work for: the process ends.
type worker struct {
	in  *bufio.Reader
	out *os.File
	lua *luaRunner
	jq  *jqRunner
}

func (w *worker) receive(k kind, into any) {
	if readValue(w.in, k, into) != nil {
		os.Exit(exitNoParent)
	}
}

func (w *worker) send(k kind, v any) {
	if writeValue(w.out, k, v) != nil {
		os.Exit(exitNoParent)
	}
}

// serve answers one question.
func (w *worker) serve() {
	var q question
	w.receive(kindQuestion, &q)
	object, err := readFrame(w.in, kindObject)
	if err != nil {
		os.Exit(exitNoParent)
	}
	w.send(kindBegun, struct{}{})
	a := w.protected(q, object)
	data, err := json.Marshal(a)
	if err == nil && len(data) > maxFrame {
		err = fmt.Errorf("it returns more than %d MiB", maxFrame>>20)
	}
	if err != nil {
		data, _ = json.Marshal(answer{Problem: err.Error()})
	}
	if writeFrame(w.out, kindAnswer, data) != nil {
		os.Exit(exitNoParent)
	}
}

// protected makes a panic of an interpreter a problem of the script. What it
// panicked with may be the object's, and is not told.
func (w *worker) protected(q question, object []byte) (a answer) {
	defer func() {
		if recover() != nil {
			a = answer{Problem: "the interpreter panicked; please report it with the script"}
		}
	}()
	if q.Task == taskPaths {
		return w.jq.run(q, object)
	}
	return w.lua.run(q, object)
}
