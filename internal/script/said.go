package script

import (
	"bytes"
	"strings"
	"sync"
)

// said keeps the beginning of what a worker writes to its standard error: the
// runtime's last words, if it crashes.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// saidBytes is how much is kept.
const saidBytes = 16 << 10

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

// maxText is how long a text of a script or a worker may be that is shown.
const maxText = 4 << 10

// clipped is a text that can be shown.
func clipped(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
