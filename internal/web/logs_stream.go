package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The pace of a log that is followed.
const (
	logBatch = 100 * time.Millisecond // lines of that time are sent together
	logMost  = 500                    // or that many
	logBeat  = 15 * time.Second       // the reader's rights are looked at, too
)

// watchLogs follows a log by server-sent events. Its events are
//
//	lines: a list of lines, each a list of time, pod, container, text, and
//	       "note" if it is no line of the log
//	problem: a text that says why there are no more
//	later: a text that says why there are none now; it is worth asking again
//	end: there are no more
//	gone: the reader may not see them any more
//
// and comments, so that a dead connection is noticed. The parameter since asks for
// what was written from then on: lines of that very time come again.
func (w *Web) watchLogs(rw http.ResponseWriter, r *http.Request) {
	if isCapture(r) {
		return
	}
	key, err := appOf(r)
	if err == nil {
		err = mayLogs(r.Context(), key)
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	q := logQueryOf(r)
	q.Follow = !q.Previous
	if !q.Since.IsZero() {
		q.Tail = 4 * logTail
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s := &logStream{stream: stream{web: w, out: rw, ctl: http.NewResponseController(rw)}, lines: make(chan view.LogLine, logMost)}
	s.open()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { s.read(ctx, key, q) })
	s.send(ctx, key)
}

// mayLogs is nil if the reader may read the logs of the app.
func mayLogs(ctx context.Context, key model.AppKey) error {
	desk := view.DeskOf(ctx)
	app, err := desk.Brief(ctx, key)
	if err == nil && !desk.May(view.VerbLogs, app) {
		err = model.As(model.ErrDenied, errors.New("you may not read the logs of this app"))
	}
	return err
}

// logStream passes lines from one goroutine to the connection.
type logStream struct {
	stream
	lines chan view.LogLine
	err   error // why there are no more; set before lines is closed
}

func (s *logStream) read(ctx context.Context, key model.AppKey, q view.LogQuery) {
	defer close(s.lines)
	s.err = view.DeskOf(ctx).Logs(ctx, key, q, func(l view.LogLine) error {
		select {
		case s.lines <- l:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// send writes lines as they come, several at once.
func (s *logStream) send(ctx context.Context, key model.AppKey) {
	beat := time.NewTicker(logBeat)
	defer beat.Stop()
	if s.write(": open\n\n") != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			if mayLogs(ctx, key) != nil {
				_ = s.write("event: gone\ndata:\n\n") // it ends anyway
				return
			}
			if s.write(": still here\n\n") != nil {
				return
			}
		case l, ok := <-s.lines:
			if !ok {
				s.finish(ctx)
				return
			}
			if s.write(s.batch(ctx, l)) != nil {
				return
			}
		}
	}
}

// batch is an event with a line and those that follow it soon.
func (s *logStream) batch(ctx context.Context, first view.LogLine) string {
	lines := [][5]string{logItem(first)}
	soon := time.NewTimer(logBatch)
	defer soon.Stop()
	for len(lines) < logMost {
		select {
		case l, ok := <-s.lines:
			if !ok {
				return logEvent(lines)
			}
			lines = append(lines, logItem(l))
			continue
		case <-soon.C:
		case <-ctx.Done():
		}
		break
	}
	return logEvent(lines)
}

func logItem(l view.LogLine) [5]string {
	note := ""
	if l.Note {
		note = "note"
	}
	return [5]string{l.At.UTC().Format(time.RFC3339Nano), l.Pod, l.Container, logText(l.Text, logWidth), note}
}

func logEvent(lines [][5]string) string {
	data, err := json.Marshal(lines)
	if err != nil {
		return ": unreadable\n\n"
	}
	return "event: lines\ndata: " + string(data) + "\n\n"
}

func (s *logStream) finish(ctx context.Context) {
	switch {
	case ctx.Err() != nil:
	case s.err == nil:
		_ = s.write("event: end\ndata:\n\n") // it ends anyway
	default:
		text, _ := explained(s.err)
		data, _ := json.Marshal(text) // a string always marshals
		name := "problem"
		if errors.Is(s.err, model.ErrTransient) {
			name = "later"
		}
		_ = s.write("event: " + name + "\ndata: " + string(data) + "\n\n") // it ends anyway
	}
}

// saveLogs sends all lines as a file.
func (w *Web) saveLogs(rw http.ResponseWriter, r *http.Request) {
	if isCapture(r) {
		return
	}
	key, err := appOf(r)
	if err == nil {
		err = mayLogs(r.Context(), key)
	}
	q := logQueryOf(r)
	if err == nil && q.Object.Kind == "" {
		err = model.Invalidf("the address names no object: it needs kind and name")
	}
	if err != nil {
		w.fail(rw, r, err)
		return
	}
	q.Tail = -1
	out := bufio.NewWriter(rw)
	begun := false
	err = view.DeskOf(r.Context()).Logs(r.Context(), key, q, func(l view.LogLine) error {
		if !begun {
			attach(rw, q.Object.Name+".log", "text/plain")
			begun = true
		}
		i := logItem(l)
		_, err := out.WriteString(i[0] + " " + i[1] + "/" + i[2] + " " + i[3] + "\n")
		return err
	})
	if err != nil && !begun {
		w.fail(rw, r, err)
		return
	}
	if !begun {
		attach(rw, q.Object.Name+".log", "text/plain")
	}
	_ = out.Flush() // the reader may have gone
}
