package client

import "time"

// Tree are an app's objects and what descends from them.
type Tree struct {
	Nodes      []Node   `json:"nodes"`
	Incomplete []string `json:"incomplete"`
}

// Node is an object in a tree. Parents are the UIDs of its owners there.
type Node struct {
	Object  Object    `json:"object"`
	UID     string    `json:"uid"`
	Parents []string  `json:"parents"`
	Hook    bool      `json:"hook"`
	Sync    string    `json:"sync"`
	Health  string    `json:"health"`
	Message string    `json:"message"`
	Created time.Time `json:"created"`
}

// ObjectDetail is one object, with what can be done with it.
type ObjectDetail struct {
	Node
	Actions []Action `json:"actions"`
	Pods    []Pod    `json:"pods"`
}

// Action is something that can be done with an object; Why is why not now.
type Action struct {
	Name   string  `json:"name"`
	Title  string  `json:"title"`
	Help   string  `json:"help"`
	Why    string  `json:"why"`
	Danger bool    `json:"danger"`
	Params []Param `json:"params"`
}

// Param is a parameter of an action.
type Param struct {
	Name     string `json:"name"`
	Default  string `json:"default"`
	Help     string `json:"help"`
	Required bool   `json:"required"`
}

// Pod is one whose logs can be read.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// Diff is what a sync would change.
type Diff struct {
	Revision string       `json:"revision"`
	Objects  []ObjectDiff `json:"objects"`
	Blocked  string       `json:"blocked"`
	Warnings []string     `json:"warnings"`
}

// ObjectDiff is what a sync would change of an object, the values of Secrets masked.
type ObjectDiff struct {
	Object Object         `json:"object"`
	Action string         `json:"action"`
	Reason string         `json:"reason"`
	Error  string         `json:"error"`
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// LogLine is a line of a log; Note is Fixpoint's word on it.
type LogLine struct {
	Pod       string    `json:"pod"`
	Container string    `json:"container"`
	At        time.Time `json:"at"`
	Text      string    `json:"text"`
	Note      bool      `json:"note"`
	Problem   *Problem  `json:"problem"`
}

// Activity is something that happened to an app; By is "" of Fixpoint itself.
type Activity struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	App      AppName   `json:"app"`
	Kind     string    `json:"kind"`
	By       string    `json:"by"`
	Revision string    `json:"revision"`
	Message  string    `json:"message"`
	Failed   bool      `json:"failed"`
}
