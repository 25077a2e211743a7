package target

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// Requests counts what was sent to the API server.
type Requests struct{ Reads, Watches, Writes, DryRuns, Throttled int64 }

// counter is the transport of every request to the target: it counts them and
// hears the API server's 429s.
type counter struct {
	next      http.RoundTripper
	throttled func(time.Duration)

	reads, watches, writes, dryRuns, throttles atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count(r)
	resp, err := c.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		c.throttles.Add(1)
		c.throttled(retryAfter(resp))
	}
	return resp, err
}

func (c *counter) count(r *http.Request) {
	q := r.URL.Query()
	switch {
	case q.Get("dryRun") != "":
		c.dryRuns.Add(1)
	case r.Method != http.MethodGet:
		c.writes.Add(1)
	case q.Get("watch") != "":
		c.watches.Add(1)
	default:
		c.reads.Add(1)
	}
}

func retryAfter(resp *http.Response) time.Duration {
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	return time.Second
}

func (c *counter) requests() Requests {
	return Requests{
		Reads: c.reads.Load(), Watches: c.watches.Load(), Writes: c.writes.Load(),
		DryRuns: c.dryRuns.Load(), Throttled: c.throttles.Load(),
	}
}
