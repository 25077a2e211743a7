package api

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// AppDetail is an app, with all that is known of it but its tree.
type AppDetail struct {
	App
	Conditions  []Condition    `json:"conditions" doc:"what is wrong or worth knowing, worst first"`
	Asked       bool           `json:"asked" doc:"a look or a sync was asked for that has not been taken up, or not ended"`
	Operation   *Operation     `json:"operation,omitempty" doc:"the running or last sync"`
	Resources   []Resource     `json:"resources"`
	Images      []string       `json:"images"`
	Declaration map[string]any `json:"declaration,omitempty" doc:"the declaring object"`
	Deletion    Deletion       `json:"deletion" doc:"what becomes of its objects when it is deleted"`
	Blocking    []string       `json:"blocking" doc:"what its deletion waits for"`
	Origin      *Origin        `json:"origin,omitempty" doc:"what declares the declaring object, in Git or as a generator"`
	SyncOptions []string       `json:"syncOptions"`
	CanRollback bool           `json:"canRollback"`
	WhyNot      string         `json:"whyNot,omitempty" doc:"why it can't be rolled back"`
	May         []string       `json:"may" doc:"what the reader may do with the app"`
}

// Condition is something about an app in plain words.
type Condition struct {
	Severity string    `json:"severity" enum:"error,warning,info"`
	Type     string    `json:"type"`
	Text     string    `json:"text"`
	Next     string    `json:"next,omitempty" doc:"what to do"`
	Since    time.Time `json:"since,omitzero"`
}

// Operation is a sync that runs or has ended.
type Operation struct {
	Phase       string    `json:"phase" enum:"Running,Succeeded,Failed,Error"`
	Message     string    `json:"message,omitempty"`
	By          string    `json:"by,omitempty" doc:"who asked; Fixpoint itself without it"`
	Revision    string    `json:"revision,omitempty"`
	Started     time.Time `json:"started,omitzero"`
	Finished    time.Time `json:"finished,omitzero"`
	DryRun      bool      `json:"dryRun"`
	Prune       bool      `json:"prune"`
	Retries     int       `json:"retries"`
	Heal        bool      `json:"heal" doc:"it repaired drift"`
	Rollback    bool      `json:"rollback" doc:"it went back by itself"`
	Terminating bool      `json:"terminating"`
	Results     []Result  `json:"results"`
}

// Result is what an operation did with an object.
type Result struct {
	Object  Object `json:"object"`
	Status  string `json:"status" doc:"a word: created, updated, unchanged, pruned, skipped, failed, running, succeeded"`
	Message string `json:"message,omitempty"`
	Phase   string `json:"phase,omitempty" doc:"PreSync, Sync, PostSync, …"`
	Hook    bool   `json:"hook"`
	Failed  bool   `json:"failed"`
}

// Object names an object of a cluster.
type Object struct {
	Group     string `json:"group,omitempty" doc:"none of the core group"`
	Version   string `json:"version,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty" doc:"none of objects of the cluster"`
	Name      string `json:"name"`
}

// Resource is an object of an app.
type Resource struct {
	Object  Object `json:"object"`
	Sync    string `json:"sync,omitempty" doc:"hooks have none" enum:"Synced,OutOfSync,Unknown"`
	Health  string `json:"health,omitempty" doc:"kinds without a rule have none" enum:"Healthy,Suspended,Progressing,Missing,Degraded,Unknown"`
	Message string `json:"message,omitempty"`
	Wave    int    `json:"wave"`
	Hook    bool   `json:"hook"`
	Prune   bool   `json:"prune" doc:"no longer declared, and still there"`
	Confirm bool   `json:"confirm" doc:"somebody has to agree before it is deleted"`
	Live    bool   `json:"live" doc:"it exists"`
	Stays   bool   `json:"stays" doc:"it is not deleted together with the app"`
}

// Deletion is what a deletion of an app takes along, or has begun to.
type Deletion struct {
	Since   time.Time `json:"since,omitzero" doc:"when it was asked for"`
	Cascade string    `json:"cascade" doc:"what was asked for, or is without a word; none leaves the objects" enum:"foreground,background,none"`
	Why     string    `json:"why,omitempty" doc:"why the objects stay, or the deletion can't be done as it is"`
}

