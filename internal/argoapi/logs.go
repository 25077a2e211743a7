package argoapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// entry is Argo CD's LogEntry.
type entry struct {
	Content      string    `json:"content"`
	TimeStamp    time.Time `json:"timeStamp"`
	Last         bool      `json:"last"`
	TimeStampStr string    `json:"timeStampStr"`
	PodName      string    `json:"podName"`
}

func entryOf(l view.LogLine) entry {
	at := l.At.UTC()
	return entry{Content: l.Text, TimeStamp: at.Truncate(time.Second), TimeStampStr: at.Format(time.RFC3339Nano), PodName: l.Pod}
}

// logRequest is what is asked of logs, besides of which objects.
type logRequest struct {
	view.LogQuery
	// until ends the log; zero does not. exact is a text that a line has to have in this
	// case, or not to have with "!" before it.
	until time.Time
	exact string
}

// errEnd ends a log that has reached its end.
var errEnd = errors.New("the end of the log is reached")

// getLogs sends the lines of the logs of one pod, or of those of an object, or of all
// that the app has. An entry that is the last says so.
func getLogs(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	q, err := c.logRequest()
	if err != nil {
		return nil, err
	}
	roots, err := c.logRoots(app)
	if err != nil {
		return nil, err
	}
	if download, err := c.flag("download"); err != nil {
		return nil, err
	} else if download {
		return nil, c.download(app.Key, q, roots)
	}
	out, settle := c.stream(), func() {}
	if q.Follow {
		// A log may be silent for long: the reader learns that it is read.
		settle = out.beginSoon()
		defer settle()
	}
	end := view.LogLine{}
	err = c.readLogs(app.Key, q, roots, func(l view.LogLine) error {
		if !q.until.IsZero() && l.At.After(q.until) {
			end = l
			return errEnd
		}
		return out.send(entryOf(l))
	})
	settle()
	if err != nil && !errors.Is(err, errEnd) {
		return nil, out.over(err)
	}
	if len(roots) > 0 && c.r.Context().Err() == nil {
		if end.At.IsZero() {
			end.At = time.Now()
		}
		last := entryOf(end)
		last.Last = true
		_ = out.send(last)
	}
	return nil, out.over(nil)
}

// logRequest reads the parameters.
func (c *call) logRequest() (q logRequest, err error) {
	q.Container = c.query.Get("container")
	for name, to := range map[string]*bool{"follow": &q.Follow, "previous": &q.Previous} {
		if *to, err = c.flag(name); err != nil {
			return q, err
		}
	}
	tail, err := c.number("tailLines")
	if err != nil {
		return q, err
	}
	if q.Tail = int(tail); q.Tail == 0 {
		q.Tail = -1
	}
	if q.Since, err = c.since(); err != nil {
		return q, err
	}
	if q.until, err = c.time("untilTime"); err != nil {
		return q, err
	}
	exact, err := c.flag("matchCase")
	if exact {
		q.exact = c.query.Get("filter")
	} else {
		q.Search = c.query.Get("filter")
	}
	return q, err
}

// since is the time from which lines are wanted, by any of the three parameters.
func (c *call) since() (time.Time, error) {
	seconds, err := c.number("sinceSeconds")
	if err != nil {
		return time.Time{}, err
	}
	if seconds > 0 {
		return time.Now().Add(-time.Duration(seconds) * time.Second), nil
	}
	unix, err := c.number("sinceTime.seconds")
	if err != nil {
		return time.Time{}, err
	}
	if unix > 0 {
		return time.Unix(unix, 0), nil
	}
	return c.time("sinceTime")
}

// time is a parameter that is a time; zero if it is missing.
func (c *call) time(name string) (time.Time, error) {
	text := c.query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid("parameter %s: %.40q is no time such as 2006-01-02T15:04:05Z", name, text)
	}
	return t, nil
}

// wants reports whether a line has the text that it has to have.
func (q logRequest) wants(l view.LogLine) bool {
	text, without := strings.CutPrefix(q.exact, "!")
	return l.Note || text == "" || strings.Contains(l.Text, text) != without
}

// download sends the lines as a file.
func (c *call) download(key model.AppKey, q logRequest, roots []model.ObjectKey) error {
	h := c.w.Header()
	begin := func() {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", c.logName()))
	}
	begun := false
	err := c.readLogs(key, q, roots, func(l view.LogLine) error {
		if !begun {
			begun = true
			begin()
		}
		if !q.until.IsZero() && l.At.After(q.until) {
			return errEnd
		}
		if _, err := fmt.Fprintln(c.w, l.Text); err != nil || !q.Follow {
			return err
		}
		return http.NewResponseController(c.w).Flush()
	})
	switch {
	case errors.Is(err, errEnd), c.r.Context().Err() != nil:
		return nil
	case err != nil && begun:
		_, _ = fmt.Fprintln(c.w, c.refusalOf(c.r, err).text)
		return nil
	case err == nil && !begun:
		begin()
		c.w.WriteHeader(http.StatusOK)
	}
	return err
}

var fileWord = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// logName is a file's name of words of the request, if they are all names.
func (c *call) logName() string {
	pod := c.podName()
	if pod == "" {
		pod = c.query.Get("resourceName")
	}
	words := []string{c.query.Get("namespace"), pod, c.query.Get("container")}
	for _, w := range words {
		if !fileWord.MatchString(w) {
			return "log.log"
		}
	}
	return strings.Join(words, "-") + ".log"
}

// podName is the pod of the address or the parameters; "" if none is named.
func (c *call) podName() string {
	if name := c.r.PathValue("podName"); name != "" {
		return name
	}
	return c.query.Get("podName")
}
