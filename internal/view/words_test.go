package view_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func TestAge(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for want, d := range map[string]time.Duration{
		"0s": -time.Hour, "59s": 59*time.Second + 999*time.Millisecond, "1m": time.Minute, "59m": time.Hour - 1,
		"1h": time.Hour + 59*time.Second, "3h10m": 3*time.Hour + 10*time.Minute, "9h59m": 10*time.Hour - 1, "10h": 10*time.Hour + 59*time.Minute,
		"1d": day, "3d2h": 3*day + 2*time.Hour, "10d": 10*day + 5*time.Hour, "364d": 365*day - 1, "1y": 365 * day, "2y30d": 760 * day,
	} {
		if got := view.Age(now.Add(-d), now); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := view.Age(time.Time{}, now); got != "" {
		t.Errorf("of no time: %q", got)
	}
}

func TestShortRevision(t *testing.T) {
	id := strings.Repeat("1a2b3c4d", 5)
	sum := strings.Repeat("1a2b3c4d", 8)
	for revision, want := range map[string]string{
		"": "", id: "1a2b3c4", sum: "1a2b3c4", "main@sha1:" + id: "main@1a2b3c4", "sha1:" + id: "1a2b3c4",
		"sha256:" + sum: "sha256:1a2b3c4", "6.7.1@sha256:" + sum: "6.7.1@sha256:1a2b3c4", "6.7.1": "6.7.1", "v1.0.0-rc.1": "v1.0.0-rc.1",
		"61.3.2," + id: "61.3.2, 1a2b3c4", id + "," + id: "1a2b3c4", strings.ToUpper(id): strings.ToUpper(id), "sha1:xyz": "sha1:xyz", "user@example": "user@example",
	} {
		if got := view.ShortRevision(revision); got != want {
			t.Errorf("%q: %q, want %q", revision, got, want)
		}
	}
}

// TestExplain: the reasons that people meet most are explained; each text is a clause
// and each next step a sentence.
func TestExplain(t *testing.T) {
	for _, reason := range []string{
		"ImagePullBackOff", "ErrImagePull", "CrashLoopBackOff", "FailedScheduling", "Unschedulable", "OOMKilled",
		"CreateContainerConfigError", "ProgressDeadlineExceeded", "FailedMount", "BackoffLimitExceeded", "Evicted", "FailedCreate",
	} {
		text, next := view.Explain(reason)
		if text == "" || next == "" {
			t.Errorf("%s: %q, %q", reason, text, next)
		}
		if strings.HasSuffix(text, ".") || !strings.HasSuffix(next, ".") && !strings.HasSuffix(next, "?") {
			t.Errorf("%s: %q, %q", reason, text, next)
		}
		if !unicode.IsUpper(rune(next[0])) {
			t.Errorf("%s: %q", reason, next)
		}
	}
	for reason, words := range map[string]string{
		"ImagePullBackOff": "pulled", "OOMKilled": "memory", "CrashLoopBackOff": "again", "FailedScheduling": "no node", "CreateContainerConfigError": "Secret",
	} {
		if text, _ := view.Explain(reason); !strings.Contains(text, words) {
			t.Errorf("%s: %q does not say %q", reason, text, words)
		}
	}
	if text, next := view.Explain("SomethingElse"); text != "" || next != "" {
		t.Errorf("%q, %q of a reason that nobody knows", text, next)
	}
}
