package script

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	_ "time/tzdata" // scripts may tell times of day, and there are no files

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// Main is all that a worker does: it confines itself, and runs the scripts that
// it is given until the process that started it has enough. It has to be called
// before anything else is done, and returns only if it was not started by a Pool.
func Main() error {
	in, out, err := child.Pipes()
	if err != nil {
		return err
	}
	w := &worker{in: bufio.NewReaderSize(in, 1<<14), out: out, lua: newLuaRunner(), jq: newJQRunner()}
	var s child.Setup
	w.receive(kindSetup, &s)
	h := s.Confine()
	w.lua.confined = h.Confinement.Full()
	w.send(kindHello, h)
	for {
		w.serve()
	}
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
		os.Exit(child.ExitNoParent)
	}
}

func (w *worker) send(k kind, v any) {
	if writeValue(w.out, k, v) != nil {
		os.Exit(child.ExitNoParent)
	}
}

// serve answers one question.
func (w *worker) serve() {
	var q question
	w.receive(kindQuestion, &q)
	object, err := readFrame(w.in, kindObject)
	if err != nil {
		os.Exit(child.ExitNoParent)
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
		os.Exit(child.ExitNoParent)
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
