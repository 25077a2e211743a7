package api

import (
	"net/http"
	"strings"
)

// route is one method of an address: all that the mux, the OpenAPI document and
// docs/api.md know of it.
type route struct {
	method, path string
	// id is the operation's name, tag what it belongs to.
	id, tag string
	// title and doc say what it does.
	title, doc string
	query      []param
	// body is a value of the request's type, example one of it in JSON; nil is none.
	body    any
	example string
	// result is a value of the answer's type; where stream is set, that of a line or
	// event.
	result any
	stream string
	// also are other types that a client may accept.
	also []string
	// status is that of success; 0 is 200.
	status int
	// open: nobody has to be known.
	open bool
	// do answers the call itself where it returns nil.
	do func(*call) (any, error)
}

// The types of answers that are no JSON.
const (
	eventStream = "text/event-stream"
	jsonLines   = "application/x-ndjson"
)

func (r route) media() string {
	if r.stream != "" {
		return r.stream
	}
	return "application/json"
}

func (r route) parameters() string {
	if len(r.query) == 0 {
		return "none"
	}
	names := make([]string, len(r.query))
	for i, p := range r.query {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// routes is the table of all there is.
func routes() []route {
	all := appRoutes()
	all = append(all, objectRoutes()...)
	all = append(all, deedRoutes()...)
	all = append(all, worldRoutes()...)
	all = append(all, sessionRoutes()...)
	all = append(all, accountRoutes()...)
	return append(all, trailRoutes()...)
}

const one = "/apps/{kind}/{namespace}/{name}"

func appRoutes() []route {
	page := []param{
		{name: "offset", kind: "integer", doc: "how many to skip"},
		{name: "limit", kind: "integer", doc: "how many at most; 50 without it", most: 500},
		{name: "facets", doc: "1 counts the values of filters, too", words: []string{"1", "0"}},
	}
	return []route{
		{
			method: http.MethodGet, path: "/apps", id: "listApps", tag: "apps", title: "List apps",
			doc:   "A page of the apps that the reader may see. Filters that are repeated find either value; different filters have to hold together.",
			query: params(filterParams, sortParam, page, fieldsParam), result: Apps{}, do: listApps,
		}, {
			method: http.MethodGet, path: "/apps/watch", id: "watchApps", tag: "apps", title: "Watch the list of apps",
			doc: "Server-sent events: \"reset\" (forget what there was; all apps follow), \"added\" and \"changed\" with the app, \"removed\" with its name, " +
				"\"current\" when all of a change has been told. Who comes back with the header Last-Event-ID gets what has changed since, " +
				"or a reset where that can't be told. \"problem\" is the last event of a stream that fails.",
			query: params(filterParams, fieldsParam), result: App{}, stream: eventStream, do: watchApps,
		}, {
			method: http.MethodGet, path: one, id: "getApp", tag: "apps", title: "Get an app",
			doc:   "One app, with all that is known of it but its tree.",
			query: params(fieldsParam), result: AppDetail{}, do: getApp,
		}, {
			method: http.MethodGet, path: one + "/watch", id: "watchApp", tag: "apps", title: "Watch an app",
			doc: "Server-sent events: \"app\" with the app whenever it has changed, and at first unless the header Last-Event-ID names what it still is; " +
				"\"tree\" when objects of its tree have changed, if they are asked for; \"removed\" at the end. \"problem\" is the last event of a stream that fails.",
			query:  params(param{name: "tree", kind: "boolean", doc: "tell of the tree, too"}, fieldsParam),
			result: AppDetail{}, stream: eventStream, do: watchApp,
		}, {
			method: http.MethodGet, path: one + "/tree", id: "getTree", tag: "apps", title: "Get an app's tree",
			doc:    "Its objects and what descends from them.",
			result: Tree{}, do: getTree,
		}, {
			method: http.MethodGet, path: one + "/diff", id: "getDiff", tag: "apps", title: "Compare an app with what is declared",
			doc: "What a sync would change, and nothing that Fixpoint would leave alone. Values of Secrets are masked.",
			query: params(param{name: "revision", doc: "a commit, branch or tag to compare with, instead of what the app follows"},
				param{name: "noise", kind: "boolean", doc: "what is ignored, too"}, objectParams),
			result: Diff{}, do: getDiff,
		}, {
			method: http.MethodGet, path: one + "/history", id: "getHistory", tag: "apps", title: "Get what was deployed",
			doc:    "What can be gone back to.",
			result: History{}, do: getHistory,
		},
	}
}

func objectRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: one + "/resources/object", id: "getObject", tag: "objects", title: "Get an object",
			doc:   "An object of the app's tree: what is there and what is declared, who has set which fields, what can be done. Values of Secrets are masked.",
			query: params(objectNeeded, fieldsParam), result: ObjectDetail{}, do: getObject,
		}, {
			method: http.MethodDelete, path: one + "/resources/object", id: "deleteObject", tag: "objects", title: "Delete an object",
			doc:   "Deletes a live object of the app. Where the app declares it and syncs by itself, it comes back.",
			query: objectNeeded, result: Accepted{}, status: http.StatusAccepted, do: deleteObject,
		}, {
			method: http.MethodGet, path: one + "/events", id: "getEvents", tag: "objects", title: "Get events",
			doc:   "Those of an object and its descendants; without an object those of the declaring object.",
			query: objectParams, result: Events{}, do: getEvents,
		}, {
			method: http.MethodGet, path: one + "/logs", id: "getLogs", tag: "objects", title: "Read logs",
			doc: "The logs of an object's pods, a JSON object per line. What ends a log that is read is told in its last line.",
			query: params(objectNeeded,
				param{name: "pod", doc: "one of several pods"},
				param{name: "container", doc: "one of several containers; * is every one, the default one without it"},
				param{name: "follow", kind: "boolean", doc: "go on until the reader ends it"},
				param{name: "previous", kind: "boolean", doc: "that of the container's earlier run"},
				param{name: "tail", kind: "integer", doc: "how many lines at the end; 500 without it, -1 is all"},
				param{name: "since", kind: "time", doc: "not older than that"},
				param{name: "search", doc: "only lines with this text, whatever the case; with ! before it those without"}),
			result: LogLine{}, stream: jsonLines, also: []string{"application/json", "text/plain"}, do: getLogs,
		}, {
			method: http.MethodPost, path: one + "/actions/{action}", id: "act", tag: "objects", title: "Do something with an object",
			doc:  "One of the actions that the object offers, such as restart.",
			body: Act{}, example: `{"object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "cart"}}`,
			result: Accepted{}, status: http.StatusAccepted, do: act,
		},
	}
}

