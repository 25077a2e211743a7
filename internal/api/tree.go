package api

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Tree are an app's objects and what descends from them.
type Tree struct {
	Nodes      []Node   `json:"nodes"`
	Incomplete []string `json:"incomplete" doc:"what could not be read"`
}

// Node is an object in a tree.
type Node struct {
	Object          Object    `json:"object"`
	UID             string    `json:"uid,omitempty" doc:"none of what does not exist"`
	Parents         []string  `json:"parents" doc:"the uids of its owners in the tree"`
	Managed         bool      `json:"managed" doc:"the app declares it, or did"`
	Hook            bool      `json:"hook"`
	Sync            string    `json:"sync,omitempty" enum:"Synced,OutOfSync,Unknown"`
	Health          string    `json:"health,omitempty" enum:"Healthy,Suspended,Progressing,Missing,Degraded,Unknown"`
	Message         string    `json:"message,omitempty"`
	Info            []string  `json:"info" doc:"short facts, such as 2/2 ready"`
	Images          []string  `json:"images"`
	Wave            int       `json:"wave"`
	Prune           bool      `json:"prune"`
	Deleting        bool      `json:"deleting"`
	Created         time.Time `json:"created,omitzero"`
	Links           []Link    `json:"links,omitempty"`
	ResourceVersion string    `json:"resourceVersion,omitempty"`
}

// ObjectDetail is one object, with all that is known of it but events and logs.
type ObjectDetail struct {
	Node
	Live    map[string]any `json:"live,omitempty" doc:"what is there; values of Secrets are masked"`
	Desired map[string]any `json:"desired,omitempty" doc:"what the app declares; values of Secrets are masked"`
	Owners  []Owner        `json:"owners" doc:"who has set which fields"`
	Actions []Action       `json:"actions"`
	Pods    []Pod          `json:"pods" doc:"those whose logs can be read"`
}

// Owner is who has set fields of an object.
type Owner struct {
	Manager     string    `json:"manager"`
	Operation   string    `json:"operation" doc:"Apply or Update"`
	Subresource string    `json:"subresource,omitempty"`
	Time        time.Time `json:"time,omitzero"`
	Ours        bool      `json:"ours"`
	Fields      []string  `json:"fields"`
}

// Action is something that can be done with an object.
type Action struct {
	Name   string  `json:"name"`
	Title  string  `json:"title"`
	Help   string  `json:"help,omitempty"`
	Why    string  `json:"why,omitempty" doc:"why it can't be done now"`
	Danger bool    `json:"danger" doc:"it interrupts or deletes something"`
	Params []Param `json:"params"`
}

// Param is a parameter of an action.
type Param struct {
	Name     string `json:"name"`
	Default  string `json:"default,omitempty"`
	Help     string `json:"help,omitempty"`
	Required bool   `json:"required"`
}

// Pod is one with its containers.
type Pod struct {
	Namespace  string      `json:"namespace"`
	Name       string      `json:"name"`
	Containers []Container `json:"containers"`
}

// Container is one of a pod's.
type Container struct {
	Name     string `json:"name"`
	Init     bool   `json:"init"`
	Restarts int    `json:"restarts"`
	State    string `json:"state,omitempty"`
}

// Events are those of an object and its descendants, or of the declaring object.
type Events struct {
	Items []Event `json:"items" doc:"newest first"`
}

// Event is a Kubernetes event.
type Event struct {
	Object  Object    `json:"object"`
	Type    string    `json:"type" doc:"Normal or Warning"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Source  string    `json:"source,omitempty"`
	Count   int       `json:"count"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
}

// LogLine is a line of a log.
type LogLine struct {
	Pod       string    `json:"pod,omitempty"`
	Container string    `json:"container,omitempty"`
	At        time.Time `json:"at,omitzero"`
	Text      string    `json:"text"`
	Note      bool      `json:"note,omitempty" doc:"it is no line of the log, but Fixpoint's word on it"`
	Problem   *Problem  `json:"problem,omitempty" doc:"why the log ends here, of its last line"`
}

func tree(t view.Tree) Tree {
	return Tree{Nodes: list(t.Nodes, node), Incomplete: texts(t.Incomplete)}
}

func node(n view.Node) Node {
	return Node{
		Object: object(n.Ref), UID: n.UID, Parents: texts(n.Parents), Managed: n.Managed, Hook: n.Hook,
		Sync: string(n.Sync), Health: string(n.Health), Message: n.Message, Info: texts(n.Info), Images: texts(n.Images),
		Wave: n.Wave, Prune: n.Prune, Deleting: n.Deleting, Created: n.Created.UTC(), Links: list(n.Links, link),
		ResourceVersion: n.ResourceVersion,
	}
}

func objectDetail(o view.Object) ObjectDetail {
	return ObjectDetail{
		Node: node(o.Node), Live: o.Live, Desired: o.Desired, Owners: list(o.Owners, owner),
		Actions: list(o.Actions, action), Pods: list(o.Pods, pod),
	}
}

func owner(o view.FieldOwner) Owner {
	return Owner{
		Manager: o.Manager, Operation: o.Operation, Subresource: o.Subresource, Time: o.Time.UTC(),
		Ours: o.Ours, Fields: texts(o.Fields),
	}
}

func action(a view.Action) Action {
	return Action{
		Name: a.Name, Title: a.Title, Help: a.Help, Why: a.Why, Danger: a.Danger,
		Params: list(a.Params, func(p view.Param) Param {
			return Param{Name: p.Name, Default: p.Default, Help: p.Help, Required: p.Required}
		}),
	}
}

func pod(p view.Pod) Pod {
	return Pod{Namespace: p.Namespace, Name: p.Name, Containers: list(p.Containers, func(c view.Container) Container {
		return Container{Name: c.Name, Init: c.Init, Restarts: c.Restarts, State: c.State}
	})}
}

func event(e view.Event) Event {
	return Event{
		Object: object(e.Ref), Type: e.Type, Reason: e.Reason, Message: e.Message, Source: e.Source,
		Count: e.Count, First: e.First.UTC(), Last: e.Last.UTC(),
	}
}

func logLine(l view.LogLine) LogLine {
	return LogLine{Pod: l.Pod, Container: l.Container, At: l.At.UTC(), Text: l.Text, Note: l.Note}
}
