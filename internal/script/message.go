package script

import (
	"encoding/json"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// task says what is to be run.
type task string

const (
	taskHealth   task = "health"
	taskDiscover task = "discover"
	taskAct      task = "act"
	taskPaths    task = "paths"
)

// question is one script to run; the object follows in a frame of its own.
type question struct {
	Task task
	// Source is a script in Lua, Expressions are those of jq.
	Source      string            `json:",omitempty"`
	Expressions []string          `json:",omitempty"`
	OpenLibs    bool              `json:",omitempty"`
	Params      map[string]string `json:",omitempty"`
	Time        time.Duration
}

// answer is what came of it: one of Problem, Health, Actions, Changes and Paths.
type answer struct {
	// Problem is what is wrong with the script. Late: it was stopped for its time.
	// Expression is the one of several that it is about.
	Problem    string `json:",omitempty"`
	Late       bool   `json:",omitempty"`
	Expression string `json:",omitempty"`

	Status  string   `json:",omitempty"`
	Message string   `json:",omitempty"`
	Actions []Action `json:",omitempty"`
	Changes []change `json:",omitempty"`
	// Paths is a list of paths.
	Paths json.RawMessage `json:",omitempty"`
}

// change is a Change whose object is still text.
type change struct {
	Operation string
	Object    json.RawMessage
}

// maxText is how long a text of a script or a worker may be that is shown.
const maxText = 4 << 10

// clipped is a text that can be shown.
func clipped(text string) string { return child.Clipped(text, maxText) }
