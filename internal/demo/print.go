package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// printer writes lines, from several goroutines. An error of the output ends
// nothing: there is nobody left to tell.
type printer struct {
	mu   sync.Mutex
	out  io.Writer
	last time.Time
}

// say prints a line, or several.
func (p *printer) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
	_, _ = fmt.Fprintf(p.out, strings.TrimSuffix(format, "\n")+"\n", args...)
}

// event prints what happened at a time.
func (p *printer) event(at time.Time, app, text string) {
	p.say("%s  %-30s  %s", at.Format("15:04:05.000"), app, text)
}

// quiet is how long nothing was printed.
func (p *printer) quiet() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.last)
}

// Write prints complete lines as they come, indented: what another program says.
func (p *printer) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		p.say("    %s", strings.TrimRight(line, "\n"))
	}
	return len(text), nil
}

// already stands for what was there before anything was asked for.
const already = time.Duration(0)

// took is a duration as it is shown: in milliseconds up to 10 seconds.
func took(d time.Duration) string {
	switch {
	case d == already:
		return "already"
	case d < time.Millisecond:
		return "<1 ms"
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// plain is a message on one line of at most n characters.
func plain(text string, n int) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// gist is an error without the way by which Kustomize came to the file.
func gist(text string) string {
	const step = ": accumulating resources"
	first, last := strings.Index(text, step), strings.LastIndex(text, step)
	if first == last {
		return text
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(text[last+len(step):], " from "), ": ")
	return text[:first] + ": " + rest
}

// indentLast is the last n lines, indented.
func indentLast(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return ""
	}
	lines = lines[max(0, len(lines)-n):]
	return "    " + strings.Join(lines, "\n    ")
}
