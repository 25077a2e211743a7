package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// The bounds of what a page of logs holds.
const (
	logTail  = 500
	logWidth = 8 << 10 // bytes of a line
	logRead  = 2 * time.Second
)

// logsPage is the end of the logs of an object's pods, and goes on with what comes.
type logsPage struct {
	Frame
	appHead
	Object view.Object
	Query  view.LogQuery
	// Wrap breaks long lines, Times shows when each was written.
	Wrap, Times bool
	Lines       []view.LogLine
	// Many: the lines are of several pods or containers.
	Many bool
	// Err says why there are no lines, or no more.
	Err string
}

func (w *Web) logsPage(r *http.Request) (Page, error) {
	head, object, err := w.readObject(r)
	if err != nil {
		return nil, err
	}
	if !head.May.Logs {
		return nil, model.As(model.ErrDenied, fmt.Errorf("you may not read the logs of %s", head.App.Title()))
	}
	p := &logsPage{appHead: head, Frame: head.frameOf("logs", "Logs of "+object.Ref.Name), Object: object, Query: logQueryOf(r)}
	p.Topics = nil // it has a stream of its own
	p.Wrap, p.Times = r.FormValue("wrap") != "", r.FormValue("times") != ""
	p.Many = p.Query.Container == "*" || p.Query.Pod == "" && len(object.Pods) > 1
	if len(object.Pods) > 0 || isPod(object) {
		p.read(r)
	}
	return p, nil
}

func isPod(o view.Object) bool { return o.Ref.Kind == "Pod" && o.Ref.Group == "" }

// logQueryOf reads which logs a request asks for.
func logQueryOf(r *http.Request) view.LogQuery {
	key, _ := objectOf(r)
	q := view.LogQuery{
		Object: key, Pod: r.FormValue("pod"), Container: r.FormValue("container"),
		Previous: r.FormValue("previous") != "", Search: strings.TrimSpace(r.FormValue("q")), Tail: logTail,
	}
	q.Since, _ = time.Parse(time.RFC3339Nano, r.FormValue("since"))
	return q
}

// read takes the lines that are there; what needs too long for that follows later.
func (p *logsPage) read(r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), logRead)
	defer cancel()
	err := view.DeskOf(ctx).Logs(ctx, p.App.Key, p.Query, func(l view.LogLine) error {
		l.Text = logText(l.Text, logWidth)
		p.Lines = append(p.Lines, l)
		if len(p.Lines) > 2*logTail {
			p.Lines = append([]view.LogLine(nil), p.Lines[len(p.Lines)-logTail:]...)
		}
		return nil
	})
	p.Lines = p.Lines[max(0, len(p.Lines)-logTail):]
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		p.Err, _ = explained(err)
	}
}

// Stamp is a time with all its digits, which tells lines apart.
func (p *logsPage) Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Clock is a time as a line shows it.
func (p *logsPage) Clock(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05.000") }

// From says which container wrote a line.
func (p *logsPage) From(l view.LogLine) string { return l.Pod + "/" + l.Container }

// Follows reports whether more lines may come.
func (p *logsPage) Follows() bool { return p.Err == "" && !p.Query.Previous }

// Watch is the address of the lines to come, Save that of all lines as a file.
func (p *logsPage) Watch() string { return p.below("watch") }

// Save is the address of all lines as a file.
func (p *logsPage) Save() string { return p.below("text") }

func (p *logsPage) below(what string) string {
	q := objectQuery(p.Object.Ref.ObjectKey)
	for name, v := range map[string]string{"pod": p.Query.Pod, "container": p.Query.Container, "q": p.Query.Search} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if p.Query.Previous {
		q.Set("previous", "1")
	}
	return p.Path + "/logs/" + what + "?" + q.Encode()
}

// Containers are the names of those that can be chosen: of the chosen pod, or of all.
func (p *logsPage) Containers() []string {
	var names []string
	seen := map[string]bool{}
	for _, pod := range p.Object.Pods {
		if p.Query.Pod != "" && pod.Name != p.Query.Pod {
			continue
		}
		for _, c := range pod.Containers {
			if !seen[c.Name] {
				seen[c.Name] = true
				names = append(names, c.Name)
			}
		}
	}
	return names
}

// Restarted reports whether there is an earlier run to look at.
func (p *logsPage) Restarted() bool {
	for _, pod := range p.Object.Pods {
		for _, c := range pod.Containers {
			if c.Restarts > 0 {
				return true
			}
		}
	}
	return false
}

// ObjectLink is the address of the object's page.
func (p *logsPage) ObjectLink() string { return p.ObjectPath(p.Object.Ref) }

// Fields are the object's parameters, for forms.
func (p *logsPage) Fields() url.Values { return objectQuery(p.Object.Ref.ObjectKey) }
