package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/web/layout"
)

// treeQuery is what the reader wants to see of an app's objects. All of it is in the
// address.
type treeQuery struct {
	// View is "tree" or "list".
	View string
	// Text, Kinds, Health and Sync choose among the nodes; empty is all.
	Text                string
	Kinds, Health, Sync []string
	// Open are the marks of the groups that show their members.
	Open []string
	// Rows is how many lines of the list are shown.
	Rows int
	// values are all of it as it was sent.
	values url.Values
}

const firstRows = 200

// maxTreeQuery bounds the query of a tree, in bytes: its links repeat it.
const maxTreeQuery = 8 << 10

func treeQueryOf(r *http.Request) treeQuery {
	v := r.URL.Query()
	q := treeQuery{
		View: v.Get("view"), Text: strings.TrimSpace(v.Get("q")), Kinds: chosen(v["kind"]),
		Health: chosen(v["health"]), Sync: chosen(v["sync"]), Open: v["open"], values: v,
	}
	if q.View != "tree" && q.View != "list" {
		q.View = "tree"
		if isPhone(r) {
			q.View = "list"
		}
	}
	q.Rows, _ = strconv.Atoi(v.Get("rows"))
	q.Rows = min(max(q.Rows, firstRows), 10000)
	return q
}

func chosen(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
}

const phoneHeader = "Sec-Ch-Ua-Mobile"

// isPhone reports whether a request comes from a small screen, as far as browsers say.
func isPhone(r *http.Request) bool {
	return r.Header.Get(phoneHeader) == "?1" || strings.Contains(r.UserAgent(), "Mobile")
}

// filtering reports whether some nodes may be left out.
func (q treeQuery) filtering() bool {
	return q.Text != "" || len(q.Kinds)+len(q.Health)+len(q.Sync) > 0
}

func (q treeQuery) wants(n *view.Node) bool {
	has := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	if !has(q.Kinds, n.Ref.Kind) || !has(q.Health, healthWord(n)) || !has(q.Sync, string(n.Sync)) {
		return false
	}
	text := strings.ToLower(n.Ref.Kind + "/" + n.Ref.Namespace + "/" + n.Ref.Name + " " + strings.Join(n.Info, " ") + " " +
		strings.Join(n.Images, " "))
	for word := range strings.FieldsSeq(strings.ToLower(q.Text)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// healthWord is a node's health; "None" where its kind has no rule.
func healthWord(n *view.Node) string {
	if n.Health == "" {
		return "None"
	}
	return string(n.Health)
}

// with is the query's address with a value replaced; "" removes it.
func (q treeQuery) with(name string, values ...string) string {
	v := url.Values{}
	for k, old := range q.values {
		if k != name {
			v[k] = old
		}
	}
	if values = chosen(values); len(values) > 0 {
		v[name] = values
	}
	return "?" + v.Encode()
}

// toggled is the query's address with a value added to those of a name, or removed.
func (q treeQuery) toggled(name string, list []string, value string) string {
	if i := slices.Index(list, value); i >= 0 {
		return q.with(name, slices.Delete(slices.Clone(list), i, i+1)...)
	}
	return q.with(name, append(slices.Clone(list), value)...)
}

// mark is a short name for a node or group that stays the same, for ids and addresses.
func mark(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:5])
}

// nodeID identifies a node among those of a tree: by its UID, if it exists.
func nodeID(n *view.Node) string {
	if n.UID != "" {
		return n.UID
	}
	return n.Ref.ObjectKey.String()
}

// treeRules are those of the layout: at most about 150 boxes, whatever the app.
func treeRules(q treeQuery) layout.Rules {
	return layout.Rules{
		Leaves: 6, Branches: 24, Aim: 150, Most: 100,
		Width: 248, Height: 52, GapX: 48, GapY: 14,
		Open: func(group string) bool { return slices.Contains(q.Open, mark(group)) },
	}
}

// kindOrder puts what people look for first at the top.
var kindOrder = map[string]string{
	"Namespace": "00", "Ingress": "10", "HTTPRoute": "10", "Gateway": "10", "Service": "11",
	"Deployment": "20", "StatefulSet": "20", "DaemonSet": "20", "Rollout": "20", "ReplicaSet": "21", "Pod": "22",
	"CronJob": "25", "Job": "26", "PersistentVolumeClaim": "60", "ConfigMap": "70", "Secret": "71", "ServiceAccount": "80",
	"Role": "81", "RoleBinding": "82", "ClusterRole": "83", "ClusterRoleBinding": "84",
}

// rank orders siblings: by kind, those that are made anew for each change newest
// first, and by name.
func rank(n *view.Node) string {
	order := kindOrder[n.Ref.Kind]
	if order == "" {
		order = "50"
	}
	age := ""
	if n.Ref.Kind == "ReplicaSet" || n.Ref.Kind == "Job" || n.Ref.Kind == "ControllerRevision" {
		age = strconv.FormatInt(1<<62-n.Created.Unix(), 36)
	}
	return order + n.Ref.Kind + "\x00" + age + "\x00" + n.Ref.Namespace + "\x00" + n.Ref.Name
}

// loud reports whether a node is to be seen even among many of its kind.
func loud(n *view.Node) bool {
	return n.Health == model.Degraded || n.Health == model.Missing || n.Health == model.Unknown || n.Prune
}
