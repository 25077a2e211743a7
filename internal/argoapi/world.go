package argoapi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// connection is Argo CD's ConnectionState.
type connection struct {
	Status      string     `json:"status"`
	Message     string     `json:"message"`
	AttemptedAt *time.Time `json:"attemptedAt"`
}

// cluster is its Cluster, without how it is connected to.
type cluster struct {
	Server          string      `json:"server"`
	Name            string      `json:"name"`
	Config          struct{}    `json:"config"`
	ConnectionState connection  `json:"connectionState"`
	ServerVersion   string      `json:"serverVersion,omitempty"`
	Info            clusterInfo `json:"info"`
	Project         string      `json:"project,omitempty"`
}

type clusterInfo struct {
	ConnectionState   connection `json:"connectionState"`
	ServerVersion     string     `json:"serverVersion,omitempty"`
	CacheInfo         cacheInfo  `json:"cacheInfo"`
	ApplicationsCount int        `json:"applicationsCount"`
}

type cacheInfo struct {
	ResourcesCount int `json:"resourcesCount,omitempty"`
	APIsCount      int `json:"apisCount,omitempty"`
}

func clusterOf(c view.Cluster) cluster {
	state := connection{Status: "Unknown", Message: "it is not connected to: no application uses it"}
	switch {
	case c.Err != "":
		state = connection{Status: "Failed", Message: c.Err, AttemptedAt: timeOf(c.Since)}
	case c.Connected:
		state = connection{Status: "Successful"}
	}
	return cluster{
		Server: c.Server, Name: c.Name, ConnectionState: state, ServerVersion: c.Version, Project: c.Project,
		Info: clusterInfo{ConnectionState: state, ServerVersion: c.Version, CacheInfo: cacheInfo{c.Objects, c.Kinds}, ApplicationsCount: c.Apps},
	}
}

// clusters are those that the reader may see, by server and name; "" is any.
func (c *call) clusters(server, name string) ([]cluster, error) {
	all, err := c.desk.Clusters(c.r.Context())
	if err != nil {
		return nil, err
	}
	out := []cluster{}
	for _, one := range all {
		if (server == "" || server == one.Server) && (name == "" || name == one.Name) {
			out = append(out, clusterOf(one))
		}
	}
	return out, nil
}

func listClusters(c *call) (any, error) {
	server, name := c.query.Get("server"), c.query.Get("name")
	switch value := c.query.Get("id.value"); {
	case value == "":
	case c.query.Get("id.type") == "name":
		name = value
	default:
		server = value
	}
	items, err := c.clusters(server, name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"metadata": struct{}{}, "items": items}, nil
}

// getCluster is one, by its server or with id.type=name by its name. One that is missing
// and one that the reader may not see are the same error.
func getCluster(c *call) (any, error) {
	server, name := c.r.PathValue("id"), ""
	if c.query.Get("id.type") == "name" {
		server, name = "", server
	}
	items, err := c.clusters(server, name)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, forbidden
	}
	return items[0], nil
}

// repository is Argo CD's Repository, without credentials.
type repository struct {
	Repo            string     `json:"repo"`
	Type            string     `json:"type,omitempty"`
	Name            string     `json:"name,omitempty"`
	Project         string     `json:"project,omitempty"`
	ConnectionState connection `json:"connectionState"`
}

func (c *call) repositories(url string) ([]repository, error) {
	all, err := c.desk.Repositories(c.r.Context())
	if err != nil {
		return nil, err
	}
	out := []repository{}
	for _, r := range all {
		if url != "" && url != r.URL || url == "" && c.query.Get("repo") != "" && c.query.Get("repo") != r.URL {
			continue
		}
		state := connection{Status: "Unknown", AttemptedAt: timeOf(r.Checked)}
		switch {
		case r.Err != "":
			state.Status, state.Message = "Failed", r.Err
		case !r.Checked.IsZero():
			state.Status = "Successful"
		}
		out = append(out, repository{Repo: r.URL, Type: string(r.Kind), Project: r.Project, ConnectionState: state})
	}
	return out, nil
}

func listRepositories(c *call) (any, error) {
	items, err := c.repositories("")
	if err != nil {
		return nil, err
	}
	return map[string]any{"metadata": struct{}{}, "items": items}, nil
}

func getRepository(c *call) (any, error) {
	items, err := c.repositories(c.r.PathValue("repo"))
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, refusal{code: notFound, text: fmt.Sprintf("repo %q not found", c.r.PathValue("repo"))}
	}
	return items[0], nil
}

// project is an AppProject, as far as it is known; without tokens.
type project struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   projectMetadata `json:"metadata"`
	Spec       projectSpec     `json:"spec"`
	Status     struct{}        `json:"status"`
}

// projectMetadata is that of an object where an AppProject is declared, and else a name.
type projectMetadata struct {
	Name              string     `json:"name"`
	Namespace         string     `json:"namespace"`
	UID               string     `json:"uid,omitempty"`
	ResourceVersion   string     `json:"resourceVersion,omitempty"`
	CreationTimestamp *time.Time `json:"creationTimestamp,omitempty"`
}

