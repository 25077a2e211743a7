package front

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestClientAddress: a header counts only from a proxy that is trusted, back to the
// first that is not.
func TestClientAddress(t *testing.T) {
	d := &door{Config: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	tests := []struct{ peer, forwardedFor, forwarded, want string }{
		{"192.0.2.1:99", "", "", "192.0.2.1"},
		{"192.0.2.1:99", "203.0.113.5", "", "192.0.2.1"},
		{"192.0.2.1:99", "", "for=203.0.113.5", "192.0.2.1"},
		{"10.0.0.1:99", "203.0.113.5", "", "203.0.113.5"},
		{"10.0.0.1:99", "1.2.3.4, 203.0.113.5, 10.0.0.7", "", "203.0.113.5"},
		{"10.0.0.1:99", "", `for="[2001:db8::1]:4711";proto=https`, "2001:db8::1"},
		{"10.0.0.1:99", "", "for=1.2.3.4, for=203.0.113.5;by=10.0.0.2", "203.0.113.5"},
		{"10.0.0.1:99", "203.0.113.5", "for=203.0.113.5", "203.0.113.5"},
		{"10.0.0.1:99", "203.0.113.5", "for=6.6.6.6", "10.0.0.1"}, // one is the client's
		{"10.0.0.1:99", "unknown", "", "10.0.0.1"},
		{"10.0.0.1:99", "203.0.113.5, _hidden", "", "10.0.0.1"},
		{"10.0.0.1:99", "10.0.0.9", "", "10.0.0.9"},
		{"[::ffff:10.0.0.1]:99", "203.0.113.5", "", "203.0.113.5"},
	}
	for _, tt := range tests {
		r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{}}
		if tt.forwardedFor != "" {
			r.Header.Set("X-Forwarded-For", tt.forwardedFor)
		}
		if tt.forwarded != "" {
			r.Header.Set("Forwarded", tt.forwarded)
		}
		if got := ClientOf(d.arrived(r)); got != tt.want {
			t.Errorf("peer %s, X-Forwarded-For %q, Forwarded %q: %s, want %s", tt.peer, tt.forwardedFor, tt.forwarded, got, tt.want)
		}
	}
}

func TestPanics(t *testing.T) {
	h := build(t, func(c *Config) {
		c.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fixpoint/v1/late" {
				_, _ = io.WriteString(w, strings.Repeat("half ", 2000))
			}
			panic("broken inside")
		})
	})
	got, body := h.ask(t, "GET /fixpoint/v1/apps", bearer)
	if got.StatusCode != http.StatusInternalServerError || strings.Contains(body, "broken inside") || !strings.Contains(body, "(error ") {
		t.Fatalf("%d %q", got.StatusCode, body)
	}
	_, id, _ := strings.Cut(body, "(error ")
	if id, _, _ = strings.Cut(id, ")"); !strings.Contains(h.log.String(), "id="+id) {
		t.Errorf("the log has no error %s", id)
	}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/fixpoint/v1/late", nil)
	r.Header.Set("Authorization", "Bearer good")
	late, err := http.DefaultClient.Do(r)
	if err == nil {
		_, err = io.ReadAll(late.Body)
		late.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}
	if got, _ := h.ask(t, "GET /apps", cookie); got.StatusCode != http.StatusOK {
		t.Errorf("after a panic: %d", got.StatusCode)
	}
}

func TestRefusalsDoNotFillTheTrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuota()
		given := 0
		for range 10_000 {
			if _, ok := q.take(); ok {
				given++
			}
		}
		if given != quotaBurst {
			t.Errorf("%d records of 10000 refusals", given)
		}
		time.Sleep(time.Minute)
		if left, ok := q.take(); !ok || left != 10_000-given {
			t.Errorf("after a minute: %t, %d left out, want %d", ok, left, 10_000-given)
		}
	})
}

// TestSecurityFloodHidesNoGuess: a flood of what costs its sender nothing (made-up
// tokens, attempts that are not compared) leaves room in the trail for wrong passwords.
func TestSecurityFloodHidesNoGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, door := unserved(nil)
		signIn := func(form string) {
			r := httptest.NewRequest(http.MethodPost, "/auth/login", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			door.ServeHTTP(httptest.NewRecorder(), r)
		}
		madeUp := httptest.NewRequest(http.MethodGet, "/fixpoint/v1/apps", nil)
		madeUp.Header.Set("Authorization", "Bearer made up")
		for range 2 * quotaBurst {
			door.ServeHTTP(httptest.NewRecorder(), madeUp)
			signIn("name=busy&password=x")
		}
		if n := len(h.audited()); n != quotaBurst {
			t.Fatalf("a flood of %d makes %d records", 4*quotaBurst, n)
		}
		signIn("name=ann&password=guess")
		all := h.audited()
		if last := all[len(all)-1]; last.Who != "ann" || last.Action != "login" || last.Outcome != "denied" {
			t.Errorf("the last record is %+v, want that of the guess", last)
		}
		for range 2 * quotaBurst {
			signIn("name=ann&password=guess")
		}
		guesses := len(h.audited())
		h.refusals.Flush(t.Context())
		all = h.audited()
		if len(all) != guesses+2 || !strings.Contains(all[guesses].Detail, "more were refused, and are only counted") {
			t.Errorf("what is only counted is told as %+v", all[guesses:])
		}
	})
}
