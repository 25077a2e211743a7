package front

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestStarting: whoever asks before it is known who may sign in waits, and is not told
// that the session or password is no good.
func TestStarting(t *testing.T) {
	known := make(chan struct{})
	h := build(t, func(c *Config) {
		c.Patience = time.Millisecond
		c.Ready = func(ctx context.Context) error {
			select {
			case <-known:
			case <-ctx.Done():
				select {
				case <-known: // also where that much time has passed before anybody looked
				default:
					return ctx.Err()
				}
			}
			return nil
		}
	})
	asks := map[string][]string{
		"a page":       {"GET /apps", cookie, html},
		"the API":      {"GET /fixpoint/v1/apps", bearer},
		"Argo CD's":    {"GET /api/v1/applications", bearer},
		"signing in":   {"POST /auth/login", "Content-Type: application/x-www-form-urlencoded", "name=ann&password=correct"},
		"its page":     {"GET /auth/login", html},
		"the document": {"GET /fixpoint/v1/openapi.json"},
	}
	for name, ask := range asks {
		got, body := h.ask(t, ask...)
		if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" || !strings.Contains(body, "Fixpoint is starting") {
			t.Errorf("%s: got %d %q", name, got.StatusCode, body)
		}
	}
	for name, ask := range map[string][]string{"a webhook": {"POST /api/webhook", "{}"}, "assets": {"GET /assets/x.css"}} {
		if got, body := h.ask(t, ask...); got.StatusCode != http.StatusOK {
			t.Errorf("%s waits for what it does not need: %d %q", name, got.StatusCode, body)
		}
	}
	close(known)
	for name, ask := range asks {
		if got, body := h.ask(t, ask...); got.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s, once it is known: got %d %q", name, got.StatusCode, body)
		}
	}
}
