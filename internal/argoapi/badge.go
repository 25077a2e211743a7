package argoapi

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// part is a field of a badge.
type part struct{ text, colour string }

// The colours of badges: white is read on each of them.
const (
	green, amber, red, blue, grey, dark = "#177245", "#8a5a00", "#b3261e", "#1f5fa8", "#5b6470", "#2f353d"
)

var healthColours = map[model.HealthStatus]string{
	model.Healthy: green, model.Progressing: blue, model.Degraded: red, model.Missing: amber, model.Suspended: grey,
}

var syncColours = map[model.SyncStatus]string{model.Synced: green, model.OutOfSync: amber}

// maxProjects is how many projects a badge is of at most.
const maxProjects = 20

// getBadge draws how an Application is, or those of projects are. Where badges are off the
// answer is the same for all names, of apps and others.
func getBadge(c *call) (any, error) {
	revision, err := c.flag("revision")
	if err != nil {
		return nil, err
	}
	named, err := c.flag("showAppName")
	if err != nil {
		return nil, err
	}
	name, projects := c.query.Get("name"), c.values("project")
	if len(projects) > maxProjects {
		return nil, invalid("parameter project: %d are named: a badge is of at most %d", len(projects), maxProjects)
	}
	badge, found, enabled := c.Badge(c.query.Get("namespace"), name)
	if name == "" {
		badge, found, enabled = c.ProjectBadge(projects)
	}
	var parts []part
	switch {
	case !enabled || name == "" && !found:
		parts = []part{{"Unknown", grey}, {"Unknown", grey}}
	case !found:
		parts = []part{{"Not Found", grey}}
	default:
		parts = badgeParts(badge, revision, named)
	}
	c.picture(drawing(parts), enabled)
	return nil, nil
}

func badgeParts(b view.Badge, revision, named bool) []part {
	var out []part
	if named {
		out = append(out, part{b.Name, dark})
	}
	out = append(out, part{string(orUnknown(b.Health)), colourOf(healthColours, b.Health)}, part{string(orUnknown(b.Sync)), colourOf(syncColours, b.Sync)})
	if revision && b.Revision != "" {
		out = append(out, part{fmt.Sprintf("(%.7s)", b.Revision), dark})
	}
	return out
}

func orUnknown[T ~string](status T) T {
	if status == "" {
		return "Unknown"
	}
	return status
}

func colourOf[T comparable](of map[T]string, status T) string {
	if colour, known := of[status]; known {
		return colour
	}
	return grey
}

// picture answers with a drawing that is asked for anew each time, and sent only where it
// has changed. Where badges are on, pages of other sites may show it.
func (c *call) picture(svg string, everywhere bool) {
	sum := sha256.Sum256([]byte(svg))
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	h := c.w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "no-cache, private")
	h.Set("ETag", tag)
	if everywhere {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if c.r.Header.Get("If-None-Match") == tag {
		c.w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = c.w.Write([]byte(svg))
}

// The measures of a badge, in pixels.
const (
	badgeHeight, badgeMargin, badgeLetter = 20, 8, 7
)

// drawing is a badge as SVG: its parts from left to right.
func drawing(parts []part) string {
	var fields, words strings.Builder
	var said []string
	x := 0
	for _, p := range parts {
		letters := utf8.RuneCountInString(p.text) * badgeLetter
		width := letters + 2*badgeMargin
		fmt.Fprintf(&fields, `<rect x="%d" width="%d" height="%d" fill="%s"/>`, x, width, badgeHeight, p.colour)
		fmt.Fprintf(&words, `<text x="%d" y="14" textLength="%d">%s</text>`, x+badgeMargin, letters, html.EscapeString(p.text))
		said = append(said, p.text)
		x += width
	}
	title := html.EscapeString(strings.Join(said, ", "))
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s"><title>%s</title>`+
		`<clipPath id="r"><rect width="%d" height="%d" rx="3"/></clipPath><g clip-path="url(#r)">%s</g>`+
		`<g fill="#fff" font-family="Verdana, DejaVu Sans, sans-serif" font-size="11">%s</g></svg>`,
		x, badgeHeight, title, title, x, badgeHeight, fields.String(), words.String())
}