type projectSpec struct {
	Description                string           `json:"description,omitempty"`
	SourceRepos                []string         `json:"sourceRepos,omitempty"`
	SourceNamespaces           []string         `json:"sourceNamespaces,omitempty"`
	Destinations               []destination    `json:"destinations,omitempty"`
	ClusterResourceWhitelist   []groupKind      `json:"clusterResourceWhitelist,omitempty"`
	ClusterResourceBlacklist   []groupKind      `json:"clusterResourceBlacklist,omitempty"`
	NamespaceResourceWhitelist []groupKind      `json:"namespaceResourceWhitelist,omitempty"`
	NamespaceResourceBlacklist []groupKind      `json:"namespaceResourceBlacklist,omitempty"`
	Roles                      []role           `json:"roles,omitempty"`
	SyncWindows                []map[string]any `json:"syncWindows,omitempty"`
}

type destination struct {
	Server    string `json:"server,omitempty"`
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

type groupKind struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
	Name  string `json:"name,omitempty"`
}

type role struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Policies    []string `json:"policies,omitempty"`
	Groups      []string `json:"groups,omitempty"`
}

func (c *call) projectOf(p view.Project) project {
	out := project{
		APIVersion: "argoproj.io/v1alpha1", Kind: "AppProject",
		Metadata: projectMetadata{Name: p.Name, Namespace: c.Namespace, UID: p.UID, ResourceVersion: p.Version, CreationTimestamp: timeOf(p.Created)},
		Spec:     projectSpec{Description: p.Description, SourceRepos: p.SourceRepos, SourceNamespaces: p.Namespaces, SyncWindows: p.SyncWindows},
	}
	for _, text := range p.Destinations {
		to, ns, _ := strings.Cut(text, " / ")
		d := destination{Name: to, Namespace: ns}
		if to == "*" || strings.Contains(to, "://") {
			d = destination{Server: to, Namespace: ns}
		}
		out.Spec.Destinations = append(out.Spec.Destinations, d)
	}
	out.Spec.ClusterResourceWhitelist, out.Spec.ClusterResourceBlacklist = kindsOf(p.ClusterKinds)
	out.Spec.NamespaceResourceWhitelist, out.Spec.NamespaceResourceBlacklist = kindsOf(p.NamespacedKinds)
	for _, r := range p.Roles {
		out.Spec.Roles = append(out.Spec.Roles, role{r.Name, r.Description, r.Policies, r.Groups})
	}
	return out
}

// kindsOf are kinds as "Kind.group/name", with "-" before those that are not admitted.
func kindsOf(words []string) (admitted, refused []groupKind) {
	for _, word := range words {
		word, not := strings.CutPrefix(word, "-")
		word, name, _ := strings.Cut(word, "/")
		kind, group, _ := strings.Cut(word, ".")
		if not {
			refused = append(refused, groupKind{group, kind, name})
		} else {
			admitted = append(admitted, groupKind{group, kind, name})
		}
	}
	return admitted, refused
}

// projects are those of a name that the reader may see; "" is any.
func (c *call) projects(name string) ([]project, error) {
	all, err := c.desk.Projects(c.r.Context())
	if err != nil {
		return nil, err
	}
	out := []project{}
	for _, p := range all {
		if name == "" || name == p.Name {
			out = append(out, c.projectOf(p))
		}
	}
	return out, nil
}

func listProjects(c *call) (any, error) {
	items, err := c.projects(c.query.Get("name"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"metadata": struct{}{}, "items": items}, nil
}

// project is that of the address. One that is missing and one that the reader may not see
// are the same error.
func (c *call) project() (project, error) {
	items, err := c.projects(c.r.PathValue("project"))
	if err != nil {
		return project{}, err
	}
	if len(items) == 0 {
		return project{}, refusal{code: notFound, text: fmt.Sprintf("appprojects.argoproj.io %q not found", c.r.PathValue("project"))}
	}
	return items[0], nil
}

func getProject(c *call) (any, error) { return c.project() }

// detailedProject is Argo CD's DetailedProjectsResponse, with those clusters and
// repositories that are the project's alone, as far as the reader may see them.
func detailedProject(c *call) (any, error) {
	p, err := c.project()
	if err != nil {
		return nil, err
	}
	clusters, err := c.clusters("", "")
	if err != nil {
		return nil, err
	}
	repositories, err := c.repositories("")
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"project": p, "globalProjects": []project{},
		"clusters":     slices.DeleteFunc(clusters, func(one cluster) bool { return one.Project != p.Metadata.Name }),
		"repositories": slices.DeleteFunc(repositories, func(one repository) bool { return one.Project != p.Metadata.Name }),
	}, nil
}

// emptyOf answers for a project with a list that has nothing in it: links come from
// templates that are not read, and there are no global projects.
func emptyOf(c *call) (any, error) {
	if _, err := c.project(); err != nil {
		return nil, err
	}
	return map[string]any{"items": []any{}}, nil
}
