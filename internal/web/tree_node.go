package web

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/web/layout"
)

// treeNode is a box of the tree.
type treeNode struct {
	ID, Parent string
	Class      string
	Href       string
	X, Y       int
	// Tile is the kind in a few letters, Name and Info two lines of text that fit.
	Tile, Name, Info string
	// Label is all of it in words.
	Label  string
	Health model.HealthStatus
	Sync   model.SyncStatus
	// Created is zero where the age says nothing.
	Created time.Time
	// Group: it opens or closes a group, by its address.
	Group bool
}

// treeEdge is a line between boxes.
type treeEdge struct {
	Path  string
	Extra bool
}

// The room for a node's texts, in units of its width.
const (
	nameRoom = 156
	iconRoom = 18
	infoRoom = 190
)

// HealthAt is where the sign of the health stands: at the right, or left of that of the
// sync status.
func (n *treeNode) HealthAt() int {
	if n.Sync == "" {
		return 226
	}
	return 226 - iconRoom
}

// room is that for a name beside the signs.
func room(signs ...bool) int {
	left := nameRoom + 2*iconRoom
	for _, on := range signs {
		if on {
			left -= iconRoom
		}
	}
	return left
}

// Clip is the number of signs that the name ends before: it is cut there whatever
// the type is that it is drawn in.
func (n *treeNode) Clip() int {
	signs := 0
	for _, on := range []bool{n.Health != "", n.Sync != ""} {
		if on {
			signs++
		}
	}
	return signs
}

// clip is the room for a name beside so many signs.
type clip struct{ Signs, Room int }

// Clips are all of them.
func (t *treeView) Clips() []clip {
	return []clip{{0, room() + 4}, {1, room(true)}, {2, room(true, true)}}
}

func (n *treeNode) root(t *treeView) {
	a := t.App
	n.Class, n.Tile, n.Href = "root", "app", t.Path
	n.Name, n.Info = fitName(a.Key.Name, room(true, true)), fit(a.Kind, infoRoom)
	n.Health, n.Sync, n.Created = a.Health, a.Sync, a.Created
	n.Label = words(a.Kind+" "+a.Title(), stateOf(a.Health).Word, stateOf(a.Sync).Word, a.Message)
}

func (n *treeNode) object(t *treeView, o *view.Node) {
	n.Href, n.Tile = t.ObjectPath(o.Ref), tile(o.Ref.Kind)
	n.Name = fitName(o.Ref.Name, room(o.Health != "", o.Sync != ""))
	n.Info = about(o)
	n.Health, n.Sync, n.Created = o.Health, o.Sync, o.Created
	said := []string{t.RefText(o.Ref)}
	if o.Health != "" {
		said = append(said, stateOf(o.Health).Word)
	}
	if o.Sync != "" {
		said = append(said, stateOf(o.Sync).Word)
	}
	class := []string{"object"}
	for _, c := range []struct {
		on         bool
		name, word string
	}{
		{o.Hook, "hook", "hook"},
		{o.Prune, "prune", "to be pruned"},
		{o.Deleting, "deleting", "being deleted"},
		{t.Filtered() && !t.Query.wants(o), "beside", ""},
	} {
		if c.on {
			class = append(class, c.name)
			said = append(said, c.word)
		}
	}
	n.Class = strings.Join(class, " ")
	n.Label = words(append(append(said, o.Info...), o.Message)...)
}

// about is the second line of an object: why it is not healthy, or facts.
func about(o *view.Node) string {
	switch o.Health {
	case model.Degraded, model.Progressing, model.Missing:
		if why := reason(o); why != "" {
			return fitStart(why, infoRoom)
		}
	}
	info := slices.Clone(o.Info)
	if i := slices.Index(info, "Completed"); i > 0 {
		info = slices.Insert(slices.Delete(info, i, i+1), 0, "Completed")
	}
	return facts(append([]string{o.Ref.Kind}, info...), infoRoom)
}