func deedRoutes() []route {
	deed := func(name, title, doc string, body any, example string, do func(*call) (any, error)) route {
		return route{
			method: http.MethodPost, path: one + "/" + name, id: name + "App", tag: "apps", title: title, doc: doc,
			body: body, example: example, result: Accepted{}, status: http.StatusAccepted, do: do,
		}
	}
	return []route{
		deed("sync", "Sync an app", "Makes the cluster what is declared. It is accepted, not over: watch the app for its end.",
			Sync{}, `{"prune": true}`, syncApp),
		deed("rollback", "Go back to what was deployed before", "To an entry of the app's history.",
			Rollback{}, `{"id": 3}`, rollbackApp),
		deed("terminate", "End the running sync", "What is under way is brought to its end, nothing new is begun.",
			Nothing{}, `{}`, terminateApp),
		deed("refresh", "Look anew", "At the app's sources and objects, at once.",
			Refresh{}, `{"hard": false}`, refreshApp),
		deed("suspend", "Suspend an app", "Nothing is done with it until it is resumed. Applications have no such state.",
			Nothing{}, `{}`, suspendApp(true)),
		deed("resume", "Resume an app", "Ends its suspension.",
			Nothing{}, `{}`, suspendApp(false)),
		deed("autosync", "Switch automated sync", "Of an Application. Switched off, it keeps its rules. Where an app declares the Application in Git, that takes back what it declares otherwise.",
			Autosync{}, `{"on": true, "prune": true}`, autosyncApp),
		{
			method: http.MethodDelete, path: one, id: "deleteApp", tag: "apps", title: "Delete an app",
			doc: "Deletes the declaring object, and what the app has deployed unless it says that it stays. It is accepted, not over: watch the app, which is removed at its end.",
			query: []param{{
				name: "cascade", doc: "what becomes of an Application's objects: foreground (without it) and background delete them, none leaves them. Flux's kinds say it themselves",
				words: []string{"foreground", "background", "none"},
			}},
			result: Accepted{}, status: http.StatusAccepted, do: deleteApp,
		},
	}
}

func worldRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/clusters", id: "listClusters", tag: "installation", title: "List clusters",
			doc:   "Those that apps are applied to.",
			query: params(fieldsParam), result: Clusters{}, do: listClusters,
		}, {
			method: http.MethodGet, path: "/repositories", id: "listRepositories", tag: "installation", title: "List repositories",
			doc:   "Where content comes from, without credentials.",
			query: params(fieldsParam), result: Repositories{}, do: listRepositories,
		}, {
			method: http.MethodGet, path: "/projects", id: "listProjects", tag: "installation", title: "List projects",
			doc:   "What the apps of each may use.",
			query: params(fieldsParam), result: Projects{}, do: listProjects,
		}, {
			method: http.MethodGet, path: "/sources", id: "listSources", tag: "installation", title: "List what feeds apps",
			doc:   "Objects that feed apps and are none: sources, receivers, generators of apps.",
			query: params(fieldsParam), result: Feeders{}, do: listFeeders,
		}, {
			method: http.MethodGet, path: "/me", id: "getMe", tag: "installation", title: "Who am I",
			doc: "Who the reader is, and what it may do with an app, if one is asked for.",
			query: []param{
				{name: "kind", doc: "of the app", words: []string{"application", "kustomization", "helmrelease"}},
				{name: "namespace", doc: "of the app"}, {name: "name", doc: "of the app"},
			},
			result: Me{}, do: getMe,
		}, {
			method: http.MethodGet, path: "/openapi.json", id: "getOpenAPI", tag: "installation", title: "Get the document of this API",
			doc: "OpenAPI 3.1. Nobody has to be signed in.", open: true, result: map[string]any{}, do: getOpenAPI,
		}, {
			method: http.MethodGet, path: "/problems/{problem}", id: "getProblem", tag: "installation", title: "Get a kind of problem",
			doc: "What the type of a problem leads to.", result: Problem{}, do: getProblem,
		},
	}
}

func trailRoutes() []route {
	audits := params(
		param{name: "who", doc: "subject, such as admin"}, param{name: "action", doc: "such as sync or login"},
		param{name: "object", doc: "as access rules name it"},
		param{name: "outcome", doc: "how it went", words: []string{"allowed", "denied", "failed"}}, timeParams)
	return []route{
		{
			method: http.MethodGet, path: "/activity", id: "listActivity", tag: "trail", title: "List what happened",
			doc: "Newest first, of all apps that the reader may see.",
			query: params(
				param{name: "app", doc: "only that app's, as kind/namespace/name"}, param{name: "project", doc: "only that project's"},
				param{name: "kind", doc: "only such", many: true, words: activityKinds},
				param{name: "by", doc: "who asked for it"}, param{name: "q", doc: "a text in message, app or revision"}, timeParams, beforeParam,
				param{name: "limit", kind: "integer", doc: "how many at most; 50 without it", most: 500}, fieldsParam),
			result: Activities{}, do: listActivity,
		}, {
			method: http.MethodGet, path: "/audit", id: "listAudit", tag: "trail", title: "List the audit trail",
			doc: "Who did or saw what, newest first.",
			query: params(audits, beforeParam,
				param{name: "limit", kind: "integer", doc: "how many at most; 100 without it", most: 1000}, fieldsParam),
			result: Audits{}, do: listAudit,
		}, {
			method: http.MethodGet, path: "/audit/verify", id: "verifyAudit", tag: "trail", title: "Verify the audit trail",
			doc: "Reads all of it, and says whether each record is as it was written and follows the one before. What it can't find is that the " +
				"whole store is one of before: keep exports elsewhere.",
			result: AuditCheck{}, do: verifyAudit,
		}, {
			method: http.MethodGet, path: "/audit/export", id: "exportAudit", tag: "trail", title: "Export the audit trail",
			doc:    "All records, newest first: a JSON object per line, or CSV with a line of headings.",
			query:  params(audits, param{name: "format", doc: "jsonl without it", words: []string{"jsonl", "csv"}}),
			result: Audit{}, stream: jsonLines, also: []string{"application/json", "text/csv"}, do: exportAudit,
		},
	}
}
