package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// events is an answer of server-sent events.
type events struct {
	c    *call
	beat *time.Ticker
	last time.Time // when next was answered last
}

// stream begins an answer of events; false if nothing more is to be sent.
func (c *call) stream() (*events, bool) {
	c.w.Header().Set("Content-Type", eventStream)
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return nil, false
	}
	e := &events{c: c, beat: time.NewTicker(c.heartbeat), last: time.Now()}
	return e, e.write("retry: 3000\n\n") == nil
}

func (e *events) write(text string) error {
	_, err := e.c.w.Write([]byte(text))
	return err
}

// send sends an event; id "" keeps that of the one before. Of apps those fields are
// sent that were asked for.
func (e *events) send(name, id string, v any) error {
	pick := encode
	switch v.(type) {
	case App, AppDetail:
		pick = e.c.chosen
	}
	data, err := pick(v)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return e.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, name, bytes.TrimSpace(data)))
}

// flush sends what was written.
func (e *events) flush() error { return http.NewResponseController(e.c.w).Flush() }

// fail is the last event of a stream that can't go on.
func (e *events) fail(err error) {
	if e.c.r.Context().Err() != nil {
		return
	}
	data, _ := encode(e.c.problemOf(e.c.r, err))
	_ = e.write(fmt.Sprintf("event: problem\ndata: %s\n\n", bytes.TrimSpace(data)))
	_ = e.flush()
}

// next waits for one of the signals, which come bundled; false if the stream is over.
func (e *events) next(ctx context.Context, signals ...<-chan struct{}) (which int, more bool) {
	one, two := signals[0], (<-chan struct{})(nil)
	if len(signals) > 1 {
		two = signals[1]
	}
	for {
		select {
		case <-ctx.Done():
			return 0, false
		case <-e.beat.C:
			if e.write(": still here\n\n") != nil || e.flush() != nil {
				return 0, false
			}
			continue
		case _, more = <-one:
			which = 0
		case _, more = <-two:
			which = 1
		}
		return which, more && e.rest(ctx)
	}
}

// rest lets some time pass since the last signal; false if the stream is over.
func (e *events) rest(ctx context.Context) bool {
	t := time.NewTimer(view.Pause(ctx, e.c.pause) - time.Since(e.last))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		e.last = time.Now()
		return true
	}
}

func (e *events) close() { e.beat.Stop() }