// reason is a word that Kubernetes has for why an object is not healthy, such as
// CrashLoopBackOff, or else its message.
func reason(o *view.Node) string {
	words := strings.FieldsFunc(o.Message, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, word := range append(slices.Clone(o.Info), words...) {
		if text, _ := view.Explain(word); text != "" && strings.ToLower(word[1:]) != word[1:] {
			return word
		}
	}
	return o.Message
}

func (n *treeNode) group(t *treeView, b layout.Box, nodes map[string]*view.Node) {
	var kind, plural string
	counts := map[model.HealthStatus]int{}
	for _, id := range b.Members {
		o := nodes[id]
		kind = o.Ref.Kind
		counts[o.Health]++
		if o.Health.Worse(n.Health) {
			n.Health = o.Health
		}
	}
	n.Group, n.Class = true, "group"
	n.Href = t.Query.toggled("open", t.Query.Open, mark(b.ID))
	if b.Open {
		kind = kindOf(b.ID)
		plural = kindsOf(kind)
		n.Class, n.Tile, n.Health = "group open", tile(kind), ""
		n.Name, n.Info = "Show fewer "+plural, fmt.Sprintf("all %d are shown", b.Size)
		if len(b.Members) > 0 {
			n.Info = fmt.Sprintf("%d more are in the list", len(b.Members))
		}
	} else {
		plural = kindsOf(kind)
		n.Tile, n.Name, n.Info = tile(kind), fmt.Sprintf("%d %s", len(b.Members), plural), healthCounts(counts)
	}
	n.Label = words(n.Name, n.Info)
	n.Name, n.Info = fit(n.Name, room(n.Health != "")), fit(n.Info, infoRoom)
}

// kindOf is the kind in the name of a group.
func kindOf(group string) string {
	return strings.TrimSuffix(group[strings.LastIndex(group, "/")+1:], "+")
}

func kindsOf(kind string) string {
	switch {
	case strings.HasSuffix(kind, "s"), strings.HasSuffix(kind, "x"):
		return kind + "es"
	case strings.HasSuffix(kind, "cy"), strings.HasSuffix(kind, "ty"):
		return strings.TrimSuffix(kind, "y") + "ies"
	}
	return kind + "s"
}

// healthCounts is such as "11 healthy, 1 degraded"; the worst come first.
func healthCounts(counts map[model.HealthStatus]int) string {
	var parts []string
	for _, h := range []model.HealthStatus{
		model.Unknown, model.Degraded, model.Missing, model.Progressing, model.Suspended, model.Healthy,
	} {
		if counts[h] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[h], strings.ToLower(string(h))))
		}
	}
	return strings.Join(parts, ", ")
}

// words joins what there is to say.
func words(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// tiles are the usual short names of kinds.
var tiles = map[string]string{
	"Deployment": "deploy", "ReplicaSet": "rs", "StatefulSet": "sts", "DaemonSet": "ds", "Pod": "pod", "Service": "svc",
	"Ingress": "ing", "ConfigMap": "cm", "Secret": "sec", "ServiceAccount": "sa", "Namespace": "ns", "Job": "job",
	"CronJob": "cron", "PersistentVolumeClaim": "pvc", "PersistentVolume": "pv", "HorizontalPodAutoscaler": "hpa",
	"PodDisruptionBudget": "pdb", "CustomResourceDefinition": "crd", "EndpointSlice": "ep", "Endpoints": "ep",
	"NetworkPolicy": "np", "Role": "role", "RoleBinding": "rb", "ClusterRole": "cr", "ClusterRoleBinding": "crb",
	"Rollout": "ro", "HTTPRoute": "route", "Certificate": "cert",
}

// tile is a kind in at most six letters: its usual short name, or its capitals.
func tile(kind string) string {
	if s, ok := tiles[kind]; ok {
		return s
	}
	capitals := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, kind)
	if len(capitals) > 1 {
		return capitals[:min(len(capitals), 4)]
	}
	return strings.ToLower(string([]rune(kind)[:min(len([]rune(kind)), 4)]))
}

// fitName is fit for names: they are bold, and wider where a system's type is.
func fitName(name string, room int) string { return fit(name, room*84/100) }

// fit shortens a text in its middle so that it takes about room at most: the ends of
// names tell them apart.
func fit(text string, room int) string {
	runes := []rune(text)
	if textWidth(text) <= room*10 {
		return text
	}
	tail := runes[max(0, len(runes)-6):]
	left := room*10 - runeWidth('…')
	for _, r := range tail {
		left -= runeWidth(r)
	}
	n := 0
	for n < len(runes)-len(tail) && left >= runeWidth(runes[n]) {
		left -= runeWidth(runes[n])
		n++
	}
	return string(runes[:n]) + "…" + string(tail)
}

// fitStart shortens a text at its end so that it takes about room at most.
func fitStart(text string, room int) string {
	left := room*10 - runeWidth('…')
	if textWidth(text) <= room*10 {
		return text
	}
	for i, r := range text {
		if left -= runeWidth(r); left < 0 {
			return strings.TrimRight(text[:i], " ,;:.") + "…"
		}
	}
	return text
}

// facts are as many of the texts as there is room for; the first is cut if it has to be.
func facts(texts []string, room int) string {
	out := fit(texts[0], room)
	for _, text := range texts[1:] {
		if longer := out + " · " + text; textWidth(longer) <= room*10 {
			out = longer
		}
	}
	return out
}

func textWidth(text string) int {
	width := 0
	for _, r := range text {
		width += runeWidth(r)
	}
	return width
}

// runeWidth is about how wide a character is in the type of the tree, in tenths.
func runeWidth(r rune) int {
	switch {
	case strings.ContainsRune("iljtfr.,:;'|!()[] -/·", r):
		return 50
	case strings.ContainsRune("mwMW%@", r):
		return 118
	case unicode.IsUpper(r) || unicode.IsDigit(r):
		return 88
	case r > 0x2e80:
		return 125
	}
	return 80
}
