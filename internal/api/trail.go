package api

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Activities is a page of what happened, newest first.
type Activities struct {
	Items []Activity `json:"items"`
	Next  string     `json:"next,omitempty" doc:"the next page, of what is older; there is none without it"`
}

// Activity is something that happened to an app.
type Activity struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	App      AppName   `json:"app"`
	Project  string    `json:"project,omitempty"`
	Kind     string    `json:"kind" enum:"created,deleted,revision,synced,failed,drift,healed,rollback,health,error,action"`
	By       string    `json:"by,omitempty" doc:"Fixpoint itself without it"`
	Revision string    `json:"revision,omitempty"`
	Commit   *Commit   `json:"commit,omitempty"`
	Web      string    `json:"web,omitempty" doc:"the commit's page"`
	Message  string    `json:"message"`
	Failed   bool      `json:"failed"`
}

// Audits is a page of the audit trail, newest first.
type Audits struct {
	Items []Audit `json:"items"`
	Next  string  `json:"next,omitempty" doc:"the next page, of what is older; there is none without it"`
}

// Audit is a record of who did or saw what.
type Audit struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	Who      string    `json:"who" doc:"empty of somebody who was not known"`
	From     string    `json:"from"`
	Via      string    `json:"via" doc:"ui, api, argocd-api or cli"`
	Action   string    `json:"action"`
	Object   string    `json:"object,omitempty" doc:"as access rules name it"`
	Target   string    `json:"target,omitempty" doc:"the object in it"`
	Revision string    `json:"revision,omitempty"`
	Outcome  string    `json:"outcome" enum:"allowed,denied,failed"`
	Detail   string    `json:"detail,omitempty"`
}

// AuditCheck says whether the audit trail is whole.
type AuditCheck struct {
	Whole   bool      `json:"whole"`
	Broken  string    `json:"broken,omitempty" doc:"where it is not, if it is not"`
	Records int       `json:"records" doc:"how many are as they were written, one after the other; of a trail that is not whole those before the break"`
	First   int64     `json:"first,omitempty" doc:"id of the first of these; those before it have gone by their age"`
	Last    int64     `json:"last,omitempty" doc:"id of the last of these"`
	From    time.Time `json:"from,omitzero" doc:"when the first was written"`
	To      time.Time `json:"to,omitzero" doc:"when the last was written"`
}

// Me is the reader.
type Me struct {
	Name      string   `json:"name" doc:"as access rules name it; empty of an anonymous reader"`
	Title     string   `json:"title" doc:"for people"`
	Groups    []string `json:"groups"`
	Anonymous bool     `json:"anonymous"`
	May       []string `json:"may,omitempty" doc:"what the reader may do with the app that was asked for"`
}

func activity(a view.Activity) Activity {
	return Activity{
		ID: a.ID, At: a.At.UTC(), App: appName(a.App), Project: a.Project, Kind: a.Kind, By: a.By,
		Revision: a.Revision, Commit: commit(a.Commit), Web: a.Web, Message: a.Message, Failed: a.Failed,
	}
}

func audit(a view.Audit) Audit {
	return Audit{
		ID: a.ID, At: a.At.UTC(), Who: a.Who, From: a.From, Via: a.Via, Action: a.Action, Object: a.Object,
		Target: a.Target, Revision: a.Revision, Outcome: a.Outcome, Detail: a.Detail,
	}
}
