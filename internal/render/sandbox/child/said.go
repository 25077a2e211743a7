package child

import (
	"bytes"
	"strings"
	"sync"
)

// said keeps the beginning of what a child writes to its standard streams: the
// runtime's last words, if it crashes.
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
func (s *said) first(most int) string {
	return Clipped(strings.Join(strings.Fields(s.String()), " "), most)
}

// Clipped is a text of a child that can be shown: at most so many bytes of it.
func Clipped(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
