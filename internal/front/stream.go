package front

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// patience is how long a client may take to read a piece of a stream.
const patience = 30 * time.Second

// isStream reports whether a request asks for an answer that goes on: server-sent
// events, a log that is followed. What is none by this rule ends with Config.Timeout,
// whatever it is.
func isStream(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	follow := false
	if strings.HasSuffix(r.URL.Path, "/logs") {
		follow, _ = strconv.ParseBool(r.URL.Query().Get("follow"))
	}
	return follow || strings.Contains(r.Header.Get("Accept"), "text/event-stream") ||
		r.URL.Path == "/live" || strings.HasSuffix(r.URL.Path, "/watch") || strings.HasPrefix(r.URL.Path, "/api/v1/stream/")
}

// stream answers a request for a stream. It ends with the reader's session, with the
// server, or when the client does not read on.
func (d *door) stream(w http.ResponseWriter, r *http.Request, reader Reader, next http.Handler) {
	key := keyOf(reader.Identity, reader.From)
	leave, ok := d.streams.enter(key)
	if !ok {
		refuse(w, r, tooManyStreams)
		return
	}
	defer leave()
	ctx, cancel := d.SignIn.While(r.Context(), reader.Identity)
	defer cancel()
	if !reader.Identity.Expires.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, reader.Identity.Expires)
		defer cancel()
	}
	if ending, ok := r.Context().Value(endingKey{}).(context.Context); ok {
		defer context.AfterFunc(ending, cancel)()
	}
	out := &paced{ResponseWriter: w, control: http.NewResponseController(w)}
	w.Header().Set("X-Accel-Buffering", "no")
	next.ServeHTTP(out, r.WithContext(view.WithStreams(ctx, func() int { return d.streams.of(key) })))
}

// paced gives each write of a stream its own deadline.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write is that of http.ResponseWriter.
func (p *paced) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(patience))
	return p.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController calls.
func (p *paced) FlushError() error {
	_ = p.control.SetWriteDeadline(time.Now().Add(patience))
	return p.control.Flush()
}

// Flush is that of http.Flusher.
func (p *paced) Flush() { _ = p.FlushError() }

// Unwrap is for http.ResponseController.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// streams counts what is under way, of each reader.
type streams struct {
	most, mostEach int

	mu   sync.Mutex
	all  int
	each map[string]int
}

func newStreams(most, mostEach int) *streams {
	return &streams{most: most, mostEach: mostEach, each: map[string]int{}}
}

// enter counts one more of the reader, if there may be one; leave takes it off.
func (s *streams) enter(reader string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.most || s.each[reader] >= s.mostEach {
		return nil, false
	}
	s.all++
	s.each[reader]++
	return func() { s.leave(reader) }, true
}

// of is how many are the reader's.
func (s *streams) of(reader string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.each[reader]
}

func (s *streams) leave(reader string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.each[reader]--; s.each[reader] == 0 {
		delete(s.each, reader)
	}
}
