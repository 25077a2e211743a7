package client

import "time"

// AppName names an app. Kind is application, kustomization or helmrelease.
type AppName struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// App is a line of the list of apps.
type App struct {
	AppName
	UID       string            `json:"uid"`
	Project   string            `json:"project"`
	Labels    map[string]string `json:"labels"`
	Revision  string            `json:"revision"`
	Deployed  string            `json:"deployed"`
	Sync      string            `json:"sync"`
	Health    string            `json:"health"`
	Message   string            `json:"message"`
	Auto      bool              `json:"auto"`
	Prune     bool              `json:"prune"`
	SelfHeal  bool              `json:"selfHeal"`
	Suspended bool              `json:"suspended"`
	Phase     string            `json:"phase"`
	Created   time.Time         `json:"created"`
}

// AppDetail is an app with what the commands show of it.
type AppDetail struct {
	App
	Conditions  []Condition    `json:"conditions"`
	Asked       bool           `json:"asked"`
	Operation   *Operation     `json:"operation"`
	Resources   []Resource     `json:"resources"`
	Declaration map[string]any `json:"declaration"`
	Deletion    Deletion       `json:"deletion"`
	Blocking    []string       `json:"blocking"`
	SyncOptions []string       `json:"syncOptions"`
	CanRollback bool           `json:"canRollback"`
	WhyNot      string         `json:"whyNot"`
}

// Deletion is what a deletion of the app takes along: "none" leaves its objects.
type Deletion struct {
	Cascade string `json:"cascade"`
	Why     string `json:"why"`
}

// Condition is something about an app.
type Condition struct {
	Severity string    `json:"severity"`
	Type     string    `json:"type"`
	Text     string    `json:"text"`
	Next     string    `json:"next"`
	Since    time.Time `json:"since"`
}

// Operation is a sync that runs or has ended; Finished is zero while it runs.
type Operation struct {
	Phase       string    `json:"phase"`
	Message     string    `json:"message"`
	By          string    `json:"by"`
	Revision    string    `json:"revision"`
	Started     time.Time `json:"started"`
	Finished    time.Time `json:"finished"`
	DryRun      bool      `json:"dryRun"`
	Retries     int       `json:"retries"`
	Heal        bool      `json:"heal"`
	Terminating bool      `json:"terminating"`
	Results     []Result  `json:"results"`
}

// Result is what an operation did with an object.
type Result struct {
	Object  Object `json:"object"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Phase   string `json:"phase"`
	Hook    bool   `json:"hook"`
	Failed  bool   `json:"failed"`
}

// Object names an object of a cluster.
type Object struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Resource is an object of an app.
type Resource struct {
	Object  Object `json:"object"`
	Sync    string `json:"sync"`
	Health  string `json:"health"`
	Message string `json:"message"`
	Wave    int    `json:"wave"`
	Hook    bool   `json:"hook"`
	Prune   bool   `json:"prune"`
	Confirm bool   `json:"confirm"`
	Live    bool   `json:"live"`
	Stays   bool   `json:"stays"`
}

// Deployment is an entry of an app's history.
type Deployment struct {
	ID       int64     `json:"id"`
	Revision string    `json:"revision"`
	Sources  []Source  `json:"sources"`
	At       time.Time `json:"at"`
	Started  time.Time `json:"started"`
	By       string    `json:"by"`
	Current  bool      `json:"current"`
}

// Source is what an app is made of.
type Source struct {
	URL    string `json:"url"`
	Path   string `json:"path"`
	Chart  string `json:"chart"`
	Target string `json:"target"`
}

// Feeder is an object that feeds apps and is none.
type Feeder struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Ready     string `json:"ready"`
	Message   string `json:"message"`
	Suspended bool   `json:"suspended"`
	URL       string `json:"url"`
	Revision  string `json:"revision"`
}
