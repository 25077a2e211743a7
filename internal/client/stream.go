package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxLine bounds a line of a stream; an event is one.
const maxLine = 64 << 20

// lives is how often in a row a watch connects anew in vain.
const lives = 5

// Watch calls look with the app as it is and as it becomes, until that is done or fails.
// It connects anew where the stream breaks. An app that is gone is model.ErrNotFound.
func (c *Client) Watch(ctx context.Context, app AppName, look func(AppDetail) (done bool, err error)) error {
	last := ""
	for left := lives; ; left-- {
		done, heard, err := c.watch(ctx, app, &last, look)
		var said *Problem
		switch {
		case done || err != nil && (errors.As(err, &said) && !errors.Is(err, model.ErrTransient) || errors.Is(err, errLook)):
			return own(err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case heard:
			left = lives
		case left == 0 && err == nil:
			return fmt.Errorf("%s ends the watch of %s as soon as it begins: check what stands before the server", c.URL, app.Name)
		case left == 0:
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(c.Pause):
		}
	}
}

// errLook marks the errors of those who look.
var errLook = errors.New("")

type lookError struct{ error }

func (lookError) Is(target error) bool { return target == errLook }
func (e lookError) Unwrap() error      { return e.error }

// own is the error without its mark.
func own(err error) error {
	var marked lookError
	if errors.As(err, &marked) {
		return marked.error
	}
	return err
}

// watch is Watch as long as one connection lasts; heard says that there was an event.
func (c *Client) watch(ctx context.Context, app AppName, last *string, look func(AppDetail) (bool, error)) (done, heard bool, err error) {
	q := call{method: http.MethodGet, path: app.path("watch"), accept: "text/event-stream"}
	if *last != "" {
		q.header = map[string]string{"Last-Event-ID": *last}
	}
	got, err := c.send(ctx, q)
	if err != nil {
		return false, false, err
	}
	defer func() { _ = got.Body.Close() }()
	err = eachEvent(got.Body, func(e event) error {
		heard = true
		switch e.name {
		case "app":
			var now AppDetail
			if err := json.Unmarshal(e.data, &now); err != nil {
				return lookError{fmt.Errorf("%s tells of %s as Fixpoint does not: %w", c.URL, app.Name, err)}
			}
			*last = e.id
			var err error
			if done, err = look(now); err != nil {
				return lookError{err}
			}
		case "removed":
			return lookError{model.As(model.ErrNotFound, errors.New("it was deleted meanwhile"))}
		case "problem":
			p := &Problem{}
			if json.Unmarshal(e.data, p) == nil {
				return c.said(p, "")
			}
		}
		if done {
			return io.EOF
		}
		return nil
	})
	return done, heard, err
}

// event is one of a stream.
type event struct {
	name, id string
	data     []byte
}

// eachEvent calls do with each event until the stream ends, which is no error, or do
// fails; io.EOF of do ends it, too.
func eachEvent(r io.Reader, do func(event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = append(e.data, value...)
		case "":
			if lines.Text() != "" || e.data == nil {
				continue // a comment, or nothing yet
			}
			if err := do(e); err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			e = event{id: e.id}
		}
	}
	return lines.Err()
}

// LogQuery says which lines are wanted, by the parameters of the API.
type LogQuery struct {
	Object    Object
	Container string
	Follow    bool
	Previous  bool
	// Tail is how many lines at the end; negative is all.
	Tail   int
	Since  time.Time
	Search string
}

func (q LogQuery) values() url.Values {
	v := q.Object.query()
	v.Set("tail", fmt.Sprint(max(q.Tail, -1)))
	for name, on := range map[string]bool{"follow": q.Follow, "previous": q.Previous} {
		if on {
			v.Set(name, "true")
		}
	}
	for name, text := range map[string]string{"container": q.Container, "search": q.Search} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	return v
}

// Logs calls emit with each line until there is none left, ctx ends or emit fails.
func (c *Client) Logs(ctx context.Context, app AppName, q LogQuery, emit func(LogLine) error) error {
	got, err := c.send(ctx, call{method: http.MethodGet, path: app.path("logs"), query: q.values(), accept: "application/x-ndjson"})
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	lines := bufio.NewScanner(got.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line LogLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("%s sends a log as Fixpoint does not: check the address of the server", c.URL)
		}
		if line.Problem != nil {
			return c.said(line.Problem, "")
		}
		if err := emit(line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return c.explain(ctx, err)
	}
	return nil
}

// AuditCheck says whether the audit trail is whole.
type AuditCheck struct {
	Whole   bool      `json:"whole"`
	Broken  string    `json:"broken,omitempty"`
	Records int       `json:"records"`
	First   int64     `json:"first,omitempty"`
	Last    int64     `json:"last,omitempty"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
}

// VerifyAudit has the server read all of the audit trail.
func (c *Client) VerifyAudit(ctx context.Context) (AuditCheck, error) {
	var out AuditCheck
	return out, c.get(ctx, "/audit/verify", nil, &out)
}

// ExportAudit writes the audit trail, as the query asks, and fails unless it is all of it.
func (c *Client) ExportAudit(ctx context.Context, query url.Values, w io.Writer) error {
	got, err := c.export(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	if _, err := io.Copy(w, got.Body); err != nil {
		return fmt.Errorf("the audit trail ends too early: %w", c.explain(ctx, err))
	}
	return nil
}
