package worker

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"sync"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/sandbox/child"
)

// client is the worker's end of the pipes. Without the other end there is
// nothing to work for: the process ends.
type client struct {
	out io.Writer
	// frames are those that arrive.
	frames chan frame

	// mu is held from a question to its answer.
	mu sync.Mutex
}

type frame struct {
	kind kind
	data []byte
}

// newClient reads from in until it ends, and with it the process.
func newClient(in io.Reader, out io.Writer) *client {
	c := &client{out: out, frames: make(chan frame)}
	go func() {
		r := bufio.NewReaderSize(in, 1<<16)
		for {
			k, data, err := readFrame(r, func(kind) int64 { return math.MaxInt64 })
			if err != nil {
				os.Exit(child.ExitNoParent)
			}
			c.frames <- frame{k, data}
		}
	}()
	return c
}

func (c *client) send(k kind, v any) {
	if writeFrame(c.out, k, v) != nil {
		os.Exit(child.ExitNoParent)
	}
}

// receive waits for a message of that kind.
func (c *client) receive(k kind, into any) {
	f := <-c.frames
	if f.kind != k || decode(f.data, into) != nil {
		os.Exit(child.ExitNoParent)
	}
}

// ask needs c.mu.
func (c *client) ask(q question) (a answer) {
	c.send(kindAsk, q)
	c.receive(kindAnswer, &a)
	return a
}

// tell says that something is used that was given in advance. When it returns,
// it can't be unsaid. It needs c.mu.
func (c *client) tell(q question) { c.send(kindNote, q) }

func (c *client) question(q question) (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.ask(q)
	return a, a.Err.error()
}

// input is what a task may use.
func (c *client) input(t task) (model.RenderInput, input.Hooks) {
	in := model.RenderInput{Render: t.Render, Tree: newTree(c, 0), Refs: map[string]model.Tree{}}
	for i, name := range t.Refs {
		in.Refs[name] = newTree(c, i+1)
	}
	if t.Host {
		in.Host = &host{client: c, trees: map[int]*tree{}}
	}
	var hooks input.Hooks
	if t.Unwrap {
		hooks.Unwrap = func(_ context.Context, request []byte) ([]byte, error) {
			a, err := c.question(question{About: askUnwrap, Data: request})
			return a.Data, err
		}
	}
	if t.Plugin {
		hooks.Plugin = func(_ context.Context, dir string) ([]byte, error) {
			a, err := c.question(question{About: askPlugin, Name: dir})
			return a.Data, err
		}
	}
	return in, hooks
}

// host asks the host of the other process.
type host struct {
	client *client

	mu    sync.Mutex
	trees map[int]*tree
}

func (h *host) Cluster(context.Context) (string, []string, error) {
	a, err := h.client.question(question{About: askCluster})
	return a.Version, a.APIs, err
}

func (h *host) Remote(_ context.Context, src model.Source) (*model.Snapshot, error) {
	a, err := h.client.question(question{About: askRemote, Source: &src})
	if err == nil && a.Snapshot == nil {
		err = errors.New("no snapshot")
	}
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trees[a.Tree] == nil {
		h.trees[a.Tree] = newTree(h.client, a.Tree)
	}
	a.Snapshot.Tree = h.trees[a.Tree]
	return a.Snapshot, nil
}

func (h *host) Download(_ context.Context, url string) ([]byte, error) {
	a, err := h.client.question(question{About: askDownload, Name: url})
	return a.Data, err
}

func (h *host) Lookup(_ context.Context, ref model.ObjectRef) ([]byte, error) {
	a, err := h.client.question(question{About: askLookup, Object: &ref})
	return a.Data, err
}
