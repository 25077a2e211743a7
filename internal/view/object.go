package view

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Tree are an app's objects and what descends from them.
type Tree struct {
	// Nodes are in no order that matters but that of their keys.
	Nodes []Node
	// Incomplete says what could not be read, for people; empty if nothing.
	Incomplete []string
}

// Node is an object in a tree.
type Node struct {
	Ref model.ObjectRef
	UID string // "" if it does not exist
	// Parents are the UIDs of its owners that are in the tree; none of an object that
	// the app declares.
	Parents []string
	// Managed: the app declares it, or did.
	Managed bool
	Hook    bool
	// Sync is "" of what the app does not declare.
	Sync model.SyncStatus
	// Health is "" where its kind has no rule.
	Health  model.HealthStatus
	Message string
	// Info are short facts: "2/2 ready", "3 restarts", "LoadBalancer", a node's name.
	Info   []string
	Images []string
	Wave   int
	// Prune: no longer declared; Deleting: it is being deleted.
	Prune, Deleting bool
	Created         time.Time
	// Links are those of an Ingress or Service; http and https only.
	Links []Link
	// ResourceVersion is that of what was read.
	ResourceVersion string
}

// Object is one object, with all that its page shows but events and logs.
type Object struct {
	Node
	// Live is what is there, Desired what the app declares, both without managed
	// fields, the values of Secrets masked; nil if there is none.
	Live, Desired map[string]any
	// Owners say who has set which fields.
	Owners []FieldOwner
	// Actions can be done with it.
	Actions []Action
	// Pods are those whose logs can be read: it, or its descendants.
	Pods []Pod
}

// FieldOwner is an entry of an object's managed fields.
type FieldOwner struct {
	Manager string
	// Operation is Apply or Update, Subresource "status", "scale" or "".
	Operation, Subresource string
	Time                   time.Time
	// Ours: it is the app's own.
	Ours bool
	// Fields are paths such as .spec.replicas, sorted.
	Fields []string
}

// Action is something that can be done with an object, such as restart.
type Action struct {
	Name, Title, Help string
	// Why says why it can't be done now; "" if it can.
	Why string
	// Danger: it interrupts or deletes something.
	Danger bool
	Params []Param
}

// Param is a parameter of an Action.
type Param struct {
	Name, Default, Help string
	Required            bool
}

// Pod has containers with logs.
type Pod struct {
	Namespace, Name string
	Containers      []Container
}

// Container is one of a pod's.
type Container struct {
	Name string
	// Init: it runs before the others. Restarts: it had that many, so that a previous
	// log may be there.
	Init     bool
	Restarts int
	State    string
}

// Event is a Kubernetes event.
type Event struct {
	Ref model.ObjectRef
	// Type is Normal or Warning.
	Type, Reason, Message, Source string
	Count                         int
	First, Last                   time.Time
}

// LogQuery asks for the logs of an object's pods.
type LogQuery struct {
	// Object is a pod, or what pods descend from.
	Object model.ObjectKey
	// Pod and Container choose among several; "" is all pods, and each pod's first or
	// default container. "*" is every container.
	Pod, Container string
	// Follow goes on until the reader ends it. Previous is the container's earlier run.
	Follow, Previous bool
	// Tail is how many lines at the end are given first; 0 is 500, negative is all.
	Tail int
	// Since leaves out what is older; zero leaves out nothing.
	Since time.Time
	// Search leaves out lines without this text, whatever its case. A leading "!"
	// leaves out those with it.
	Search string
}

// LogLine is a line of a log.
type LogLine struct {
	Pod, Container string
	At             time.Time
	Text           string
	// Note: it is no line of the log, but Fixpoint's word on it: a container that has
	// not started, pods that are left out.
	Note bool
}
