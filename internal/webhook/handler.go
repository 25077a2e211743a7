package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// DefaultMaxBytes bounds a call's body: what GitHub sends at most.
const DefaultMaxBytes = 25 << 20

const (
	// small bodies are read as they come: who sends one slowly holds up nobody.
	small = 256 << 10
	// bodies is how many larger ones are in memory at a time, as they are or decoded.
	bodies = 4
)

// Config says what calls do.
type Config struct {
	// Secrets are asked for at each call.
	Secrets func() Secrets
	// Unsigned accepts calls of senders that no secret is configured for.
	Unsigned bool
	// MaxBytes bounds a body, asked at each call; nil or 0 is DefaultMaxBytes.
	MaxBytes func() int64
	// Refresh looks at the sources that a push concerns, and returns how many
	// there are. No refs is any.
	Refresh func(Push) int
	// Receiver finds a Receiver by the path of a call; Poke looks at what it
	// names and returns how much that is.
	Receiver func(path string) (Receiver, bool)
	Poke     func(path string) int
}

// Handler answers webhooks. Beside the answer 202, which says how many sources
// are looked at, there are 400 for a body that is none, 401 for a call that
// proves nothing, 403 for a wrong proof, 404 for an unknown path of a Receiver,
// 405, and 413.
type Handler struct {
	cfg               Config
	free              chan struct{}
	accepted, refused atomic.Uint64
	now               func() time.Time
}

// New makes a Handler.
func New(cfg Config) *Handler {
	return &Handler{cfg: cfg, free: make(chan struct{}, bodies), now: time.Now}
}

// Counts are the calls that were accepted and refused.
func (h *Handler) Counts() (accepted, refused uint64) { return h.accepted.Load(), h.refused.Load() }

// Any is for the path that all senders use.
func (h *Handler) Any() http.Handler {
	return h.serve(func(*http.Request) error { return nil }, h.any)
}

// Receivers is for the paths of Receivers.
func (h *Handler) Receivers() http.Handler { return h.serve(h.knows, h.receiver) }

// statusError is an error with the answer's status.
type statusError struct {
	status int
	error
}

// serve answers calls: check refuses what can be refused before a body is read.
func (h *Handler) serve(check func(*http.Request) error, do func(*http.Request, []byte) (int, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := h.call(w, r, check, do)
		if err == nil {
			h.accepted.Add(1)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, strconv.Itoa(n)+" sources are looked at\n")
			return
		}
		h.refused.Add(1)
		http.Error(w, err.Error(), statusOf(w, err))
	})
}

func statusOf(w http.ResponseWriter, err error) int {
	var known *statusError
	switch {
	case errors.As(err, &known):
		if known.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		return known.status
	case errors.Is(err, errUnsigned):
		return http.StatusUnauthorized
	case errors.Is(err, errForged):
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

func (h *Handler) call(w http.ResponseWriter, r *http.Request, check func(*http.Request) error, do func(*http.Request, []byte) (int, error)) (int, error) {
	if r.Method != http.MethodPost {
		return 0, &statusError{http.StatusMethodNotAllowed, errors.New("a webhook is a POST")}
	}
	if err := check(r); err != nil {
		return 0, err
	}
	limit := int64(DefaultMaxBytes)
	if h.cfg.MaxBytes != nil {
		if n := h.cfg.MaxBytes(); n > 0 {
			limit = n
		}
	}
	if r.ContentLength > limit {
		return 0, tooLarge(limit)
	}
	body, done, err := h.body(r, http.MaxBytesReader(w, r.Body, limit))
	defer done()
	var large *http.MaxBytesError
	var known *statusError
	switch {
	case errors.As(err, &large):
		return 0, tooLarge(limit)
	case errors.As(err, &known):
		return 0, err
	case err != nil:
		return 0, errors.New("the body could not be read")
	}
	return do(r, body)
}

// body reads a body; a large one when there is room for it, until done.
func (h *Handler) body(r *http.Request, in io.Reader) (body []byte, done func(), err error) {
	body, err = io.ReadAll(io.LimitReader(in, small))
	if err != nil || len(body) < small {
		return body, func() {}, err
	}
	select {
	case h.free <- struct{}{}:
	case <-r.Context().Done():
		return nil, func() {}, &statusError{http.StatusServiceUnavailable, errors.New("too many calls at a time")}
	}
	rest, err := io.ReadAll(in)
	return append(body, rest...), func() { <-h.free }, err
}

func tooLarge(limit int64) error {
	return &statusError{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", limit)}
}

// any takes a call whose headers and body say who sends it. Nothing of one that proves
// nothing is decoded: that takes many times the body's memory.
func (h *Handler) any(r *http.Request, body []byte) (int, error) {
	secrets := h.cfg.Secrets()
	open := h.cfg.Unsigned && secrets == (Secrets{})
	if err := secrets.proven(r.Header, body, h.now()); err != nil && !open {
		return 0, err
	}
	event, err := decode(r.Header, body)
	from := senderOf(r.Header, event)
	if denied := secrets.verify(from, r.Header, body, h.now()); denied != nil && !open {
		return 0, denied // before any other error: who proves nothing learns nothing
	}
	if err != nil {
		return 0, err
	}
	push := read(from, event)
	if len(push.URLs) == 0 {
		return 0, nil
	}
	return h.cfg.Refresh(push), nil
}

// knows refuses a path that no Receiver has.
func (h *Handler) knows(r *http.Request) error {
	if h.cfg.Receiver != nil {
		if _, ok := h.cfg.Receiver(r.URL.Path); ok {
			return nil
		}
	}
	return &statusError{http.StatusNotFound, errors.New("there is no receiver at this path")}
}

func (h *Handler) receiver(r *http.Request, body []byte) (int, error) {
	receiver, ok := h.cfg.Receiver(r.URL.Path)
	if !ok {
		return 0, h.knows(r) // it has gone meanwhile
	}
	if err := receiver.check(r.Header, body, h.now()); err != nil {
		return 0, err
	}
	if !receiver.counts(r.Header) {
		return 0, nil
	}
	return h.cfg.Poke(r.URL.Path), nil
}
