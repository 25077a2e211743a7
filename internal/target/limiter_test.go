package target

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimiter: the API server's 429s set the pace.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(8)
		for range 8 {
			if err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan error, 1)
		go func() { got <- l.acquire(t.Context()) }()
		synctest.Wait()
		select {
		case <-got:
			t.Error("a ninth write beside the eight that may be under way")
		default:
		}
		l.release()
		if err := <-got; err != nil {
			t.Error(err)
		}
		l.throttled(0)
		l.throttled(0) // answers of the same moment count once
		if n := l.width(); n != 4 {
			t.Errorf("%d may be under way after a 429", n)
		}
		for range 8 {
			l.release()
		}
		if n := l.width(); n < 5 || n > 6 {
			t.Errorf("%d may be under way after eight more answers", n)
		}
		for range 5 {
			time.Sleep(time.Second)
			l.throttled(0)
		}
		if n := l.width(); n != 1 {
			t.Errorf("%d may be under way after many 429s", n)
		}
		for range 200 {
			l.running++
			l.release()
		}
		if n := l.width(); n != 8 {
			t.Errorf("%d may be under way after many answers; the ceiling is 8", n)
		}
	})
}

// TestRetryAfter: nothing begins before the time that the API server named, and
// no longer than half a minute counts.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct{ named, want time.Duration }{{3 * time.Second, 3 * time.Second}, {time.Hour, 30 * time.Second}} {
			l := newLimiter(2)
			l.throttled(c.named)
			began := time.Now()
			if err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != c.want {
				t.Errorf("Retry-After %v: began after %v", c.named, took)
			}
		}
	})
}

func TestAcquireCancelled(t *testing.T) {
	l := newLimiter(1)
	if err := l.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := errors.New("superseded")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := l.acquire(ctx); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

type answer struct {
	status int
	header http.Header
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: http.NoBody}, nil
}

// TestCounter: each request counts as what it is, and 429s are heard.
func TestCounter(t *testing.T) {
	var heard []time.Duration
	c := &counter{throttled: func(d time.Duration) { heard = append(heard, d) }}
	send := func(method, query string, a answer) {
		c.next = a
		r, err := http.NewRequestWithContext(t.Context(), method, "https://cluster.example/api"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	ok := answer{status: http.StatusOK}
	send(http.MethodGet, "", ok)
	send(http.MethodGet, "?watch=true", ok)
	send(http.MethodPatch, "", ok)
	send(http.MethodDelete, "", ok)
	send(http.MethodPatch, "?dryRun=All", ok)
	send(http.MethodGet, "", answer{http.StatusTooManyRequests, http.Header{"Retry-After": {"7"}}})
	send(http.MethodGet, "", answer{http.StatusTooManyRequests, http.Header{"Retry-After": {"soon"}}})
	if got, want := c.requests(), (Requests{Reads: 3, Watches: 1, Writes: 2, DryRuns: 1, Throttled: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if len(heard) != 2 || heard[0] != 7*time.Second || heard[1] != time.Second {
		t.Errorf("heard of pauses %v", heard)
	}
}
