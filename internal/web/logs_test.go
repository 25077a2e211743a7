package web

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

func TestLogText(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext":                               "plain\ttext",
		"\x1b[31mred\x1b[0m":                        "red",
		"\x1b[38;5;12;1mblue\x1b[K":                 "blue",
		"\x1b]0;title\x07after":                     "after",
		"\x1b]8;;https://x\x1b\\link\x1b]8;;\x1b\\": "link",
		"\x1b(Bx\x1b=y\x1bcz":                       "xyz",
		"\x1b[31":                                   "",
		"\x1b":                                      "",
		"a\x00b\rc\x7f":                             "abc",
		"<b>&amp;":                                  "<b>&amp;",
		"evil\u202etxt":                             "eviltxt",
		"a\u200e1\u200f2\u061c3\u2067":              "a123",
		"bad\xffbyte":                               "bad\ufffdbyte",
	} {
		if got := logText(in, 100); got != want {
			t.Errorf("logText(%q) = %q, want %q", in, got, want)
		}
	}
	if got := logText(strings.Repeat("x", 200), 100); len(got) != 103 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long line: %d bytes", len(got))
	}
}

func FuzzLogText(f *testing.F) {
	f.Add("\x1b[1;31mx\x1b]0;t\x07")
	f.Fuzz(func(t *testing.T, in string) {
		out := logText(in, 50)
		if len(out) > 60 || strings.ContainsAny(out, "\x1b\x00\r\n") {
			t.Errorf("%q became %q", in, out)
		}
	})
}

// podWithLogs is a pod of the sample with one container that has said something.
func podWithLogs(t *testing.T, b *viewtest.Backend, app model.AppKey) (model.ObjectRef, view.LogLine) {
	t.Helper()
	pod := findNode(t, b, app, "Pod").Ref
	var first view.LogLine
	err := b.Logs(t.Context(), app, view.LogQuery{Object: pod.ObjectKey}, func(l view.LogLine) error {
		first = l
		return nil
	})
	if err != nil || first.Pod == "" {
		t.Fatalf("no logs: %v", err)
	}
	return pod, first
}

func TestLogsPage(t *testing.T) {
	b := viewtest.New()
	s := site(b, viewtest.Options{})
	app := sampleKey("shop-frontend")
	pod, line := podWithLogs(t, b, app)
	line.Text, line.At = "\x1b[31m<script>alert(1)</script>", line.At.Add(time.Second)
	b.Say(app, line)
	d := get(t, s, pathOf(app, "logs", pod))
	d.sound()
	rows := d.all("ol.lines li")
	if len(rows) == 0 || text(rows[len(rows)-1].LastChild) != "<script>alert(1)</script>" {
		t.Errorf("%d lines, the last is %q", len(rows), text(rows[len(rows)-1]))
	}
	if watch := attr(d.one("[data-logs]"), "data-watch"); !strings.HasPrefix(watch, AppPath(app)+"/logs/watch?") {
		t.Errorf("it follows %q", watch)
	}
	previous := get(t, s, pathOf(app, "logs", pod, "previous", "1"))
	if previous.one("[data-logs]"); attr(previous.one("[data-logs]"), "data-watch") != "" {
		t.Error("an earlier run is followed")
	}
	found := get(t, s, pathOf(app, "logs", pod, "q", "alert(1)"))
	found.wantCount("ol.lines li", 1)

	save := get(t, s, pathOf(app, "logs/text", pod))
	if got := save.head.Get("Content-Type"); got != "text/plain; charset=utf-8" || save.head.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("type %q", got)
	}
	if !strings.HasSuffix(string(save.body), " <script>alert(1)</script>\n") || !strings.HasPrefix(save.head.Get("Content-Disposition"), "attachment") {
		t.Errorf("saved %q", save.body)
	}
}

// A log is followed in batches; after a break nothing that is newer is left out.
func TestWatchLogs(t *testing.T) {
	b := viewtest.New()
	app := sampleKey("shop-frontend")
	pod, line := podWithLogs(t, b, app)
	server := httptest.NewServer(site(b, viewtest.Options{}))
	t.Cleanup(server.Close)
	since := line.At.Add(time.Hour)
	open := func() *bufio.Scanner {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			server.URL+pathOf(app, "logs/watch", pod, "since", since.Format(time.RFC3339Nano)), nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Body.Close() })
		if kind := a.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Errorf("type %q", kind)
		}
		return bufio.NewScanner(a.Body)
	}
	say := func(text string, after time.Duration) {
		l := line
		l.Text, l.At = text, since.Add(after)
		b.Say(app, l)
	}
	first := open()
	say("one", time.Second)
	wantLines(t, first, "one")
	say("two", 2*time.Second)
	wantLines(t, first, "two")
	since = since.Add(2 * time.Second)
	again := open()
	wantLines(t, again, "two")
}

// wantLines reads events until a list of lines, which has to be the texts.
func wantLines(t *testing.T, s *bufio.Scanner, texts ...string) {
	t.Helper()
	for len(texts) > 0 && s.Scan() {
		data, ok := strings.CutPrefix(s.Text(), "data: ")
		if !ok {
			continue
		}
		var lines [][5]string
		if err := json.Unmarshal([]byte(data), &lines); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		for _, l := range lines {
			if len(texts) == 0 || l[3] != texts[0] {
				t.Fatalf("line %q, want %q", l, texts)
			}
			texts = texts[1:]
		}
	}
	if len(texts) > 0 {
		t.Fatalf("the stream ended before %q: %v", texts, s.Err())
	}
}
