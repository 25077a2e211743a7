package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fixpoint-cd/fixpoint/internal/webhook"
)

// served starts the controller's HTTP side and returns its address. Bodies may
// have a million bytes, and the only Receiver is at /hook/known.
func served(t *testing.T) string {
	t.Helper()
	hooks := webhook.New(webhook.Config{
		Secrets: func() webhook.Secrets { return webhook.Secrets{Shared: "s3cret"} }, MaxBytes: func() int64 { return 1e6 },
		Refresh: func(webhook.Push) int { return 1 }, Poke: func(string) int { return 1 },
		Receiver: func(path string) (webhook.Receiver, bool) {
			return webhook.Receiver{Type: "generic"}, path == "/hook/known"
		},
	})
	s, err := newServer("127.0.0.1:0", slog.New(slog.DiscardHandler), prometheus.NewRegistry(), hooks, func() error { return errors.New("not yet") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	return s.listener.Addr().String()
}

func post(t *testing.T, url string, body io.Reader, header http.Header) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// endless is a body that is never whole.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestServerLimits: every path that takes calls bounds their headers and bodies,
// before it believes anything of them.
func TestServerLimits(t *testing.T) {
	at := "http://" + served(t)
	token := http.Header{"X-Gitlab-Token": {"s3cret"}}
	for _, path := range []string{"/webhook", "/api/webhook", "/hook/known"} {
		for name, c := range map[string]struct {
			body   io.Reader
			header http.Header
			status int
		}{
			"a call":                {strings.NewReader("{}"), token, http.StatusAccepted},
			"a large one":           {strings.NewReader(strings.Repeat(" ", 900_000) + "{}"), token, http.StatusAccepted},
			"too large":             {strings.NewReader(strings.Repeat(" ", 1e6+1)), token, http.StatusRequestEntityTooLarge},
			"without a length":      {io.LimitReader(endless{}, 64<<20), token, http.StatusRequestEntityTooLarge},
			"headers are too large": {strings.NewReader("{}"), http.Header{"X-Large": {strings.Repeat("x", 128<<10)}}, http.StatusRequestHeaderFieldsTooLarge},
		} {
			if got := post(t, at+path, c.body, c.header); got != c.status {
				t.Errorf("%s: %s: status %d, want %d", path, name, got, c.status)
			}
		}
	}
	for path, want := range map[string]int{"/debug/pprof/": 404, "/debug/pprof/profile": 404, "/": 404, "/hook/": 405, "/webhook": 405, "/readyz": 503, "/metrics": 200} {
		resp, err := http.Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// TestServerSlowCallers: callers that never end hold up no other, and one that
// names no Receiver is told so before it has sent anything.
func TestServerSlowCallers(t *testing.T) {
	addr := served(t)
	for _, path := range []string{"/webhook", "/hook/known"} {
		for range 20 {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{", path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{"/webhook", "/hook/known"} {
		if got := post(t, "http://"+addr+path, strings.NewReader("{}"), http.Header{"X-Gitlab-Token": {"s3cret"}}); got != http.StatusAccepted {
			t.Errorf("%s: status %d", path, got)
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprint(conn, "POST /hook/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")
	first := make([]byte, len("HTTP/1.1 404"))
	if _, err := io.ReadFull(conn, first); err != nil || string(first) != "HTTP/1.1 404" {
		t.Errorf("an unknown path: %q, %v", first, err)
	}
}
