package argoapi

import (
	"regexp"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// tree is Argo CD's ApplicationTree.
type tree struct {
	Nodes []node `json:"nodes"`
}

// node is its ResourceNode.
type node struct {
	name
	ParentRefs      []name      `json:"parentRefs,omitempty"`
	Info            []info      `json:"info,omitempty"`
	NetworkingInfo  *networking `json:"networkingInfo,omitempty"`
	ResourceVersion string      `json:"resourceVersion,omitempty"`
	Images          []string    `json:"images,omitempty"`
	Health          *health     `json:"health,omitempty"`
	CreatedAt       *time.Time  `json:"createdAt,omitempty"`
}

type info struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type networking struct {
	ExternalURLs []string `json:"externalURLs,omitempty"`
}

type health struct {
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
}

// treeOf makes one of a view.Tree. What is not known of live objects is left out:
// orphans, hosts, and where traffic goes to.
func treeOf(t view.Tree) tree {
	owners := make(map[string]name, len(t.Nodes))
	for _, n := range t.Nodes {
		if n.UID != "" {
			owner := nameOf(n)
			owner.Version = ""
			owners[n.UID] = owner
		}
	}
	out := tree{Nodes: make([]node, 0, len(t.Nodes))}
	for _, n := range t.Nodes {
		out.Nodes = append(out.Nodes, nodeOf(n, owners))
	}
	return out
}

func nodeOf(n view.Node, owners map[string]name) node {
	out := node{name: nameOf(n), ResourceVersion: n.ResourceVersion, Images: n.Images}
	for _, uid := range n.Parents {
		if owner, ok := owners[uid]; ok {
			out.ParentRefs = append(out.ParentRefs, owner)
		}
	}
	for _, text := range n.Info {
		out.Info = append(out.Info, infoOf(n.Ref.Kind, text))
	}
	for _, l := range n.Links {
		if out.NetworkingInfo == nil {
			out.NetworkingInfo = &networking{}
		}
		out.NetworkingInfo.ExternalURLs = append(out.NetworkingInfo.ExternalURLs, l.URL)
	}
	if n.Health != "" {
		out.Health = &health{string(n.Health), n.Message}
	}
	out.CreatedAt = timeOf(n.Created)
	return out
}

var (
	readyInfo   = regexp.MustCompile(`^(\d+/\d+) ready$`)
	restartInfo = regexp.MustCompile(`^(\d+) restarts?$`)
)

// infoOf is a fact under the name by which Argo CD's clients know it.
func infoOf(kind, text string) info {
	if kind == "Pod" {
		if m := readyInfo.FindStringSubmatch(text); m != nil {
			return info{"Containers", m[1]}
		}
		if m := restartInfo.FindStringSubmatch(text); m != nil {
			return info{"Restart Count", m[1]}
		}
	}
	return info{"Info", text}
}

// timeOf is a time as Kubernetes writes it; nil if it is not known.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func getTree(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	t, err := c.desk.Tree(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	return treeOf(t), nil
}

// watchTree sends the tree, and again whenever it is another.
func watchTree(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	signals, err := c.desk.Watch(c.r.Context(), view.TopicTree(app.Key))
	if err != nil {
		return nil, err
	}
	out := c.stream()
	last := time.Now()
	var sent []byte
	err = c.sendTree(out, app.Key, &sent)
	for err == nil && c.next(signals, &last) {
		err = c.sendTree(out, app.Key, &sent)
	}
	if err == nil {
		_, err = c.app() // why it is over
	}
	return nil, out.over(err)
}

func (c *call) sendTree(out *stream, key model.AppKey, sent *[]byte) error {
	t, err := c.desk.Tree(c.r.Context(), key)
	if err != nil {
		return err
	}
	message := treeOf(t)
	if alike, err := same(sent, message); err != nil || alike {
		return err
	}
	return out.send(message)
}
