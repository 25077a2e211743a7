package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// deaf is a config of an address where nobody listens.
func deaf(t *testing.T) *rest.Config {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return &rest.Config{Host: "http://" + l.Addr().String()}
}

// talking serves pods, and their logs by a test's function.
func talking(t *testing.T, all int, log http.HandlerFunc) (*live.Service, *live.Cluster, *tally) {
	return newFake(t, live.Config{}, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/log"):
			log(w, r)
		case r.URL.Query().Get("watch") != "":
			<-r.Context().Done()
		case strings.HasSuffix(r.URL.Path, "/replicasets"):
			_, _ = io.WriteString(w, replicaSet)
		default:
			podPages(w, r, all)
		}
	})
}

var webLogs = view.LogQuery{Object: webRoots[0].Object.ObjectKey}

func TestLinesOfALog(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	s, c, counts := talking(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "2026-07-21T10:00:00.5Z one\r\n2026-07-21T10:00:01Z %s\nwithout a time\n\n2026-07-21T10:00:02Z \n2026-07-21T10:00:03Z bad \xff end", long)
	})
	lines, err := logOf(t, s, c, webLogs)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		at := "-"
		if !l.At.IsZero() {
			at = l.At.Format("05.0")
		}
		text := l.Text
		if _, mark, cut := strings.Cut(text, " …"); cut {
			text = fmt.Sprintf("%d bytes …%s", len(text), mark)
		}
		got = append(got, at+" "+text)
	}
	want := []string{
		"00.5 one", "01.0 65539 bytes … (139285 bytes more)", "- without a time", "- ", "02.0 ", "03.0 bad \uFFFD end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if counts.of("/log?", "tailLines=500", "timestamps=true", "container=main") != 1 {
		t.Error("the log is not asked for with its times and its end only")
	}
}

func TestASlowReaderHoldsTheServerUp(t *testing.T) {
	var written atomic.Int64
	ended := make(chan struct{})
	s, c, _ := talking(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		for {
			n, err := io.WriteString(w, "2026-07-21T10:00:00Z "+strings.Repeat("y", 1000)+"\n")
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	err := s.Logs(ctx, c, webLogs, func(view.LogLine) error {
		if lines++; lines == 10 {
			// The server writes on until nothing more fits between us: it stands still
			// once it has written the same for many looks in a row.
			still, last := 0, int64(-1)
			eventually(t, func() string {
				n := written.Load()
				if n > 256<<20 {
					t.Fatal("the server is read although nobody takes the lines")
				}
				if still++; n != last {
					still, last = 0, n
				}
				if still < 10 {
					return "the server never stands still"
				}
				return ""
			})
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || lines > 11 {
		t.Errorf("%d lines: %v", lines, err)
	}
	<-ended
}

func TestLogsEndWithTheReader(t *testing.T) {
	failed := errors.New("the reader's connection is gone")
	ended := make(chan struct{}, 3)
	s, c, _ := talking(t, 3, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "2026-07-21T10:00:00Z hello\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- struct{}{}
	})
	q := webLogs
	q.Follow = true
	err := s.Logs(t.Context(), c, q, func(l view.LogLine) error {
		if l.Note {
			return nil
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Error(err)
	}
	<-ended
}

func TestTooManyLogsAtATime(t *testing.T) {
	for _, follow := range []bool{false, true} {
		var open atomic.Int64
		var mu sync.Mutex
		most := int64(0)
		s, c, counts := talking(t, 50, func(w http.ResponseWriter, r *http.Request) {
			n := open.Add(1)
			defer open.Add(-1)
			mu.Lock()
			most = max(most, n)
			mu.Unlock()
			_, _ = io.WriteString(w, "2026-07-21T10:00:00Z hello\n")
			_ = http.NewResponseController(w).Flush()
			if follow {
				<-r.Context().Done()
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		q := webLogs
		q.Follow = follow
		var notes []string
		lines := 0
		err := s.Logs(ctx, c, q, func(l view.LogLine) error {
			if l.Note {
				notes = append(notes, l.Text)
			} else if lines++; follow && lines == live.MaxStreams {
				cancel()
			}
			return nil
		})
		cancel()
		if follow != errors.Is(err, context.Canceled) || lines != live.MaxStreams || most > live.MaxStreams {
			t.Errorf("following %t: %d lines, at most %d at a time: %v", follow, lines, most, err)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], "30 more containers are left out") {
			t.Errorf("following %t: the notes are %q", follow, notes)
		}
		if n := counts.of("/log?"); n != live.MaxStreams {
			t.Errorf("following %t: %d logs were asked for", follow, n)
		}
	}
}

func TestOneLogOfManyFails(t *testing.T) {
	s, c, _ := talking(t, 3, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "web-1") {
			failure(w, http.StatusInternalServerError, "InternalError", "the node does not answer")
			return
		}
		_, _ = io.WriteString(w, "2026-07-21T10:00:00Z hello\n")
	})
	lines, err := logOf(t, s, c, webLogs)
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}
	notes := 0
	for _, l := range lines {
		if l.Note {
			notes++
			if l.Pod != "web-1" || !strings.Contains(l.Text, "the node does not answer") {
				t.Errorf("the note is %+v", l)
			}
		}
	}
	if notes != 1 {
		t.Errorf("%d notes", notes)
	}
	only := webLogs
	only.Pod = "web-1"
	if _, err := logOf(t, s, c, only); !errors.Is(err, model.ErrTransient) {
		t.Errorf("the failing log alone: %v", err)
	}
}

func TestLogsAreMergedByTime(t *testing.T) {
	s, c, _ := talking(t, 3, func(w http.ResponseWriter, r *http.Request) {
		var offset int
		_, _ = fmt.Sscanf(r.URL.Path, "/api/v1/namespaces/shop/pods/web-%d/log", &offset)
		for n := range 1000 {
			fmt.Fprintf(w, "2026-07-21T10:%02d:%02d.%dZ line\n", n/60, n%60, offset)
		}
	})
	// Lines wait for those of a container that is slower, but not for one that a busy
	// machine keeps for longer than that.
	eventually(t, func() string {
		lines, err := logOf(t, s, c, webLogs)
		if err != nil || len(lines) != 3000 {
			t.Fatal(len(lines), err)
		}
		for n := 1; n < len(lines); n++ {
			if lines[n].At.Before(lines[n-1].At) {
				return fmt.Sprintf("line %d is of %v, the one before of %v", n, lines[n].At, lines[n-1].At)
			}
		}
		return ""
	})
}
