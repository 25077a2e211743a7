package front

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// end is when a request ended, and why.
type end struct {
	at  time.Time
	why error
}

// endless writes an event at once and one each hour, until its request ends or nobody
// reads.
func endless(ended chan<- end) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		hours := time.NewTicker(time.Hour)
		defer hours.Stop()
		for {
			_, _ = io.WriteString(w, "data: hello\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				ended <- end{time.Now(), err}
				return
			}
			select {
			case <-r.Context().Done():
				ended <- end{time.Now(), context.Cause(r.Context())}
				return
			case <-hours.C:
			}
		}
	})
}

// openStream is a stream that has begun.
func openStream(ctx context.Context, t *testing.T, h *house, token string) *http.Response {
	t.Helper()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/fixpoint/v1/apps/watch", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode == http.StatusOK {
		if line, err := bufio.NewReader(got.Body).ReadString('\n'); err != nil || line != "data: hello\n" {
			t.Fatalf("the stream begins with %q, %v", line, err)
		}
	}
	return got
}

// TestSecurityTooManyStreams: neither one reader nor all together hold more than so
// many streams; who closes one may open another.
func TestSecurityTooManyStreams(t *testing.T) {
	ended := make(chan end, 10)
	h := build(t, func(c *Config) { c.API, c.StreamsEach = endless(ended), 2 })
	first, stop := context.WithCancel(t.Context())
	rest, stopRest := context.WithCancel(t.Context())
	defer stopRest()
	openStream(first, t, h, "good")
	openStream(rest, t, h, "good")
	got := openStream(rest, t, h, "good")
	body, _ := io.ReadAll(got.Body)
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" || !strings.Contains(string(body), `"next"`) {
		t.Errorf("a third: %d %s", got.StatusCode, body)
	}
	stop()
	<-ended
	for got = openStream(rest, t, h, "good"); got.StatusCode == http.StatusTooManyRequests; got = openStream(rest, t, h, "good") {
		got.Body.Close() // the handler has ended, and is about to leave
	}
	if got.StatusCode != http.StatusOK {
		t.Errorf("after one was closed: %d", got.StatusCode)
	}
}

// TestSecurityStreamsCantHide: what goes on is counted, whatever the client says of what
// it takes, and also where only the headers are asked for.
func TestSecurityStreamsCantHide(t *testing.T) {
	for _, at := range []string{
		"GET /live?page=/apps", "HEAD /live?page=/apps", "GET /fixpoint/v1/apps/watch", "HEAD /fixpoint/v1/apps/watch",
		"GET /apps/application/argocd/shop/logs/watch?kind=Pod&name=a", "GET /api/v1/stream/applications",
		"GET /api/v1/applications/shop/logs?follow=true", "GET /fixpoint/v1/apps/application/argocd/shop/logs?follow=1",
		"GET /api/v1/applications/shop/logs?follow=T", "GET /api/v1/applications/shop/pods/a/logs?f%6Fllow=TRUE",
	} {
		method, address, _ := strings.Cut(at, " ")
		r, _ := http.NewRequest(method, "http://fixpoint.example"+address, nil)
		r.Header.Set("Accept", "*/*")
		if !isStream(r) {
			t.Errorf("%s is not counted", at)
		}
	}
	for _, at := range []string{"GET /apps", "POST /live", "GET /fixpoint/v1/apps?q=follow", "GET /lively"} {
		method, address, _ := strings.Cut(at, " ")
		if r, _ := http.NewRequest(method, "http://fixpoint.example"+address, nil); isStream(r) {
			t.Errorf("%s is taken for a stream", at)
		}
	}
}

func TestStreamsAreCounted(t *testing.T) {
	s := newStreams(3, 2)
	_, first := s.enter("a")
	leave, second := s.enter("a")
	_, third := s.enter("a")
	_, other := s.enter("b")
	_, full := s.enter("c")
	if !first || !second || third || !other || full {
		t.Errorf("%t %t %t %t %t, want true true false true false", first, second, third, other, full)
	}
	leave()
	if _, ok := s.enter("c"); !ok || s.all != 3 || len(s.each) != 3 {
		t.Errorf("after one has left: %t, %d of %v", ok, s.all, s.each)
	}
}

// TestSecurityStreamsEndWithTheirSession: a stream ends with what its reader was let in by,
// without a word of either side.
func TestSecurityStreamsEndWithTheirSession(t *testing.T) {
	ended := make(chan end, 10)
	h := build(t, func(c *Config) { c.API = endless(ended) })
	openStream(t.Context(), t, h, "good")
	h.gate.endStreams()
	if got := <-ended; !errors.Is(got.why, ErrExpired) {
		t.Errorf("it has ended by %v, want %v", got.why, ErrExpired)
	}
}