// Origin is what declares or generates the declaring object, and makes it again what it was.
type Origin struct {
	Kind      string   `json:"kind" doc:"such as Application or ApplicationSet"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty" doc:"missing where the reader may not see it"`
	App       *AppName `json:"app,omitempty" doc:"the app that it is, where it is one"`
	Heals     bool     `json:"heals" doc:"at once, and not at its next sync only"`
	Automated []string `json:"automated,omitempty" doc:"fields of automated sync that it declares"`
}

// History is what was deployed.
type History struct {
	Items []Deployment `json:"items" doc:"newest first"`
}

// Deployment is an entry of an app's history.
type Deployment struct {
	ID       int64     `json:"id" doc:"what a rollback names"`
	Revision string    `json:"revision"`
	Commit   *Commit   `json:"commit,omitempty"`
	Sources  []Source  `json:"sources"`
	At       time.Time `json:"at,omitzero"`
	Started  time.Time `json:"started,omitzero" doc:"when its sync began"`
	By       string    `json:"by,omitempty" doc:"Fixpoint itself without it"`
	Current  bool      `json:"current" doc:"it is what is deployed"`
}

func (c *call) detail(d view.Detail) AppDetail {
	return AppDetail{
		App: app(d.App), Conditions: list(d.Conditions, condition), Asked: d.Asked, Operation: operation(d.Operation),
		Resources: list(d.Resources, resource), Images: texts(d.Images), Declaration: d.Declaration,
		Deletion: Deletion{Since: d.Deletion.Since.UTC(), Cascade: string(d.Deletion.Cascade), Why: d.Deletion.Why}, Origin: origin(d.Origin),
		Blocking: texts(d.Blocking), SyncOptions: texts(d.SyncOptions), CanRollback: d.CanRollback, WhyNot: d.WhyNot,
		May: may(c.desk, d.App),
	}
}

// verbs are those of apps, in the order in which they are told.
var verbs = []view.Verb{
	view.VerbGet, view.VerbSync, view.VerbRollback, view.VerbRefresh, view.VerbSuspend, view.VerbLogs,
	view.VerbOverride, view.VerbUpdate, view.VerbAct, view.VerbDelete,
}

func may(desk view.Desk, a view.App) []string {
	out := []string{}
	for _, v := range verbs {
		if desk.May(v, a) {
			out = append(out, string(v))
		}
	}
	return out
}

func origin(o *view.Origin) *Origin {
	if o == nil {
		return nil
	}
	out := &Origin{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Heals: o.Heals, Automated: o.Automated}
	if o.App != (model.AppKey{}) {
		name := appName(o.App)
		out.App = &name
	}
	return out
}

func condition(c view.Condition) Condition {
	return Condition{Severity: string(c.Severity), Type: c.Type, Text: c.Text, Next: c.Next, Since: c.Since.UTC()}
}

func operation(o *view.Operation) *Operation {
	if o == nil {
		return nil
	}
	return &Operation{
		Phase: string(o.Phase), Message: o.Message, By: o.By, Revision: o.Revision,
		Started: o.Started.UTC(), Finished: o.Finished.UTC(), DryRun: o.DryRun, Prune: o.Prune, Retries: o.Retries,
		Heal: o.Heal, Rollback: o.Rollback, Terminating: o.Terminating, Results: list(o.Results, result),
	}
}

func result(r view.Result) Result {
	return Result{Object: object(r.Ref), Status: r.Status, Message: r.Message, Phase: r.Phase, Hook: r.Hook, Failed: r.Failed}
}

func object(r model.ObjectRef) Object {
	return Object{Group: r.Group, Version: r.Version, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

func resource(r view.Resource) Resource {
	return Resource{
		Object: object(r.Ref), Sync: string(r.Sync), Health: string(r.Health), Message: r.Message,
		Wave: r.Wave, Hook: r.Hook, Prune: r.Prune, Confirm: r.Confirm, Live: r.Live, Stays: r.Stays,
	}
}

func deployment(d view.Deployment) Deployment {
	return Deployment{
		ID: d.ID, Revision: d.Revision, Commit: commit(d.Commit), Sources: list(d.Sources, source),
		At: d.At.UTC(), Started: d.Started.UTC(), By: d.By, Current: d.Current,
	}
}
