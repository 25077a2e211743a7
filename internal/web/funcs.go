package web

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// funcs are what templates may call besides the methods of their values.
func (w *Web) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":    w.assets.url,
		"age":      func(t time.Time) string { return view.Age(t, w.now()) },
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"date":     func(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05 UTC") },
		"short":    view.ShortRevision,
		"brief":    brief,
		"said":     said,
		"steps":    steps,
		"headline": headline,
		"lower":    lower,
		"cause":    cause,
		"appPath":  AppPath,
		"weblink":  weblink,
		"image":    imageOf,
		"few":      func(s []string) []string { return s[:min(len(s), fewFields)] },
		"rest":     func(s []string) []string { return s[min(len(s), fewFields):] },
		"troubled": troubled,
		"count":    groupedAny,
		"plural":   plural,
		"dict":     dict,
		"state":    stateOf,
		"join":     func(sep string, s []string) string { return strings.Join(s, sep) },
		"repo":     repoName,
		"appsBy":   appsBy,
		"kinds":    admissionOf,
		"clock":    func(t time.Time) string { return t.UTC().Format("15:04") },
		"weekday":  func(t time.Time) string { return t.UTC().Format("Monday, 2 January 2006") },
		"source":   sourceIcon,
		"version":  func() string { return w.version },

		"searchWords": func() []searchWord { return searchWords },
	}
}

// lower takes any of the string types.
func lower(v any) string { return strings.ToLower(fmt.Sprint(v)) }

// ofObject matches how a message begins that is about an object, with its health.
var ofObject = regexp.MustCompile(`^(?:health check failed: )?[A-Z][A-Za-z0-9]*(?:\.[a-z0-9.-]+)?/\S+: (?:(?:Degraded|Progressing|Missing|Unknown|Suspended), )?`)

// cause is what a message says without the object that it begins with.
func cause(message string) string {
	if rest := message[len(ofObject.FindString(message)):]; rest != "" {
		return rest
	}
	return message
}

// AppPath is the address of an app's page.
func AppPath(key model.AppKey) string {
	kind := map[string]string{"argo": "application", "flux": "kustomization", "helm": "helmrelease"}[key.Dialect]
	return "/apps/" + kind + "/" + url.PathEscape(key.Namespace) + "/" + url.PathEscape(key.Name)
}

// weblink is u if it is an address of the web, and "" otherwise: what users wrote never
// becomes a link of another scheme.
func weblink(u string) string {
	l := strings.ToLower(u)
	if strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://") {
		return u
	}
	return ""
}

// sourceIcon is that of a kind of source; Git is the one that need not be named.
func sourceIcon(kind model.SourceKind) string {
	return string(cmp.Or(kind, model.SourceGit))
}

// repoName is what of a source's address tells it from others: its path, or all of it
// where that is short.
func repoName(address string) string {
	address = strings.TrimSuffix(strings.TrimSuffix(address, "/"), ".git")
	_, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		if host, path, scp := strings.Cut(address, ":"); scp && !strings.Contains(host, "/") {
			return path
		}
		return address
	}
	if _, path, _ := strings.Cut(rest, "/"); strings.Contains(path, "/") {
		return path
	}
	return rest
}

// groupedAny is grouped of an int or int64.
func groupedAny(n any) string {
	if i, ok := n.(int64); ok {
		return grouped(i)
	}
	i, _ := n.(int)
	return grouped(i)
}

// grouped writes a number with thin spaces between thousands.
func grouped[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	return s
}

// plural is "1 app" or "3 apps".
func plural(n int, one, many string) string {
	if n == 1 {
		return "1\u00a0" + one
	}
	return grouped(n) + "\u00a0" + many
}

// dict makes a value for a partial out of keys and values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict needs a value for each key")
	}
	d := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		key, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: key %d is no string", i)
		}
		d[key] = pairs[i+1]
	}
	return d, nil
}

// State is how a status looks: never by its colour alone.
type State struct{ Word, Icon, Tone string }

var states = map[string]State{
	"Healthy":     {"Healthy", "healthy", "good"},
	"Progressing": {"Progressing", "progressing", "busy"},
	"Degraded":    {"Degraded", "degraded", "bad"},
	"Missing":     {"Missing", "missing", "warn"},
	"Suspended":   {"Suspended", "suspended", "calm"},
	"Synced":      {"Synced", "synced", "good"},
	"OutOfSync":   {"Out of sync", "outofsync", "warn"},
	"Running":     {"Syncing", "progressing", "busy"},
	"Succeeded":   {"Succeeded", "healthy", "good"},
	"Failed":      {"Failed", "degraded", "bad"},
	"Error":       {"Error", "degraded", "bad"},
	"Connected":   {"Connected", "healthy", "good"},
	"Unreachable": {"Unreachable", "offline", "bad"},
	"Reachable":   {"Reachable", "healthy", "good"},
	"Failing":     {"Failing", "offline", "bad"},
	"allowed":     {"allowed", "check", "good"},
	"denied":      {"denied", "lock", "warn"},
	"failed":      {"failed", "degraded", "bad"},

	string(view.SeverityError):   {"Error", "degraded", "bad"},
	string(view.SeverityWarning): {"Warning", "warning", "warn"},
	string(view.SeverityInfo):    {"Note", "info", "calm"},
}

// stateOf is the look of a health, a sync status, a phase or a severity. What is not
// known is unknown, which is no calm state: something keeps it from being told.
func stateOf(v any) State {
	if s, ok := states[fmt.Sprint(v)]; ok {
		return s
	}
	return State{"Unknown", "unknown", "warn"}
}
