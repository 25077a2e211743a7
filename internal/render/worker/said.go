package worker

import (
	"bytes"
	"sync"
)

// said keeps the beginning of what a worker writes to its standard streams:
// the runtime's last words, if it crashes.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// saidBytes is how much is kept.
const saidBytes = 32 << 10

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := saidBytes - s.text.Len(); room > 0 {
		s.text.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (s *said) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// first is the beginning of it, in one line.
func (s *said) first(n int) string {
	text := bytes.Join(bytes.Fields([]byte(s.String())), []byte(" "))
	return clipped(string(text[:min(n, len(text))]))
}
