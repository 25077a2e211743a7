package worker

import (
	"errors"
	"io/fs"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// task is one render.
type task struct {
	Render model.Render
	// Refs are the names of the app's other sources; the app's own tree has the
	// number 0, these have 1 and up.
	Refs []string
	// Host, Unwrap and Plugin: there is one to ask.
	Host, Unwrap, Plugin bool
	Limits               Limits
}

// subject is what a question is about.
type subject byte

const (
	askStat     subject = iota // Tree and Name: answer.Entry
	askList                    // Tree and Name: answer.Entries and Hash
	askRead                    // Tree and Name: answer.Entry, Hash and Data
	askPrefetch                // Tree and Name: answer.Ahead
	askCluster                 // answer.Version and APIs
	askRemote                  // Source: answer.Tree and Snapshot
	askDownload                // Name, a URL: answer.Data
	askLookup                  // Object: answer.Data, nil for none
	askUnwrap                  // Data: answer.Data
	askPlugin                  // Name, a directory: answer.Data
)

// question is what a worker asks, or with kindNote tells that it looked at.
type question struct {
	About  subject
	Tree   int
	Name   string
	Data   []byte
	Source *model.Source
	Object *model.ObjectRef
}

// answer is what a question asks for, or why it can't be had.
type answer struct {
	Err      *failure
	Entry    entry
	Entries  []entry
	Hash     string
	Data     []byte
	Ahead    []ahead
	Version  string
	APIs     []string
	Tree     int
	Snapshot *model.Snapshot
}

// entry is a file or directory, by its name in its directory.
type entry struct {
	Name string
	Mode fs.FileMode
	Size int64
}

// ahead is a file, or a directory, that a worker is given before it asks.
type ahead struct {
	Name    string
	Entry   entry
	Hash    string
	Data    []byte
	Entries []entry
}

// object is one of those that a render made. The rest of a model.Object is in
// the text.
type object struct {
	JSON   []byte
	Origin string
}

// result is the outcome of a task, but for the objects, which come before it.
type result struct {
	Err      *failure
	Tool     string
	Partial  bool
	Warnings []string
}

// failure is an error on its way: its text, and what errors.Is finds in it.
type failure struct {
	Text string
	// Op and Path are those of an fs.PathError that Text is the inner error of.
	Op, Path string
	Kinds    uint16
}

// kinds are the errors that a failure keeps, by their bit.
var kinds = []error{
	model.ErrInvalid, model.ErrNotFound, model.ErrDenied, model.ErrTransient, model.ErrImmutable,
	fs.ErrNotExist, fs.ErrInvalid,
}

// failed is the failure of err; nil for none.
func failed(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	if p, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost is taken apart
		f.Text, f.Op, f.Path = p.Err.Error(), p.Op, p.Path
	}
	for bit, k := range kinds {
		if errors.Is(err, k) {
			f.Kinds |= 1 << bit
		}
	}
	return f
}

// error is the error that became f.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	if f.Op == "" && f.Path == "" {
		return &arrived{f}
	}
	return &fs.PathError{Op: f.Op, Path: f.Path, Err: &arrived{f}}
}

// arrived is an error of the other process.
type arrived struct{ *failure }

func (e *arrived) Error() string { return e.Text }

// Is reports whether the error had that kind where it happened.
func (e *arrived) Is(target error) bool {
	for bit, k := range kinds {
		if target == k {
			return e.Kinds&(1<<bit) != 0
		}
	}
	return false
}
