package argoapi

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a connection that takes its time.
type slowly struct {
	*httptest.ResponseRecorder
	writing atomic.Bool
	writes  atomic.Int64
}

func (s *slowly) Write(b []byte) (int, error) {
	s.writing.Store(true)
	defer s.writing.Store(false)
	s.writes.Add(1)
	time.Sleep(time.Minute)
	return s.ResponseRecorder.Write(b)
}

// TestSecurityNothingAfterTheAnswer: what begins a silent log by itself writes nothing once
// the answer is over, be it late or just about to.
func TestSecurityNothingAfterTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		after  time.Duration
		writes int64
	}{
		"before its time": {time.Second / 2, 0}, "while it writes": {2 * time.Second, 1}, "after that": {2 * time.Minute, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &slowly{ResponseRecorder: httptest.NewRecorder()}
				s := (&call{api: &api{}, w: w, r: httptest.NewRequest(http.MethodGet, "/", nil)}).stream()
				settle := s.beginSoon()
				time.Sleep(c.after)
				settle()
				settle() // once more is nothing
				if w.writing.Load() {
					t.Error("it writes still")
				}
				time.Sleep(time.Hour)
				if got := w.writes.Load(); got != c.writes {
					t.Errorf("it has written %d times, want %d", got, c.writes)
				}
			})
		})
	}
}