// TestStreamsOutliveTimeouts: no deadline of the server ends a stream; the end of the
// session and of the server do. Other requests have their time.
func TestStreamsOutliveTimeouts(t *testing.T) {
	ask := func(t *testing.T, path string, expires time.Duration, during func(*http.Server)) end {
		t.Helper()
		ended := make(chan end, 1)
		g := &gate{}
		id := access.Identity{Subject: "ann"}
		if expires > 0 {
			id.Expires = time.Now().Add(expires)
		}
		c := Config{
			SignIn: fixed{gate: g, id: id}, Desk: func(r Reader) view.Desk { return desk{reader: r} },
			API: endless(ended), Pages: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
		}
		near, far := net.Pipe()
		s := Server(New(c))
		l := &oneConn{conn: far, closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		go func() { _, _ = io.WriteString(near, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n") }()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		during(s)
		got := <-ended
		_ = s.Close()
		near.Close()
		<-served
		return got
	}
	wait := func(d time.Duration) func(*http.Server) { return func(*http.Server) { time.Sleep(d) } }
	tests := map[string]struct {
		path    string
		expires time.Duration
		during  func(*http.Server)
		want    error
		after   time.Duration
	}{
		"the session ends": {"/fixpoint/v1/apps/watch", 12*time.Hour + time.Minute, wait(0), context.DeadlineExceeded, 12*time.Hour + time.Minute},
		"the server ends": {"/fixpoint/v1/apps/watch", 0, func(s *http.Server) {
			time.Sleep(24*time.Hour + time.Minute)
			over, cancel := context.WithCancel(context.Background())
			cancel() // what runs is not waited for
			_ = s.Shutdown(over)
		}, context.Canceled, 24*time.Hour + time.Minute},
		"it is no stream": {"/fixpoint/v1/apps", 0, wait(0), context.DeadlineExceeded, time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				got := ask(t, tt.path, tt.expires, tt.during)
				if took := got.at.Sub(began); !errors.Is(got.why, tt.want) || took != tt.after {
					t.Errorf("ended after %s by %v, want %s, %v", took, got.why, tt.after, tt.want)
				}
			})
		})
	}
}

// fixed is a gate that always lets the same reader in.
type fixed struct {
	*gate
	id access.Identity
}

func (f fixed) Authenticate(*http.Request) (access.Identity, error) { return f.id, nil }

// oneConn is a listener to which one client has come.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// TestSecurityManyAddresses: somebody who has a whole network of addresses is one reader.
func TestSecurityManyAddresses(t *testing.T) {
	nobody := access.Identity{Anonymous: true}
	for _, pair := range [][2]string{{"2001:db8::1", "2001:db8:0:0:ffff::2"}, {"192.0.2.1", "192.0.2.1"}} {
		if a, b := keyOf(nobody, pair[0]), keyOf(nobody, pair[1]); a != b {
			t.Errorf("%v are %q and %q", pair, a, b)
		}
	}
	if keyOf(nobody, "2001:db8::1") == keyOf(nobody, "2001:db8:0:1::1") || keyOf(nobody, "192.0.2.1") == keyOf(nobody, "192.0.2.2") {
		t.Error("two networks are one")
	}
}

// TestSecurityTooManyRequests: one reader has not all there is of turns, and gets them back.
func TestSecurityTooManyRequests(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	h := build(t, func(c *Config) {
		c.RequestsEach = 2
		c.Pages = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				begun <- true
				<-end
			}
		})
	})
	var slow sync.WaitGroup
	for range 2 {
		slow.Go(func() { h.ask(t, "GET /slow", cookie) })
		<-begun
	}
	if got, body := h.ask(t, "GET /apps", cookie); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("a third: %d %s", got.StatusCode, body)
	}
	if got, _ := h.ask(t, "POST /auth/login", asForm, "name=ann&password=correct"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("signing in: %d", got.StatusCode)
	}
	close(end)
	slow.Wait()
	if got, _ := h.ask(t, "GET /apps", cookie); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

// TestSecurityStreamsAreSlowed: who has many streams open waits longer between the looks of
// each, so that all together cost what a few do. Nobody else does.
func TestSecurityStreamsAreSlowed(t *testing.T) {
	ended, pauses := make(chan end, 100), make(chan time.Duration, 100)
	h := build(t, func(c *Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pauses <- view.Pause(r.Context(), time.Second)
			endless(ended).ServeHTTP(w, r)
		})
	})
	h.gate.anonymous = true
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for n := range 20 {
		openStream(ctx, t, h, "good")
		if got, want := <-pauses, time.Duration(1+n/8)*time.Second; got != want {
			t.Errorf("stream %d pauses for %v, want %v", n+1, got, want)
		}
	}
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/fixpoint/v1/apps/watch", nil)
	got, err := http.DefaultClient.Do(r)
	if err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("another's stream: %v, %v", got, err)
	}
	defer got.Body.Close()
	if got := <-pauses; got != time.Second {
		t.Errorf("another's stream pauses for %v", got)
	}
	if got := view.Pause(t.Context(), time.Second); got != time.Second {
		t.Errorf("without a count: %v", got)
	}
}
