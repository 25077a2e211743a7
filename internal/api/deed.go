package api

import "github.com/fixpoint-cd/fixpoint/internal/model"

// Sync asks for a sync.
type Sync struct {
	Revision string   `json:"revision,omitempty" doc:"instead of the one that the app follows"`
	Prune    bool     `json:"prune,omitempty" doc:"delete what is no longer declared"`
	DryRun   bool     `json:"dryRun,omitempty" doc:"ask the API server, write nothing"`
	Force    bool     `json:"force,omitempty" doc:"delete and create anew what can't be changed"`
	NoHooks  bool     `json:"noHooks,omitempty" doc:"leave hooks out; of Applications only"`
	Only     []Object `json:"only,omitempty" doc:"only these; all of them without it"`
	Options  []string `json:"options,omitempty" doc:"sync options such as ServerSideApply=true, instead of the app's own"`
	Retries  int      `json:"retries,omitempty" doc:"how often a failure is tried again" min:"0" max:"100"`
}

// Rollback asks to go back to an entry of the history.
type Rollback struct {
	ID     int64 `json:"id" doc:"that of the entry"`
	Prune  bool  `json:"prune,omitempty"`
	DryRun bool  `json:"dryRun,omitempty"`
}

// Refresh asks to look at sources and objects anew.
type Refresh struct {
	Hard bool `json:"hard,omitempty" doc:"render anew what is remembered, too"`
}

// Autosync switches automated sync.
type Autosync struct {
	On       *bool `json:"on" doc:"it has to be said"`
	Prune    *bool `json:"prune,omitempty" doc:"delete what is no longer declared; as it is without it"`
	SelfHeal *bool `json:"selfHeal,omitempty" doc:"take back what others change; as it is without it"`
}

// Act asks for an action of an object.
type Act struct {
	Object Object            `json:"object"`
	Params map[string]string `json:"params,omitempty"`
}

// Nothing is an empty body.
type Nothing struct{}

// Accepted says that something will be done.
type Accepted struct {
	App   string   `json:"app" doc:"where its state is"`
	Watch string   `json:"watch" doc:"where its changes are"`
	Done  []string `json:"done,omitempty" doc:"what was done already"`
}

// key is that of the object in its cluster; what identifies it has to be there.
func (o Object) key() (model.ObjectKey, error) {
	if o.Kind == "" || o.Name == "" {
		return model.ObjectKey{}, model.Invalidf("an object needs kind and name: name them, with group and namespace where it has them")
	}
	return model.ObjectKey{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}, nil
}
