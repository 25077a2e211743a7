package api

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Clusters are those that the reader may see.
type Clusters struct {
	Items []Cluster `json:"items"`
}

// Cluster is one that apps are applied to.
type Cluster struct {
	ClusterName
	Project     string           `json:"project,omitempty" doc:"the only one that may use it"`
	Connected   bool             `json:"connected"`
	Error       string           `json:"error,omitempty" doc:"why it does not answer"`
	Since       time.Time        `json:"since,omitzero" doc:"since when it is so"`
	Version     string           `json:"version,omitempty"`
	Apps        int              `json:"apps"`
	Objects     int              `json:"objects"`
	Kinds       int              `json:"kinds" doc:"how many are watched"`
	Requests    map[string]int64 `json:"requests,omitempty" doc:"those to its API server, by verb"`
	Unsupported []string         `json:"unsupported" doc:"settings that are not honoured"`
}

// Repositories are those that the reader may see.
type Repositories struct {
	Items []Repository `json:"items"`
}

// Repository is a place that content comes from.
type Repository struct {
	Kind        string     `json:"kind" doc:"git, oci, helm or bucket"`
	URL         string     `json:"url" doc:"without credentials"`
	Web         string     `json:"web,omitempty"`
	Project     string     `json:"project,omitempty" doc:"the only one that may use it"`
	Credentials string     `json:"credentials,omitempty" doc:"which kind there are"`
	Error       string     `json:"error,omitempty" doc:"why the last look failed"`
	Since       time.Time  `json:"since,omitzero" doc:"since when it fails"`
	Checked     time.Time  `json:"checked,omitzero" doc:"the last look"`
	Revisions   []Followed `json:"revisions"`
	Apps        int        `json:"apps"`
	Looks       int64      `json:"looks" doc:"looks at it since the start"`
	Contents    int64      `json:"contents" doc:"those of them that found something newer"`
}

// Followed is a revision that is followed.
type Followed struct {
	Target   string  `json:"target"`
	Revision string  `json:"revision,omitempty"`
	Commit   *Commit `json:"commit,omitempty"`
}

// Projects are those that the reader may see.
type Projects struct {
	Items []Project `json:"items"`
}

// Project says what its apps may use.
type Project struct {
	Name            string   `json:"name"`
	Description     string   `json:"description,omitempty"`
	SourceRepos     []string `json:"sourceRepos"`
	Destinations    []string `json:"destinations" doc:"as server or name / namespace"`
	Namespaces      []string `json:"namespaces" doc:"where apps may be declared"`
	ClusterKinds    []string `json:"clusterKinds" doc:"as kind.group/name, - before those that it does not admit"`
	NamespacedKinds []string `json:"namespacedKinds" doc:"as kind.group/name, - before those that it does not admit"`
	Roles           []Role   `json:"roles"`
	Windows         []string `json:"windows" doc:"its sync windows, in words"`
	Apps            int      `json:"apps"`
	Declared        bool     `json:"declared" doc:"there is an AppProject"`
	Implicit        bool     `json:"implicit" doc:"it is the project default, which admits everything where none is declared; with neither only apps name a project"`
}

// Role is one of a project's.
type Role struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Policies    []string `json:"policies"`
	Groups      []string `json:"groups"`
	Tokens      int      `json:"tokens" doc:"how many it has"`
}

// Feeders are those that the reader may see.
type Feeders struct {
	Items []Feeder `json:"items"`
}

// Feeder is an object that feeds apps and is none.
type Feeder struct {
	Kind      string    `json:"kind"`
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Ready     string    `json:"ready" enum:"True,False,Unknown"`
	Message   string    `json:"message,omitempty"`
	Suspended bool      `json:"suspended"`
	URL       string    `json:"url,omitempty"`
	Revision  string    `json:"revision,omitempty"`
	Commit    *Commit   `json:"commit,omitempty"`
	Changed   time.Time `json:"changed,omitzero"`
	Feeds     []AppName `json:"feeds"`
	Upstream  []string  `json:"upstream" doc:"what it comes from, as Kind/namespace/name"`
	Address   string    `json:"address,omitempty" doc:"where a receiver is called, without host"`
	Note      string    `json:"note,omitempty"`
}

func cluster(c view.Cluster) Cluster {
	return Cluster{
		ClusterName: clusterName(c.ClusterName), Project: c.Project, Connected: c.Connected, Error: c.Err, Since: c.Since.UTC(),
		Version: c.Version, Apps: c.Apps, Objects: c.Objects, Kinds: c.Kinds, Requests: c.Requests, Unsupported: texts(c.Unsupported),
	}
}

func repository(r view.Repository) Repository {
	return Repository{
		Kind: string(r.Kind), URL: r.URL, Web: r.Web, Project: r.Project, Credentials: r.Credentials, Error: r.Err,
		Since: r.Since.UTC(), Checked: r.Checked.UTC(), Apps: r.Apps, Looks: r.Looks, Contents: r.Contents,
		Revisions: list(r.Revisions, func(f view.Followed) Followed {
			return Followed{Target: f.Target, Revision: f.Revision, Commit: commit(f.Commit)}
		}),
	}
}

func project(p view.Project) Project {
	return Project{
		Name: p.Name, Description: p.Description, SourceRepos: texts(p.SourceRepos), Destinations: texts(p.Destinations),
		Namespaces: texts(p.Namespaces), ClusterKinds: texts(p.ClusterKinds), NamespacedKinds: texts(p.NamespacedKinds),
		Windows: texts(p.Windows), Apps: p.Apps, Declared: p.Declared, Implicit: p.Implicit,
		Roles: list(p.Roles, func(r view.Role) Role {
			return Role{Name: r.Name, Description: r.Description, Policies: texts(r.Policies), Groups: texts(r.Groups), Tokens: r.Tokens}
		}),
	}
}

func feeder(f view.Feeder) Feeder {
	return Feeder{
		Kind: f.Kind, Namespace: f.Namespace, Name: f.Name, Ready: status(f.Ready), Message: f.Message, Suspended: f.Suspended,
		URL: f.URL, Revision: f.Revision, Commit: commit(f.Commit), Changed: f.Changed.UTC(),
		Feeds: list(f.Feeds, appName), Upstream: texts(f.Upstream), Address: f.Address, Note: f.Note,
	}
}
