package argoapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// stream is an answer that goes on: a line of JSON for each message, or an event where
// the client accepts those. It begins with its first message, so that what goes wrong
// before has a status of its own.
type stream struct {
	c    *call
	sse  bool
	only fields
	stop func()

	mu    sync.Mutex // guards what is written
	begun bool
}

// stream makes one; end has to be called.
func (c *call) stream() *stream {
	s := &stream{
		c: c, sse: strings.Contains(c.r.Header.Get("Accept"), "text/event-stream"), only: fieldsOf(c.query.Get("fields")),
		stop: func() {},
	}
	if s.sse {
		ctx, cancel := context.WithCancel(c.r.Context())
		over := make(chan struct{})
		go s.beat(ctx, over)
		s.stop = func() { cancel(); <-over }
	}
	return s
}

// beat says from time to time that the stream is there.
func (s *stream) beat(ctx context.Context, over chan<- struct{}) {
	defer close(over)
	tick := time.NewTicker(s.c.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if s.write([]byte(":\n\n")) != nil {
				return
			}
		}
	}
}

func (s *stream) end() { s.stop() }

// begin sends the header, for who waits for it.
func (s *stream) begin() error { return s.write(nil) }

// beginSoon begins it after a second, unless settle is called before. Nothing is written
// by that any more once settle has returned: what is written after the answer is over may
// end up in somebody else's.
func (s *stream) beginSoon() (settle func()) {
	over := make(chan struct{})
	begin := time.AfterFunc(time.Second, func() {
		defer close(over)
		_ = s.begin()
	})
	return sync.OnceFunc(func() {
		if !begin.Stop() {
			<-over
		}
	})
}

// send sends a result, with those of its fields that were asked for.
func (s *stream) send(result any) error {
	message := any(map[string]any{"result": result})
	if !s.only.all() {
		all, err := plain(message)
		if err != nil {
			return err
		}
		message = s.only.of(all)
	}
	return s.message(message)
}

func (s *stream) message(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if s.sse {
		raw = append(append([]byte("data: "), raw...), '\n')
	}
	return s.write(append(raw, '\n'))
}

func (s *stream) write(raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		kind := "application/json"
		if s.sse {
			kind = "text/event-stream"
		}
		s.c.w.Header().Set("Content-Type", kind)
		s.begun = true
	}
	if _, err := s.c.w.Write(raw); err != nil {
		return err
	}
	return http.NewResponseController(s.c.w).Flush()
}

// over ends the stream with an error, or by returning it where nothing was sent; nil is
// no error.
func (s *stream) over(err error) error {
	s.end()
	s.mu.Lock()
	begun := s.begun
	s.mu.Unlock()
	if err == nil || s.c.r.Context().Err() != nil {
		return nil
	}
	if !begun {
		return err
	}
	_ = s.message(s.c.refusalOf(s.c.r, err).chunk())
	return nil
}

// next waits for a signal, and until some time has passed since it was last called;
// false once the stream is over.
func (c *call) next(signals <-chan struct{}, last *time.Time) bool {
	ctx := c.r.Context()
	select {
	case <-ctx.Done():
		return false
	case _, ok := <-signals:
		if !ok {
			return false
		}
	}
	rest := time.NewTimer(view.Pause(ctx, c.Pause) - time.Since(*last))
	defer rest.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-rest.C:
	}
	*last = time.Now()
	return true
}

// same reports whether two messages are alike, and keeps the newer.
func same(last *[]byte, message any) (bool, error) {
	raw, err := json.Marshal(message)
	if err != nil {
		return false, err
	}
	alike := bytes.Equal(*last, raw)
	*last = raw
	return alike, nil
}
