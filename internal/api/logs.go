package api

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// getLogs writes a line of JSON for each of the log.
func getLogs(c *call) (any, error) {
	key, err := c.object()
	if err != nil {
		return nil, err
	}
	q := view.LogQuery{
		Object: key, Pod: c.query.Get("pod"), Container: c.query.Get("container"), Follow: c.flag("follow"),
		Previous: c.flag("previous"), Tail: c.number("tail"), Since: c.time("since"), Search: c.query.Get("search"),
	}
	if c.r.Method == http.MethodHead {
		q.Follow, q.Tail = false, 1
	}
	out := &lines{w: c.w, flush: q.Follow}
	if q.Follow {
		// A log may be silent for long: the reader learns that it is read.
		begin := time.AfterFunc(time.Second, func() { _ = out.begin() })
		defer begin.Stop()
	}
	err = c.desk.Logs(c.r.Context(), c.app, q, func(l view.LogLine) error { return out.write(logLine(l)) })
	ended := c.r.Context().Err() != nil && errors.Is(err, c.r.Context().Err())
	if err != nil && !ended && out.end() {
		return nil, err
	}
	defer out.end()
	switch {
	case ended: // by the reader, or with its session
	case err != nil:
		p := c.problemOf(c.r, err)
		_ = out.write(LogLine{Problem: &p})
	default:
		_ = out.begin()
	}
	return nil, nil
}

// lines is an answer of lines. It begins with the first of them, so that what goes
// wrong before is a problem like any other.
type lines struct {
	w     http.ResponseWriter
	flush bool

	mu          sync.Mutex
	begun, over bool
}

// begin says that lines may come.
func (l *lines) begin() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start()
}

// start is begin for those who hold mu.
func (l *lines) start() error {
	if l.begun || l.over {
		return nil
	}
	l.begun = true
	l.w.Header().Set("Content-Type", jsonLines)
	l.w.WriteHeader(http.StatusOK)
	return l.sent()
}

func (l *lines) sent() error {
	if !l.flush {
		return nil
	}
	return http.NewResponseController(l.w).Flush()
}

func (l *lines) write(line LogLine) error {
	raw, err := encode(line)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.start(); err != nil {
		return err
	}
	if _, err := l.w.Write(raw); err != nil {
		return err
	}
	return l.sent()
}

// end lets no more begin; unused reports whether nothing has.
func (l *lines) end() (unused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = !l.begun
	return l.over
}
